import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// Functions of numbers of any magnitude: reciprocals, quotients, roots, logarithms.
///
/// A number v is compared with powers of 16, in three rounds; the bits select, as a *step*, any public function of its
/// *segment*. One step brings v into [1/16, 1): its *mantissa* u = v · 16^-k, exactly, since in the ring the product of v and a
/// power of two loses nothing. A trigonometric series gives the function of u, and a second step brings the result back:
///
///     1/v = p(u) · 16^-k    √v = p(u) · 4^k    ln v = p(u) + k ln 16
///
/// Where few numbers decide about many, such as the sums of a softmax, they are compared with powers of 4 instead: the
/// series is more exact.
///
/// Normalising by comparisons: Catrina, Saxena, "Secure Computation with Fixed-Point Numbers", FC 2010; series in the place
/// of their iterations. Where v is too small or too large the mantissa is a constant, and the result the limit.
extension Lowering {
    /// What is made of a number's segment.
    struct Magnitude {
        let shape: Shape
        /// A wire, below 1 or a constant outside of the range: of as many fraction bits that the product of the number and its
        /// normalizer is exact.
        let mantissa: Scaled
        /// A share of the function of the segment that was asked for.
        let step: Scaled
        /// Fraction bits of a function of the mantissa that is multiplied by it.
        var valueScale = 24
    }

    /// Where a number lies, in ascending order.
    enum Segment: Hashable {
        case large(isNegative: Bool)
        /// Of a magnitude that, times this factor, lies in [1/16, 1), or in [1/4, 1) where segments are fine.
        case part(normalizer: Double, isNegative: Bool)
        case small(isNegative: Bool)
    }

    /// Of factors that bring results back.
    var factorScale: Int { 24 }

    // MARK: The functions

    mutating func lowerReciprocal(_ index: Int, _ range: MagnitudeRange) {
        let x = operand(entry(index).inputs[0], dropping(range, above: fractionBits - 2))
        let magnitude = magnitude(of: x, step: reciprocalStep(x.range))
        lowerProduct(index, magnitude, .reciprocalMantissa)
    }

    /// The range without operands whose results may count as 0.
    private func dropping(_ range: MagnitudeRange, above exponent: Int) -> MagnitudeRange {
        guard range.dropsSmallResults else { return range }
        var range = range
        range.highest = max(range.lowest + 1, min(range.highest, exponent - Int(range.factor.exponent)))
        return range
    }

    /// What brings the reciprocal of a mantissa back.
    private func reciprocalStep(_ range: MagnitudeRange) -> Step {
        let atCenter = TrigonometricSeries.reciprocalMantissa.atCenter
        return Step(largest: Lowering.power(-range.lowest) / range.factor, self) { segment in
            switch segment {
            case .large: 0
            case .part(let normalizer, let isNegative): (isNegative ? -normalizer : normalizer) / range.factor
            case .small(let isNegative):
                Lowering.power(-range.lowest) / range.factor / atCenter * (isNegative ? -1 : 1)
            }
        }
    }

    mutating func lowerSquareRoot(_ index: Int, _ range: MagnitudeRange) {
        let atCenter = TrigonometricSeries.rootMantissa.atCenter
        let x = operand(entry(index).inputs[0], range)
        let root = range.factor.squareRoot()
        let largest = Lowering.power(x.range.highest).squareRoot() * root
        let step = Step(largest: largest, self) { segment in
            switch segment {
            case .large: largest / atCenter
            case .part(let normalizer, _): root / normalizer.squareRoot()
            case .small: 0
            }
        }
        lowerProduct(index, magnitude(of: x, step: step), .rootMantissa)
    }

