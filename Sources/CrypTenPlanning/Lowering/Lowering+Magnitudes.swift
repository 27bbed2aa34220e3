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
        let range = dropping(range, above: fractionBits - 2)
        let magnitude = magnitude(of: entry(index).inputs[0], range, step: reciprocalStep(range))
        lowerProduct(index, magnitude, .reciprocalMantissa)
    }

    /// The range without operands whose results may count as 0.
    private func dropping(_ range: MagnitudeRange, above exponent: Int) -> MagnitudeRange {
        guard range.dropsSmallResults else { return range }
        var range = range
        range.highest = max(range.lowest + 1, min(range.highest, exponent))
        return range
    }

    /// What brings the reciprocal of a mantissa back.
    private func reciprocalStep(_ range: MagnitudeRange) -> Step {
        let atCenter = TrigonometricSeries.reciprocalMantissa.atCenter
        return Step(scale: factorScale) { segment in
            switch segment {
            case .large: 0
            case .part(let normalizer, let isNegative): isNegative ? -normalizer : normalizer
            case .small(let isNegative): Lowering.power(-range.lowest) / atCenter * (isNegative ? -1 : 1)
            }
        }
    }

    mutating func lowerSquareRoot(_ index: Int, _ range: MagnitudeRange) {
        let atCenter = TrigonometricSeries.rootMantissa.atCenter
        // Roots reach 2^15.
        let step = Step(scale: factorScale - 2) { segment in
            switch segment {
            case .large: Lowering.power(range.highest).squareRoot() / atCenter
            case .part(let normalizer, _): 1 / normalizer.squareRoot()
            case .small: 0
            }
        }
        lowerProduct(index, magnitude(of: entry(index).inputs[0], range, step: step), .rootMantissa)
    }

    mutating func lowerInverseSquareRoot(_ index: Int, _ range: MagnitudeRange) {
        let range = dropping(range, above: 2 * (fractionBits - 2))
        let atCenter = TrigonometricSeries.inverseRootMantissa.atCenter
        let step = Step(scale: factorScale) { segment in
            switch segment {
            case .large: 0
            case .part(let normalizer, _): normalizer.squareRoot()
            case .small: Lowering.power(-range.lowest).squareRoot() / atCenter
            }
        }
        lowerProduct(index, magnitude(of: entry(index).inputs[0], range, step: step), .inverseRootMantissa)
    }

    mutating func lowerLogarithm(_ index: Int, _ range: MagnitudeRange) {
        let table = TrigonometricSeries.logarithmMantissa
        let magnitude = magnitude(of: entry(index).inputs[0], range, step: logarithmStep(table, range))
        let logarithm = logarithm(magnitude, table)
        setShare(index, logarithm.slot, scale: logarithm.scale)
    }

    /// What is added to the logarithm of a mantissa.
    func logarithmStep(_ table: TrigonometricSeries, _ range: MagnitudeRange) -> Step {
        let atCenter = table.atCenter
        return Step(scale: fractionBits) { segment in
            switch segment {
            case .large: Lowering.logarithm(of: Lowering.power(range.highest)) - atCenter
            case .part(let normalizer, _): -Lowering.logarithm(of: normalizer)
            case .small: Lowering.logarithm(of: Lowering.power(range.lowest)) - atCenter
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
        let magnitude = magnitude(of: y, range, step: reciprocalStep(range))
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
        let step = Step(scale: factorScale) { segment in
            switch segment {
            case .large: 0
            case .part(let normalizer, _): root * normalizer.squareRoot()
            case .small: root * Lowering.power(-range.lowest).squareRoot() / table.atCenter
            }
        }
        let inverse = inverse(magnitude(of: y, range, isFine: true, step: step), table)
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

    /// What is made of a value's segment.
    ///
    /// What is masked at a scale that leaves room is read as it is: small numbers keep their bits.
    private mutating func magnitude(
        of index: Int,
        _ range: MagnitudeRange,
        isFine: Bool = false,
        step: Step
    ) -> Magnitude {
        let scale = naturalScale(index)
        let isRoomy = scale <= scaleLimit && range.highest + scale <= Lowering.highestBit(isFine: isFine)
        var wire = isRoomy ? wire(index) : reducedWire(index)
        if !sharesHeld(wire.slot) { wire = reducedWire(index) }
        return magnitude(of: wire, range, entry(index).shape, isFine: isFine, step: step)
    }

    /// What numbers of a range, in the ring, stay below: mantissas have as many fraction bits, and are whole numbers of a phase
    /// whose period is 32/m, or 2 where segments are fine.
    private static func highestBit(isFine: Bool) -> Int {
        isFine ? 62 : 59
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
        let highest = max(lowest + 1, min(range.highest, Lowering.highestBit(isFine: isFine) - wire.scale))
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
            step: Scaled(slot: made[0], scale: step.scale)
        )
    }

    /// A public function of the segment, with so many fraction bits.
    struct Step {
        let scale: Int
        let value: (Segment) -> Double
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
        let share = product(mask(value(table, of: magnitude), shape), mask(magnitude.step, shape), shape)
        setShare(index, share.slot, scale: share.scale)
    }

    /// An opened value, truncated as it is read, times a masked factor.
    mutating func product(_ value: Scaled, _ factor: Scaled, _ shape: Shape) -> Scaled {
        let place = truncatedInPlace(value, to: factorScale)
        let form = WireForm(sharesHeld: false, shift: value.scale - factorScale)
        let gate = TruncatedProductGate(shape: shape, form: form)
        return Scaled(
            slot: emit(.truncatedProduct(gate), [place, factor.slot], .share, shape),
            scale: factorScale + factor.scale
        )
    }

    /// A share of a wire with fewer fraction bits.
    mutating func truncated(_ wire: Scaled, to scale: Int) -> Int {
        let shape = slots[wire.slot].shape
        let gate = TruncateGate(shape: shape, form: form(wire.slot), shift: wire.scale - scale)
        return emit(.truncate(gate), [wire.slot], .share, shape)
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
