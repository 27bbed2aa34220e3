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
/// Of the 64 bits of the ring these are the segments [1, 16), [16, 256), …, [2^60, 2^62): a number is read as it is, at its own
/// scale, from one unit of it to the end of the encoding. Where few numbers decide about many, such as the sums of a softmax, they are
/// compared with powers of 4 instead: the series is more exact.
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
        /// Shares of the functions of the segment that were asked for.
        let steps: [Scaled]
    }

    /// Where a number lies, in ascending order.
    enum Segment: Hashable {
        case large(isNegative: Bool)
        /// Of a magnitude that, times this factor, lies in [1/16, 1), or in [1/4, 1) where segments are fine.
        case part(normalizer: Double, isNegative: Bool)
        case small(isNegative: Bool)
    }

    /// By what numbers are divided: the root of an entry over a count.
    struct InverseRoot: Hashable {
        let operand: Int
        let range: MagnitudeRange
        let count: Int
    }

    /// How numbers of one scale are told apart.
    struct Segments {
        /// The fraction bits of the numbers.
        let scale: Int
        /// Base-2 logarithms of the smallest magnitude, and of the end of the largest segment.
        let lowest: Int
        let highest: Int
        /// The positive ones, ascending.
        let positive: [Segment]
        let isSigned: Bool
        let comparison: Comparison

        /// Bits of the mantissas.
        var top: Int { highest + scale }

        /// The gate that tells them apart, by encoded thresholds or by powers of two.
        enum Comparison {
            case thresholds([UInt64])
            case powers([Int])
        }
    }

    /// Of factors that bring results back.
    var factorScale: Int { 24 }

    // MARK: What is read

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
    private mutating func operand(_ index: Int, _ range: MagnitudeRange) -> Operand {
        let scale = naturalScale(index)
        let isWhole = range.highest == MagnitudeRange.whole.highest || range.dropsSmallResults
        let isRoomy = scale <= bounds.limit(index) && (isWhole || range.highest + scale <= Lowering.highestBit)
        let wire = isRoomy ? wire(index) : reducedWire(index)
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

    private func segments(_ operand: Operand) -> Segments {
        segments(operand.range, scale: operand.wire.scale)
    }

    /// What numbers of a range, in the ring, stay below: mantissas have as many fraction bits, and are whole numbers of a phase
    /// whose period is 4/m.
    private static let highestBit = 62

    // MARK: The functions

    /// Where reciprocals and inverse roots end, as a power of two: of the 62 bits of a product the function of the mantissa keeps 12 and what
    /// brings it back two more than the encoding.
    private var largestResult: Int { 48 - fractionBits }

    mutating func lowerReciprocal(_ index: Int, _ range: MagnitudeRange) {
        // Of a factor its power of two moves the exponents, and the rest is in the series: powers of two are exact.
        let moved = Int(range.factor.exponent)
        let table = TrigonometricSeries.reciprocalMantissa.divided(by: range.factor.significand)
        var range = dropping(range, above: fractionBits - 2)
        range.lowest = max(range.lowest, min(-largestResult - moved, range.highest - 1))
        let x = operand(entry(index).inputs[0], range)
        let segments = segments(x)
        let largest = Lowering.power(-segments.lowest - moved)
        let step = Step(scale: max(0, segments.highest + moved)) { segment in
            switch segment {
            case .large: 0
            case .part(let normalizer, let isNegative): Lowering.power(-moved) * (isNegative ? -normalizer : normalizer)
            case .small(let isNegative):
                largest / range.factor.significand / table.atCenter * (isNegative ? -1 : 1)
            }
        }
        let magnitude = magnitude(of: x.wire, segments, x.shape, steps: [step])
        lowerProduct(index, magnitude, table, resultBits: Int(largest.exponent) + 1)
    }

    /// The range without operands whose results may count as 0.
    private func dropping(_ range: MagnitudeRange, above exponent: Int) -> MagnitudeRange {
        guard range.dropsSmallResults else { return range }
        var range = range
        range.highest = max(range.lowest + 1, min(range.highest, exponent - Int(range.factor.exponent)))
        return range
    }

    mutating func lowerSquareRoot(_ index: Int, _ range: MagnitudeRange) {
        var x = operand(entry(index).inputs[0], range)
        let root = range.factor.squareRoot()
        // A factor may take the result beyond what leaves the mantissa's root 13 bits: there, at the end of a segment, it stays.
        let end = 2 * (largestResult - 1) - 1 - Int(range.factor.exponent)
        let aligned = (end + x.wire.scale) / 4 * 4 - x.wire.scale
        x.range.highest = max(x.range.lowest + 1, min(x.range.highest, aligned))
        let segments = segments(x)
        let atCenter = TrigonometricSeries.rootMantissa.atCenter
        let largest = Lowering.power(segments.highest).squareRoot() * root
        let resultBits = max(0, Int(largest.exponent) + 1)
        let bits = max(fractionBits + 2, min(factorScale - 2, 62 - factorScale - resultBits))
        let step = Step(scale: bits) { segment in
            switch segment {
            case .large: largest / atCenter
            case .part(let normalizer, _): root / normalizer.squareRoot()
            case .small: 0
            }
        }
        let magnitude = magnitude(of: x.wire, segments, x.shape, steps: [step])
        lowerProduct(index, magnitude, .rootMantissa, resultBits: resultBits)
    }

    mutating func lowerInverseSquareRoot(_ index: Int, _ range: MagnitudeRange) {
        let root = range.factor.squareRoot()
        var range = dropping(range, above: 2 * (fractionBits - 2))
        range.lowest = max(range.lowest, min(-2 * largestResult - Int(range.factor.exponent), range.highest - 1))
        let x = operand(entry(index).inputs[0], range)
        let segments = segments(x)
        let atCenter = TrigonometricSeries.inverseRootMantissa.atCenter
        let largest = Lowering.power(-segments.lowest).squareRoot() / root
        let resultBits = max(0, Int(largest.exponent) + 1)
        let bits = max(fractionBits + 2, min(factorScale, 62 - 20 - resultBits))
        let step = Step(scale: bits) { segment in
            switch segment {
            case .large: 0
            case .part(let normalizer, _): normalizer.squareRoot() / root
            case .small: largest / atCenter
            }
        }
        let magnitude = magnitude(of: x.wire, segments, x.shape, steps: [step], sparesDealer: range.sparesDealer)
        lowerProduct(index, magnitude, .inverseRootMantissa, resultBits: resultBits)
    }

    mutating func lowerLogarithm(_ index: Int, _ range: MagnitudeRange) {
        let table = TrigonometricSeries.logarithmMantissa
        let x = operand(entry(index).inputs[0], range)
        let segments = segments(x)
        let step = logarithmStep(table, segments, of: range.factor)
        let magnitude = magnitude(of: x.wire, segments, x.shape, steps: [step])
        let logarithm = logarithm(magnitude, table)
        setShare(index, logarithm.slot, scale: logarithm.scale)
    }

    /// What is added to the logarithm of a mantissa.
    func logarithmStep(_ table: TrigonometricSeries, _ segments: Segments, of factor: Double = 1) -> Step {
        let atCenter = table.atCenter
        let constant = factor == 1 ? 0 : PortableFunctions.log(factor)
        return Step(scale: fractionBits) { segment in
            switch segment {
            case .large: Lowering.logarithm(of: Lowering.power(segments.highest)) - atCenter + constant
            case .part(let normalizer, _): -Lowering.logarithm(of: normalizer) + constant
            case .small: Lowering.logarithm(of: Lowering.power(segments.lowest)) - atCenter + constant
            }
        }
    }

    /// A share of ln v with `fractionBits`.
    mutating func logarithm(_ magnitude: Magnitude, _ table: TrigonometricSeries) -> Scaled {
        let shape = magnitude.shape
        let value = mask(value(table, of: magnitude), shape)
        let truncated = truncated(value, to: fractionBits)
        return Scaled(slot: combine([truncated, magnitude.steps[0].slot], shape), scale: fractionBits)
    }

    /// x / y = (x · 2^-e) · p(u): what is opened of x is of the quotient's magnitude, so that no bit of it is lost.
    ///
    /// For small divisors 2^-e is a whole factor; for larger ones x is read with fewer bits, truncated in place: a factor for each of
    /// two or three groups of divisors, zero outside of it, and one opening for the sum.
    mutating func lowerDivide(_ index: Int, _ range: MagnitudeRange) {
        let shape = entry(index).shape
        let x = entry(index).inputs[0]
        let divisor = operand(entry(index).inputs[1], range)
        let segments = segments(divisor)
        // Of a factor its power of two moves the exponents, and the rest is in the series.
        let moved = Int(range.factor.exponent)
        let decidesAboutMany = divisor.shape.count < shape.count
        let table = (decidesAboutMany ? TrigonometricSeries.reciprocalExactMantissa : .reciprocalMantissa)
            .divided(by: range.factor.significand)
        let end = segments.highest + moved
        var numerator = entry(x).isSecret ? reducedWire(x) : publicNumerator(x)
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
        // What is opened has as many fraction bits as leave quotients room, and the factors those that x lacks of it.
        let scale = 62 - largestQuotient
        let bits = scale - numerator.scale
        var shifts = [max(0, numerator.scale - fractionBits)]
        // Of what is divided by still larger numbers nothing is left.
        while bits + shifts[shifts.count - 1] < end, shifts[shifts.count - 1] < Lowering.highestBit {
            let next = shifts[shifts.count - 1] + scale - fractionBits - 1
            // One bit of precision for a factor less.
            shifts.append(min(Lowering.highestBit, next + bits + 1 == end ? next + 1 : next))
        }
        let factors = shifts.indices.map { group in
            let most = Lowering.power(bits + shifts[group] - moved)
            let least = group == 0 ? 0 : Lowering.power(bits + shifts[group - 1] - moved)
            return Step(scale: bits) { segment in
                switch segment {
                case .large: 0
                case .part(let normalizer, let isNegative):
                    1 / normalizer > least && 1 / normalizer <= most
                        ? Lowering.power(shifts[group] - moved) * (isNegative ? -normalizer : normalizer) : 0
                case .small(let isNegative):
                    group > 0
                        ? 0 : Lowering.power(-segments.lowest) / range.factor / table.atCenter * (isNegative ? -1 : 1)
                }
            }
        }
        let magnitude = magnitude(of: divisor.wire, segments, divisor.shape, steps: factors)
        let value = value(table, of: magnitude)
        let masked = magnitude.steps.map { mask($0, magnitude.shape) }
        var parts: [Int] = []
        for (shift, factor) in zip(shifts, masked) where shift > 0 {
            let spread = broadcast(numerator, to: shape)
            let place = truncatedInPlace(spread, to: numerator.scale - shift)
            let gate = TruncatedProductGate(shape: shape, form: WireForm(sharesHeld: false, shift: shift))
            parts.append(emit(.truncatedProduct(gate), [place, broadcast(factor, to: shape).slot], .share, shape))
        }
        let quotient =
            shifts[0] == 0
            ? absorbed(
                Sum.Product(operation: .multiply, left: numerator.slot, right: masked[0].slot),
                adding: parts,
                scale: scale,
                shape
            ) : mask(Scaled(slot: combine(parts, shape), scale: scale), shape)
        let (kept, inverseBits) = (fractionBits + 2, 62 - largestQuotient - fractionBits - 2)
        let reciprocal = mask(value, magnitude.shape)
        let inverse = mask(
            Scaled(slot: truncated(reciprocal, to: inverseBits), scale: inverseBits),
            magnitude.shape
        )
        let product = product(quotient, broadcast(inverse, to: shape), to: kept, shape)
        setShare(index, product.slot, scale: product.scale)
    }

    private mutating func broadcast(_ wire: Scaled, to shape: Shape) -> Scaled {
        if slots[wire.slot].shape == shape { return wire }
        return Scaled(slot: linear(.broadcast(shape), .wire, [wire.slot], shape), scale: wire.scale)
    }

    /// Numbers that are public but not one, as a wire.
    private mutating func publicNumerator(_ index: Int) -> Scaled {
        let shape = entry(index).shape
        let gate = PromoteGate(shape: shape, asBits: false)
        let plain = plain(index, scale: fractionBits)
        return Scaled(
            slot: emit(.promote(gate), [plain], .wire(sharesHeld: true, owner: nil), shape),
            scale: fractionBits
        )
    }

    /// Quotients are smaller than this power of two: as products are, where that leaves the reciprocal of a mantissa 12 bits.
    private var largestQuotient: Int { min(62 - 2 * fractionBits, 48 - fractionBits) }

    /// x / √(y / count): the inverse root of y is had first, once for all x that share it.
    mutating func lowerDivideByRoot(_ index: Int, _ range: MagnitudeRange, count: Int) {
        let (x, y) = (entry(index).inputs[0], entry(index).inputs[1])
        let inverse = inverseRoot(y, range, count: count)
        // A gradient may begin with public numbers.
        let numerator = entry(x).isSecret ? reducedWire(x) : publicNumerator(x)
        let product = Sum.Product(operation: .multiply, left: numerator.slot, right: inverse.slot)
        values[index].sum = Sum(products: [product], scale: numerator.scale + inverse.scale)
    }

    /// 1 / √(y / count), which is found once: a normalisation's gradient divides by what the normalisation has.
    private mutating func inverseRoot(_ y: Int, _ range: MagnitudeRange, count: Int) -> Scaled {
        let key = InverseRoot(operand: y, range: range, count: count)
        if let found = inverseRoots[key] { return found }
        let table = TrigonometricSeries.inverseRootExactMantissa
        let root = Double(count).squareRoot()
        let divisor = operand(y, range)
        let segments = segments(divisor)
        let largest = root * Lowering.power(-segments.lowest).squareRoot()
        let step = Step(scale: factorScale) { segment in
            switch segment {
            case .large: 0
            case .part(let normalizer, _): root * normalizer.squareRoot()
            case .small: largest / table.atCenter
            }
        }
        let magnitude = magnitude(of: divisor.wire, segments, divisor.shape, steps: [step])
        let inverse = inverse(magnitude, table, resultBits: Int(largest.exponent) + 1)
        inverseRoots[key] = inverse
        return inverse
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

    /// How numbers in a range are told apart: by powers of 16 of the unit from the smallest
    /// on, if that is cheaper than by thresholds of the range's own.
    private func segments(_ range: MagnitudeRange, scale: Int) -> Segments {
        let low = max(0, range.lowest + scale)
        let high = max(low + 1, range.highest + scale)
        // The last segment has two octaves: there the encoding ends.
        let isWhole = high > 60
        let top = isWhole ? Lowering.highestBit : (high + 3) / 4 * 4
        let start = min(low, top - 1) / 4 * 4
        let ends = Array(stride(from: start + 4, to: top, by: 4)) + [top]
        let parts = ends.map { Segment.part(normalizer: Lowering.power(scale - $0), isNegative: false) }
        let positions = [start] + (isWhole ? ends.dropLast() : ends)
        let aligned = Segments(
            scale: scale,
            lowest: start - scale,
            highest: top - scale,
            positive: [.small(isNegative: false)] + parts + (isWhole ? [] : [.large(isNegative: false)]),
            isSigned: range.isSigned,
            comparison: .powers(positions)
        )
        let own = ownSegments(range, scale: scale, octaves: 4)
        guard case .thresholds(let thresholds) = own.comparison,
            let opened = MagnitudeGate.openedBits(bits: 64, positions: positions, isSigned: range.isSigned),
            opened < SignGate.openedBits * thresholds.count
        else { return own }
        return aligned
    }

    /// How numbers are told apart by thresholds: from the top, where mantissas have no bit to spare; the last segment may be shorter.
    /// There are none outside of the range where numbers are known to lie `isWithin`.
    func ownSegments(
        _ range: MagnitudeRange,
        scale: Int,
        octaves: Int,
        isWithin: Bool = false
    ) -> Segments {
        let lowest = max(range.lowest, -scale)
        let highest = max(lowest + 1, min(range.highest, Lowering.highestBit - scale))
        let ends = Array(stride(from: highest, to: lowest, by: -octaves).reversed())
        var segments = ends.map { Segment.part(normalizer: Lowering.power(-$0), isNegative: false) }
        var thresholds = ends.map { UInt64(1) << UInt64(max(lowest, $0 - octaves) + scale) }
        if isWithin {
            thresholds.removeFirst()
        } else {
            thresholds.append(1 << UInt64(highest + scale))
            segments = [.small(isNegative: false)] + segments + [.large(isNegative: false)]
        }
        if range.isSigned { thresholds = thresholds.reversed().map { 1 &- $0 } + [0] + thresholds }
        return Segments(
            scale: scale,
            lowest: lowest,
            highest: highest,
            positive: segments,
            isSigned: range.isSigned,
            comparison: .thresholds(thresholds)
        )
    }

    /// What is made of a wire's segment.
    ///
    /// - Parameter sparesDealer: Whether the normalizer is masked before the wire is multiplied by it: a round and 8 opened bytes more, and nothing
    ///   is dealt for the product, instead of 8 bytes for each bit.
    mutating func magnitude(
        of wire: Scaled,
        _ segments: Segments,
        _ shape: Shape,
        steps: [Step],
        sparesDealer: Bool = false
    ) -> Magnitude {
        let top = segments.top
        let normalizer = Step(scale: segments.highest) { segment in
            guard case .part(let normalizer, let isNegative) = segment else { return 0 }
            // Exact: it is a power of two.
            return isNegative ? -normalizer : normalizer
        }
        let center = Step(scale: top) { segment in
            if case .part = segment { 0 } else { Lowering.centralMantissa }
        }
        if segments.positive.count == 1 {
            // Nothing has to be told apart.
            let factor = FixedPoint.encodeConstant(normalizer.value(segments.positive[0]), scale: normalizer.scale)
            return Magnitude(
                shape: shape,
                mantissa: Scaled(slot: linear(.combine(factors: [factor]), .wire, [wire.slot], shape), scale: top),
                steps: steps.map { step in
                    let number = RingTensor(
                        repeating: FixedPoint.encodeConstant(step.value(segments.positive[0]), scale: step.scale),
                        shape: shape
                    )
                    let plain = constant(number, kind: .integer, scale: 0)
                    let gate = PromoteGate(shape: shape, asBits: false)
                    let promoted = emit(.promote(gate), [plain], .wire(sharesHeld: true, owner: nil), shape)
                    return Scaled(slot: unmask(promoted), scale: step.scale)
                }
            )
        }
        let bits: [Int]
        switch segments.comparison {
        case .thresholds(let thresholds):
            bits = lessThan(thresholds, wire.slot, shape)
        case .powers(let positions):
            let gate = MagnitudeGate(
                shape: shape,
                form: form(wire.slot),
                positions: positions,
                isSigned: segments.isSigned
            )
            bits = emit(.magnitude(gate), [wire.slot], outputs: gate.outputs, .bits, shape)
        }
        let leavesRange = segments.positive.contains { if case .part = $0 { false } else { true } }
        let functions = steps + (leavesRange ? [center] : [])
        if sparesDealer, sharesHeld(wire.slot) {
            let outputs = (functions + [normalizer]).map { segments.output($0) }
            let gate = StepGate(shape: shape, bits: bits.count, outputs: outputs)
            let made = emit(.step(gate), bits, outputs: outputs.count, .share, shape)
            let factor = mask(Scaled(slot: made[functions.count], scale: normalizer.scale), shape)
            return Magnitude(
                shape: shape,
                mantissa: absorbed(
                    Sum.Product(operation: .multiply, left: wire.slot, right: factor.slot),
                    adding: Array(made[steps.count..<functions.count]),
                    scale: top,
                    shape
                ),
                steps: zip(made, steps).map { Scaled(slot: $0, scale: $1.scale) }
            )
        }
        let gate = StepProductGate(
            shape: shape,
            form: form(wire.slot),
            bits: bits.count,
            steps: functions.map { segments.output($0) },
            products: [segments.output(normalizer)]
        )
        let made = emit(.stepProduct(gate), bits + [wire.slot], outputs: functions.count + 1, .share, shape)
        let mantissa = combine([made[functions.count]] + made[steps.count..<functions.count], shape)
        return Magnitude(
            shape: shape,
            mantissa: mask(Scaled(slot: mantissa, scale: top), shape),
            steps: zip(made, steps).map { Scaled(slot: $0, scale: $1.scale) }
        )
    }

    /// A public function of the segment, with so many fraction bits.
    struct Step {
        let scale: Int
        let value: (Segment) -> Double
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
    mutating func inverse(_ magnitude: Magnitude, _ table: TrigonometricSeries, resultBits: Int = 0) -> Scaled {
        let shape = magnitude.shape
        let step = magnitude.steps[0]
        let share = product(
            mask(value(table, of: magnitude), shape),
            mask(step, shape),
            to: min(factorScale, 62 - resultBits - step.scale),
            shape
        )
        let wire = mask(share, shape)
        let bits = factorScale + 2
        return mask(Scaled(slot: truncated(wire, to: bits), scale: bits), shape)
    }

    /// A function of the mantissa times the step.
    private mutating func lowerProduct(
        _ index: Int,
        _ magnitude: Magnitude,
        _ table: TrigonometricSeries,
        resultBits: Int
    ) {
        let shape = magnitude.shape
        let step = magnitude.steps[0]
        let share = product(
            mask(value(table, of: magnitude), shape),
            mask(step, shape),
            to: min(factorScale, 62 - max(0, resultBits) - step.scale),
            shape
        )
        setShare(index, share.slot, scale: share.scale)
    }

    /// An opened value, truncated as it is read, times a masked factor.
    mutating func product(_ value: Scaled, _ factor: Scaled, to scale: Int? = nil, _ shape: Shape) -> Scaled {
        let scale = scale ?? factorScale
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

extension Lowering.Segments {
    /// A function of the segment as one of the bits: the value of what none of them says, and at each the difference it makes.
    fileprivate func output(_ step: Lowering.Step) -> StepGate.Output {
        func encoded(_ segment: Lowering.Segment) -> UInt64 {
            FixedPoint.encodeConstant(step.value(segment), scale: step.scale)
        }
        func differences(_ values: [UInt64]) -> [UInt64] {
            zip(values, values.dropFirst()).map { $0 &- $1 }
        }
        let above = positive.map(encoded)
        let below = positive.map { encoded($0.negated) }
        switch comparison {
        case .thresholds:
            let values = (isSigned ? below.reversed() : []) + above
            return StepGate.Output(constant: values[values.count - 1], factors: differences(values))
        case .powers:
            // Without a bit the number is positive and largest; with the sign alone it is negative and largest, or negative at all.
            let last = above[above.count - 1]
            let negative = isSigned ? below[below.count - 1] : above[0]
            return StepGate.Output(
                constant: last,
                factors: differences(above) + (isSigned ? differences(below) : []) + [negative &- last]
            )
        }
    }
}

extension SignGate {
    /// What a comparison of 64 bits opens.
    fileprivate static let openedBits = 39
}

extension TrigonometricSeries {
    /// The series over a public number.
    fileprivate func divided(by number: Double) -> TrigonometricSeries {
        TrigonometricSeries(
            period: period,
            constant: constant / number,
            cosines: cosines.map { $0 / number },
            sines: sines.map { $0 / number }
        )
    }

    /// The value of a function of mantissas for what has none.
    fileprivate var atCenter: Double {
        evaluate(Lowering.centralMantissa)
    }
}