    mutating func lowerInverseSquareRoot(_ index: Int, _ range: MagnitudeRange) {
        let atCenter = TrigonometricSeries.inverseRootMantissa.atCenter
        let x = operand(entry(index).inputs[0], dropping(range, above: 2 * (fractionBits - 2)))
        let root = range.factor.squareRoot()
        let largest = Lowering.power(-x.range.lowest).squareRoot() / root
        let step = Step(largest: largest, self) { segment in
            switch segment {
            case .large: 0
            case .part(let normalizer, _): normalizer.squareRoot() / root
            case .small: largest / atCenter
            }
        }
        lowerProduct(index, magnitude(of: x, step: step), .inverseRootMantissa)
    }

    mutating func lowerLogarithm(_ index: Int, _ range: MagnitudeRange) {
        let table = TrigonometricSeries.logarithmMantissa
        let x = operand(entry(index).inputs[0], range)
        let magnitude = magnitude(of: x, step: logarithmStep(table, x.range))
        let logarithm = logarithm(magnitude, table)
        setShare(index, logarithm.slot, scale: logarithm.scale)
    }

    /// What is added to the logarithm of a mantissa.
    func logarithmStep(_ table: TrigonometricSeries, _ range: MagnitudeRange) -> Step {
        let (atCenter, own) = (table.atCenter, range.factor == 1 ? 0 : PortableFunctions.log(range.factor))
        return Step(scale: fractionBits) { segment in
            switch segment {
            case .large: own + Lowering.logarithm(of: Lowering.power(range.highest)) - atCenter
            case .part(let normalizer, _): own - Lowering.logarithm(of: normalizer)
            case .small: own + Lowering.logarithm(of: Lowering.power(range.lowest)) - atCenter
            }
        }
    }

    /// A share of ln v with `fractionBits`.
    mutating func logarithm(_ magnitude: Magnitude, _ table: TrigonometricSeries) -> Scaled {
        let shape = magnitude.shape
        let value = mask(value(table, of: magnitude), shape)
        let truncated = truncated(value, to: fractionBits)
        return Scaled(slot: combine([truncated, magnitude.step.slot], shape), scale: fractionBits)
    }

    /// x / y = (x · 2^-k) · p(u): what is opened of x is of the quotient's magnitude, so that no bit of it is lost.
    mutating func lowerDivide(_ index: Int, _ range: MagnitudeRange) {
        let shape = entry(index).shape
        let (x, y) = (entry(index).inputs[0], entry(index).inputs[1])
        let divisor = operand(y, range)
        var step = reciprocalStep(divisor.range)
        step.scale = factorScale
        let magnitude = magnitude(of: divisor, step: step)
        var numerator = reducedWire(x)
        if numerator.scale == 0 {
            // A whole number: its product with the factor is truncated like that of any other.
            numerator.slot = linear(
                .combine(factors: [1 << UInt64(fractionBits)]),
                .wire,
                [numerator.slot],
                entry(x).shape
            )
            numerator.scale = fractionBits
        }
        let factor = mask(magnitude.step, magnitude.shape)
        let value = value(.reciprocalMantissa, of: magnitude)
        let quotient = absorbed(
            Sum.Product(operation: .multiply, left: numerator.slot, right: factor.slot),
            scale: numerator.scale + factorScale,
            shape
        )
        let reciprocal = mask(value, magnitude.shape)
        let inverse = mask(
            Scaled(slot: truncated(reciprocal, to: quotientBits), scale: quotientBits),
            magnitude.shape
        )
        let spread =
            magnitude.shape == shape ? inverse.slot : linear(.broadcast(shape), .wire, [inverse.slot], shape)
        let product = product(quotient, Scaled(slot: spread, scale: quotientBits), shape)
        setShare(index, product.slot, scale: product.scale)
    }

    /// Fraction bits of a mantissa's reciprocal: with a quotient of up to 2^20 the product has room.
    private var quotientBits: Int { 16 }

    /// x / √(y / count): the inverse root of y is had first, once for all x that share it.
    mutating func lowerDivideByRoot(_ index: Int, _ range: MagnitudeRange, count: Int) {
        let (x, y) = (entry(index).inputs[0], entry(index).inputs[1])
        let table = TrigonometricSeries.inverseRootFineMantissa
        let root = Double(count).squareRoot()
        let divisor = operand(y, range, isFine: true)
        let range = divisor.range
        let step = Step(scale: factorScale) { segment in
            switch segment {
            case .large: 0
            case .part(let normalizer, _): root * normalizer.squareRoot()
            case .small: root * Lowering.power(-range.lowest).squareRoot() / table.atCenter
            }
        }
        let inverse = inverse(magnitude(of: divisor, isFine: true, step: step), table)
        let numerator = reducedWire(x)
        let product = Sum.Product(operation: .multiply, left: numerator.slot, right: inverse.slot)
        values[index].sum = Sum(products: [product], scale: numerator.scale + inverse.scale)
    }

    // MARK: Public numbers, the same on every machine

    private static func power(_ exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: 1)
    }

    /// The natural logarithm of a power of two, without a math library.
    private static func logarithm(of number: Double) -> Double {
        Double(number.exponent) * 0.6931471805599453
    }

    // MARK: Parts

    /// What a function of any magnitude reads.
    private struct Operand {
        var wire: Scaled
        /// The magnitudes that it can have there.
        var range: MagnitudeRange
        var shape: Shape
    }

    /// A value as a function reads it, and the part of the range that its encoding holds.
    ///
    /// What is masked at a scale that leaves room is read as it is: small numbers keep their bits. Of a declared range nothing is compared
    /// with what lies outside.
    private mutating func operand(_ index: Int, _ range: MagnitudeRange, isFine: Bool = false) -> Operand {
        let scale = naturalScale(index)
        let isWhole = range.highest == MagnitudeRange.whole.highest || range.dropsSmallResults
        let isRoomy = scale <= bounds.limit(index) && (isWhole || range.highest + scale <= Lowering.highestBit)
        var wire = isRoomy ? wire(index) : reducedWire(index)
        if !sharesHeld(wire.slot) { wire = reducedWire(index) }
        var range = range
        range.lowest = min(max(range.lowest, -wire.scale), Lowering.highestBit - 1 - wire.scale)
        range.highest = max(range.lowest + 1, min(range.highest, Lowering.highestBit - wire.scale))
        if let declared = bounds.declaredRange(of: index), let exponent = declared.exponent {
            range.highest = max(range.lowest + 1, min(range.highest, exponent + 1))
            if declared.low > 0 {
                range.lowest = min(max(range.lowest, Int(declared.low.exponent)), range.highest - 1)
                range.isSigned = false
            }
        }
        return Operand(wire: wire, range: range, shape: entry(index).shape)
    }

    private mutating func magnitude(of operand: Operand, isFine: Bool = false, step: Step) -> Magnitude {
        magnitude(of: operand.wire, operand.range, operand.shape, isFine: isFine, step: step)
    }

    /// What numbers of a range, in the ring, stay below: mantissas have as many fraction bits, and are whole numbers of a phase
    /// whose period is 4/m.
    private static let highestBit = 62

    /// Fraction bits of a function of the mantissa and of the step that brings it back, which leave their product room: of results up to
    /// `largest` they have 60 bits together. A step has 19 at least, so that small results are right to a unit.
    private func scales(largest: Double) -> (value: Int, step: Int) {
        let whole = max(0, Int(largest.exponent) + 1)
        let value = min(factorScale, 60 - 19 - whole)
        return (value, min(factorScale, 60 - value - whole))
    }

    /// What is made of a wire's segment; segments are four octaves, two where `isFine`, and there are none outside of the range
    /// where the number is known to lie `isWithin`.
    mutating func magnitude(
        of wire: Scaled,
        _ range: MagnitudeRange,
        _ shape: Shape,
        isFine: Bool = false,
        isWithin: Bool = false,
        step: Step
    ) -> Magnitude {
        let lowest = max(range.lowest, -wire.scale)
        let highest = max(lowest + 1, min(range.highest, Lowering.highestBit - wire.scale))
        var segments: [Segment] = []
        var thresholds: [UInt64] = []
        // From the top, where mantissas have no bit to spare; the last may be shorter.
        let octaves = isFine ? 2 : 4
        for end in stride(from: highest, to: lowest, by: -octaves).reversed() {
            thresholds.append(1 << UInt64(max(lowest, end - octaves) + wire.scale))
            segments.append(.part(normalizer: Lowering.power(-end), isNegative: false))
        }
        thresholds.append(1 << UInt64(highest + wire.scale))
        if isWithin {
            thresholds = Array(thresholds.dropFirst().dropLast())
        } else {
            segments = [.small(isNegative: false)] + segments + [.large(isNegative: false)]
        }
        if range.isSigned {
            segments = segments.reversed().map(\.negated) + segments
            thresholds = thresholds.reversed().map { 1 &- $0 } + [0] + thresholds
        }
        let bits = thresholds.isEmpty ? [] : lessThan(thresholds, wire.slot, shape)
        let top = highest + wire.scale
        let normalizer = Step(scale: top - wire.scale) { segment in
            guard case .part(let normalizer, let isNegative) = segment else { return 0 }
            // Exact: it is a power of two.
            return isNegative ? -normalizer : normalizer
        }
        let center = Step(scale: top) { segment in
            if case .part = segment { 0 } else { Lowering.centralMantissa }
        }
        let made = steps([step, normalizer] + (isWithin ? [] : [center]), segments, bits, shape)
        let factor = mask(Scaled(slot: made[1], scale: 0), shape)
        let product = Sum.Product(operation: .multiply, left: wire.slot, right: factor.slot)
        return Magnitude(
            shape: shape,
            mantissa: absorbed(product, adding: Array(made[2...]), scale: top, shape),
            step: Scaled(slot: made[0], scale: step.scale),
            valueScale: step.valueScale
        )
    }

    /// A public function of the segment, with so many fraction bits.
    struct Step {
        var scale: Int
        /// Fraction bits of what it is multiplied by.
        var valueScale: Int
        let value: (Segment) -> Double

        init(scale: Int, value: @escaping (Segment) -> Double) {
            (self.scale, self.valueScale, self.value) = (scale, 24, value)
        }

        fileprivate init(largest: Double, _ lowering: Lowering, value: @escaping (Segment) -> Double) {
            (valueScale, scale) = lowering.scales(largest: largest)
            self.value = value
        }
    }

    /// Shares of functions of the segment: the value of the last one, and at every threshold the difference of its neighbours.
    private mutating func steps(_ steps: [Step], _ segments: [Segment], _ bits: [Int], _ shape: Shape) -> [Int] {
        let outputs = steps.map { step in
            let values = segments.map { FixedPoint.encodeConstant(step.value($0), scale: step.scale) }
            return StepGate.Output(
                constant: values[values.count - 1],
                factors: zip(values, values.dropFirst()).map { $0 &- $1 }
            )
        }
        if bits.isEmpty {
            return outputs.map { output in
                let number = constant(RingTensor(repeating: output.constant, shape: shape), kind: .integer, scale: 0)
                let gate = PromoteGate(shape: shape, asBits: false)
                return unmask(emit(.promote(gate), [number], .wire(sharesHeld: true, owner: nil), shape))
            }
        }
        let gate = StepGate(shape: shape, bits: bits.count, outputs: outputs)
        return emit(.step(gate), bits, outputs: outputs.count, .share, shape)
    }

    /// The mantissa of what lies outside of the range.
    fileprivate static let centralMantissa = 0.75

    /// A product that is opened at once, and read by gates that need no shares of its mask.
    private mutating func absorbed(
        _ product: Sum.Product,
        adding addends: [Int] = [],
        scale: Int,
        _ shape: Shape
    ) -> Scaled {
        let gate = AbsorbedGate(
            products: [
                AbsorbedProduct(
                    operation: product.operation,
                    left: slots[product.left].shape,
                    right: slots[product.right].shape,
                    leftZeroExcept: owner(product.left),
                    rightZeroExcept: owner(product.right)
                )
            ],
            addends: addends.count,
            shape: shape
        )
        let slot = emit(
            .absorbed(gate),
            [product.left, product.right] + addends,
            .wire(sharesHeld: false, owner: nil),
            shape
        )
        return Scaled(slot: slot, scale: scale)
    }

    /// A function of the mantissa: a share.
    mutating func value(_ table: TrigonometricSeries, of magnitude: Magnitude) -> Scaled {
        series(table, of: magnitude.mantissa, magnitude.shape)
    }

    /// A function of the mantissa times the step: a wire that may be a factor of many, with 26 bits.
    mutating func inverse(_ magnitude: Magnitude, _ table: TrigonometricSeries) -> Scaled {
        let shape = magnitude.shape
        let share = product(mask(value(table, of: magnitude), shape), mask(magnitude.step, shape), shape)
        let wire = mask(share, shape)
        let bits = factorScale + 2
        return mask(Scaled(slot: truncated(wire, to: bits), scale: bits), shape)
    }

    /// A function of the mantissa times the step.
    private mutating func lowerProduct(_ index: Int, _ magnitude: Magnitude, _ table: TrigonometricSeries) {
        let shape = magnitude.shape
        let value = mask(value(table, of: magnitude), shape)
        let share = product(value, mask(magnitude.step, shape), shape, scale: magnitude.valueScale)
        setShare(index, share.slot, scale: share.scale)
    }

    /// An opened value, truncated as it is read, times a masked factor.
    mutating func product(_ value: Scaled, _ factor: Scaled, _ shape: Shape, scale: Int = 24) -> Scaled {
        let place = truncatedInPlace(value, to: scale)
        let form = WireForm(sharesHeld: false, shift: value.scale - scale)
        let gate = TruncatedProductGate(shape: shape, form: form)
        return Scaled(
            slot: emit(.truncatedProduct(gate), [place, factor.slot], .share, shape),
            scale: scale + factor.scale
        )
    }

    /// A share of a wire with fewer fraction bits.
    mutating func truncated(_ wire: Scaled, to scale: Int) -> Int {
        let shape = slots[wire.slot].shape
        let gate = TruncateGate(shape: shape, form: form(wire.slot), shift: wire.scale - scale)
        return emit(.truncate(gate), [wire.slot], .share, shape)
    }
}

extension Graph {
    /// Of each entry whether a function of any magnitude reads it, itself or as part of a sum.
    var feedsMagnitude: [Bool] {
        var feeds = [Bool](repeating: false, count: entries.count)
        for (index, entry) in entries.enumerated().reversed() {
            switch entry.operation {
            case .logarithm, .reciprocal, .squareRoot, .inverseSquareRoot: feeds[entry.inputs[0]] = true
            case .divide, .divideByRoot: feeds[entry.inputs[1]] = true
            case .add, .subtract, .negate, .sum, .reshape, .declared:
                if feeds[index] { for input in entry.inputs { feeds[input] = true } }
            default: break
            }
        }
        return feeds
    }
}

extension Lowering.Segment {
    /// Where minus the number lies.
    fileprivate var negated: Self {
        switch self {
        case .large(let isNegative): .large(isNegative: !isNegative)
        case .part(let normalizer, let isNegative): .part(normalizer: normalizer, isNegative: !isNegative)
        case .small(let isNegative): .small(isNegative: !isNegative)
        }
    }
}

extension TrigonometricSeries {
    /// The value of a function of mantissas for what has none.
    fileprivate var atCenter: Double {
        evaluate(Lowering.centralMantissa)
    }
}
