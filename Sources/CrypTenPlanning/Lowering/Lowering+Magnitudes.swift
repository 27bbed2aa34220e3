import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// Functions of numbers of any magnitude: reciprocals, quotients, roots, logarithms.
///
/// A number v is compared with powers of 16, in three rounds; the bits select, as a *step*, any public function of its
/// *segment*. One step brings v into [1/16, 1): its *mantissa* u = v · 16^-k, exactly, since in the ring the product of v and a
/// power of two loses nothing. Cubics between knots give the function of u, and a second step brings the result back:
///
///     1/v = p(u) · 16^-k    √v = p(u) · 4^k    ln v = p(u) + k ln 16
///
/// Where few numbers decide about many, such as the sums of a softmax, they are compared with 2^k and 4/3 · 2^k instead, and
/// one polynomial of a mantissa in [2/3, 1) does: three rounds less, and more exact.
///
/// Normalising by comparisons: Catrina, Saxena, "Secure Computation with Fixed-Point Numbers", FC 2010; polynomials in
/// the place of their iterations. Where v is too small or too large the mantissa is a constant, and the result the limit.
extension Lowering {
    /// A number's segment, as shares of the bits [v < threshold].
    struct Magnitude {
        /// Fraction bits of the number.
        let scale: Int
        let shape: Shape
        let segments: [Segment]
        /// One less than there are segments.
        let bits: [Int]
        /// Fraction bits of mantissas: products of numbers and their normalizers are exact.
        let top: Int
        let isFine: Bool
        let wire: Int
    }

    /// Where a number lies, in ascending order.
    enum Segment: Hashable {
        case large(isNegative: Bool)
        /// Of a magnitude that, times this factor, lies in [1/16, 1), or in [2/3, 1) where segments are fine.
        case part(normalizer: Double, isNegative: Bool)
        case small(isNegative: Bool)
    }

    /// Fraction bits of a mantissa, and of a function's value before its truncation: of cubics that reach 16, and of one
    /// polynomial of degree 4 that reaches 2.
    private static let coarse = (bits: 16, total: 57)
    private static let fine = (bits: 14, total: 60)
    /// Of factors that bring results back.
    private var factorScale: Int { 24 }

    // MARK: The functions

    mutating func lowerReciprocal(_ index: Int, _ range: MagnitudeRange) {
        let magnitude = magnitude(of: entry(index).inputs[0], range)
        let factor = reciprocalFactor(magnitude, range)
        lowerProduct(index, magnitude, .reciprocalMantissa, Scaled(slot: factor, scale: factorScale))
    }

    /// What brings the reciprocal of a mantissa back.
    private mutating func reciprocalFactor(_ magnitude: Magnitude, _ range: MagnitudeRange) -> Int {
        let atCenter = PiecewisePolynomial.reciprocalMantissa.atCenter
        return step(magnitude, scale: factorScale) { segment in
            switch segment {
            case .large: 0
            case .part(let normalizer, let isNegative): isNegative ? -normalizer : normalizer
            case .small(let isNegative): Lowering.power(-range.lowest) / atCenter * (isNegative ? -1 : 1)
            }
        }
    }

    mutating func lowerSquareRoot(_ index: Int, _ range: MagnitudeRange) {
        let magnitude = magnitude(of: entry(index).inputs[0], range)
        let atCenter = PiecewisePolynomial.rootMantissa.atCenter
        // Roots reach 2^15.
        let scale = factorScale - 2
        let factor = step(magnitude, scale: scale) { segment in
            switch segment {
            case .large: Lowering.power(range.highest).squareRoot() / atCenter
            case .part(let normalizer, _): 1 / normalizer.squareRoot()
            case .small: 0
            }
        }
        lowerProduct(index, magnitude, .rootMantissa, Scaled(slot: factor, scale: scale))
    }

    mutating func lowerInverseSquareRoot(_ index: Int, _ range: MagnitudeRange) {
        let magnitude = magnitude(of: entry(index).inputs[0], range)
        let atCenter = PiecewisePolynomial.inverseRootMantissa.atCenter
        let factor = step(magnitude, scale: factorScale) { segment in
            switch segment {
            case .large: 0
            case .part(let normalizer, _): normalizer.squareRoot()
            case .small: Lowering.power(-range.lowest).squareRoot() / atCenter
            }
        }
        lowerProduct(index, magnitude, .inverseRootMantissa, Scaled(slot: factor, scale: factorScale))
    }

    mutating func lowerLogarithm(_ index: Int, _ range: MagnitudeRange) {
        let magnitude = magnitude(of: entry(index).inputs[0], range)
        let logarithm = logarithm(magnitude, .logarithmMantissa, range)
        setShare(index, logarithm.slot, scale: logarithm.scale)
    }

    /// A share of ln v with `fractionBits`.
    private mutating func logarithm(
        _ magnitude: Magnitude,
        _ table: PiecewisePolynomial,
        _ range: MagnitudeRange
    ) -> Scaled {
        let shape = magnitude.shape
        let atCenter = table.atCenter
        let value = mask(value(table, of: magnitude), shape)
        let truncated = truncated(value, to: fractionBits)
        let added = step(magnitude, scale: fractionBits) { segment in
            switch segment {
            case .large: Lowering.logarithm(of: Lowering.power(range.highest)) - atCenter
            case .part(let normalizer, _): -Lowering.logarithm(of: normalizer)
            case .small: Lowering.logarithm(of: Lowering.power(range.lowest)) - atCenter
            }
        }
        return Scaled(slot: combine([truncated, added], shape), scale: fractionBits)
    }

    /// x / y = (x · 2^-k) · p(u): what is opened of x is of the quotient's magnitude, so that no bit of it is lost.
    mutating func lowerDivide(_ index: Int, _ range: MagnitudeRange) {
        let shape = entry(index).shape
        let (x, y) = (entry(index).inputs[0], entry(index).inputs[1])
        let magnitude = magnitude(of: y, range)
        let factor = reciprocalFactor(magnitude, range)
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
        let factorWire = mask(Scaled(slot: factor, scale: factorScale), magnitude.shape)
        let value = value(.reciprocalMantissa, of: magnitude)
        let quotient = absorbed(
            Sum.Product(operation: .multiply, left: numerator.slot, right: factorWire.slot),
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
        let magnitude = magnitude(of: y, range, isFine: true)
        let table = PiecewisePolynomial.inverseRootFineMantissa
        let root = Double(count).squareRoot()
        let factor = step(magnitude, scale: factorScale) { segment in
            switch segment {
            case .large: 0
            case .part(let normalizer, _): root * normalizer.squareRoot()
            case .small: root * Lowering.power(-range.lowest).squareRoot() / table.atCenter
            }
        }
        let inverse = inverse(magnitude, mask(value(table, of: magnitude), magnitude.shape), factor)
        let numerator = reducedWire(x)
        let product = Sum.Product(operation: .multiply, left: numerator.slot, right: inverse.slot)
        values[index].sum = Sum(products: [product], scale: numerator.scale + inverse.scale)
    }

    /// eˣ over its sum, of x whose largest is 0: the sum lies between 1 and the number of terms.
    mutating func lowerNormalizedExponential(_ index: Int, axis: Int) {
        let shape = entry(index).shape
        let (powers, magnitude) = exponentials(entry(index).inputs[0], axis: axis)
        let factor = step(magnitude, scale: factorScale) { segment in
            guard case .part(let normalizer, _) = segment else { return 0 }
            return normalizer
        }
        let reciprocal = value(.reciprocalFineMantissa, of: magnitude)
        let inverse = inverse(magnitude, mask(reciprocal, magnitude.shape), factor)
        let numerator = mask(powers, shape)
        let spread = linear(.broadcast(shape), .wire, [inverse.slot], shape)
        let product = product(numerator, Scaled(slot: spread, scale: inverse.scale), shape)
        setShare(index, product.slot, scale: product.scale)
    }

    mutating func lowerLogarithmOfExponentials(_ index: Int, axis: Int) {
        let (_, magnitude) = exponentials(entry(index).inputs[0], axis: axis)
        let logarithm = logarithm(magnitude, .logarithmFineMantissa, MagnitudeRange(0, 1))
        let slot = linear(.reshape(entry(index).shape), .share, [logarithm.slot], entry(index).shape)
        setShare(index, slot, scale: logarithm.scale)
    }

    // MARK: Public numbers, the same on every machine

    private static func power(_ exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: 1)
    }

    /// The natural logarithm of a power of two, or of 3/2 of one, without a math library.
    private static func logarithm(of number: Double) -> Double {
        let (two, threeHalves) = (0.6931471805599453, 0.4054651081081644)
        return Double(number.exponent) * two + (number.significand == 1.5 ? threeHalves : 0)
    }

    // MARK: Parts

    /// A value's segment. What is masked at a scale that leaves room is read as it is: small numbers keep their bits.
    private mutating func magnitude(of index: Int, _ range: MagnitudeRange, isFine: Bool = false) -> Magnitude {
        let scale = naturalScale(index)
        let isRoomy = scale <= scaleLimit && range.highest + scale <= Lowering.highestBit(isFine: isFine)
        var wire = isRoomy ? wire(index) : reducedWire(index)
        if !sharesHeld(wire.slot) { wire = reducedWire(index) }
        return magnitude(of: wire, range, entry(index).shape, isFine: isFine)
    }

    /// What numbers of a range, in the ring, stay below: a mantissa's bits fit above those of the largest segment.
    private static func highestBit(isFine: Bool) -> Int {
        isFine ? 61 : 59
    }

    /// - Parameters:
    ///   - isFine: Whether segments are less than an octave.
    ///   - isWithin: Whether the number is known to lie in the range.
    private mutating func magnitude(
        of wire: Scaled,
        _ range: MagnitudeRange,
        _ shape: Shape,
        isFine: Bool = false,
        isWithin: Bool = false
    ) -> Magnitude {
        let lowest = max(range.lowest, -wire.scale)
        let highest = max(lowest + 1, min(range.highest, Lowering.highestBit(isFine: isFine) - wire.scale))
        var segments: [Segment] = []
        var thresholds: [UInt64] = []
        for exponent in stride(from: lowest, to: highest, by: isFine ? 1 : 4) {
            let start = UInt64(1) << UInt64(exponent + wire.scale)
            let normalizer = Lowering.power(-exponent - (isFine ? 1 : 4))
            thresholds.append(start)
            // The very smallest numbers have no middle.
            let middle = (start * 4 + 2) / 3
            if isFine, middle < 2 * start {
                segments.append(.part(normalizer: normalizer * 1.5, isNegative: false))
                thresholds.append(middle)
            }
            segments.append(.part(normalizer: normalizer, isNegative: false))
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
        var bits: [Int] = []
        if !thresholds.isEmpty {
            let gate = SignGate(
                shape: shape,
                form: form(wire.slot),
                thresholds: thresholds,
                equality: false,
                sharesHeld: false
            )
            bits = emit(.sign(gate), [wire.slot], outputs: thresholds.count, .bits, shape).map {
                emit(.bitToArithmetic(BitToArithmeticGate(shape: shape)), [$0], .share, shape)
            }
        }
        return Magnitude(
            scale: wire.scale,
            shape: shape,
            segments: segments,
            bits: bits,
            // Whole numbers have few bits; a mantissa is truncated all the same.
            top: max(highest + wire.scale + (62 - Lowering.highestBit(isFine: isFine)), Lowering.coarse.bits + 1),
            isFine: isFine,
            wire: wire.slot
        )
    }

    /// A share of a public function of the segment: its last value, and at every threshold the difference of its neighbours.
    private mutating func step(_ magnitude: Magnitude, scale: Int, _ value: (Segment) -> Double) -> Int {
        step(magnitude) { FixedPoint.encodeConstant(value($0), scale: scale) }
    }

    private mutating func step(_ magnitude: Magnitude, _ value: (Segment) -> UInt64) -> Int {
        let values = magnitude.segments.map(value)
        let last = values[values.count - 1]
        let changes = zip(magnitude.bits, zip(values, values.dropFirst()).map { $0 &- $1 }).filter { $0.1 != 0 }
        guard !changes.isEmpty else {
            let number = constant(RingTensor(repeating: last, shape: magnitude.shape), kind: .integer, scale: 0)
            let promoted = emit(
                .promote(PromoteGate(shape: magnitude.shape, asBits: false)),
                [number],
                .wire(sharesHeld: true, owner: nil),
                magnitude.shape
            )
            return unmask(promoted)
        }
        let sum = linear(.combine(factors: changes.map(\.1)), .share, changes.map(\.0), magnitude.shape)
        if last == 0 { return sum }
        let number = constant(RingTensor(repeating: last, shape: magnitude.shape), kind: .integer, scale: 0)
        return emit(.addPlain(AddPlainGate(form: .share)), [sum, number], .share, magnitude.shape)
    }

    /// The mantissa as a wire whose `scale` is its exponent: below 1, or a constant outside of the range.
    private mutating func mantissa(_ magnitude: Magnitude) -> Scaled {
        let factor = step(magnitude) { segment in
            guard case .part(let normalizer, let isNegative) = segment else { return 0 }
            // Exact: it is 1 or 3 times a power of two.
            let factor = FixedPoint.encodeConstant(normalizer, scale: magnitude.top - magnitude.scale)
            return isNegative ? 0 &- factor : factor
        }
        let wire = mask(Scaled(slot: factor, scale: 0), magnitude.shape)
        let product = Sum.Product(operation: .multiply, left: magnitude.wire, right: wire.slot)
        let isBounded = magnitude.segments.allSatisfy { segment in
            if case .part = segment { true } else { false }
        }
        if isBounded { return absorbed(product, scale: magnitude.top, magnitude.shape) }
        let center = step(magnitude) { segment in
            if case .part = segment { return 0 }
            return FixedPoint.encodeConstant(Lowering.centralMantissa, scale: magnitude.top)
        }
        return absorbed(product, adding: [center], scale: magnitude.top, magnitude.shape)
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
    private mutating func value(_ table: PiecewisePolynomial, of magnitude: Magnitude) -> Scaled {
        let mantissa = mantissa(magnitude)
        let (bits, total) = magnitude.isFine ? Lowering.fine : Lowering.coarse
        let place = truncatedInPlace(mantissa, to: bits)
        let form = WireForm(sharesHeld: false, shift: mantissa.scale - bits)
        let pieces = encodedPieces(table, bits: bits, total: total)
        let shape = magnitude.shape
        let gate: PlanGate =
            if pieces.count == 1 {
                .polynomial(
                    PolynomialGate(
                        shape: shape,
                        form: form,
                        coefficients: pieces[0].coefficients,
                        center: pieces[0].center
                    )
                )
            } else {
                .piecewise(
                    PiecewiseGate(
                        shape: shape,
                        form: form,
                        knots: table.knots.map { FixedPoint.encodeConstant($0, scale: bits) },
                        pieces: pieces,
                        outputShift: 0
                    )
                )
            }
        return Scaled(slot: emit(gate, [place], .share, shape), scale: total)
    }

    /// A function of a mantissa times the factor that brings it back: a wire that may be a factor of many, with 26 bits.
    private mutating func inverse(_ magnitude: Magnitude, _ value: Scaled, _ factor: Int) -> Scaled {
        let share = product(value, mask(Scaled(slot: factor, scale: factorScale), magnitude.shape), magnitude.shape)
        let wire = mask(share, magnitude.shape)
        let bits = factorScale + 2
        return mask(Scaled(slot: truncated(wire, to: bits), scale: bits), magnitude.shape)
    }

    /// A function of the mantissa times the factor that brings it back.
    private mutating func lowerProduct(
        _ index: Int,
        _ magnitude: Magnitude,
        _ table: PiecewisePolynomial,
        _ factor: Scaled
    ) {
        let shape = magnitude.shape
        let share = product(mask(value(table, of: magnitude), shape), mask(factor, shape), shape)
        setShare(index, share.slot, scale: share.scale)
    }

    /// An opened value, truncated as it is read, times a masked factor.
    private mutating func product(_ value: Scaled, _ factor: Scaled, _ shape: Shape) -> Scaled {
        let place = truncatedInPlace(value, to: factorScale)
        let form = WireForm(sharesHeld: false, shift: value.scale - factorScale)
        let gate = TruncatedProductGate(shape: shape, form: form)
        return Scaled(
            slot: emit(.truncatedProduct(gate), [place, factor.slot], .share, shape),
            scale: factorScale + factor.scale
        )
    }

    /// A share of a wire with fewer fraction bits.
    private mutating func truncated(_ wire: Scaled, to scale: Int) -> Int {
        let shape = slots[wire.slot].shape
        let gate = TruncateGate(shape: shape, form: form(wire.slot), shift: wire.scale - scale)
        return emit(.truncate(gate), [wire.slot], .share, shape)
    }

    // MARK: Exponentials

    /// eˣ up to e^10.4, as the square of e^(x/2), for which fixed point has the bits: a share with 46 fraction bits.
    mutating func lowerExponential(_ index: Int) {
        let shape = entry(index).shape
        let half = exponentialOfHalf(entry(index).inputs[0], .exponentialOfHalf, bits: 13, total: 54)
        let share = square(half, bits: 23, shape)
        setShare(index, share.slot, scale: share.scale)
    }

    /// eˣ for x ≤ 0 as shares with 50 fraction bits, and the segment of its sums along an axis, which stays with extent 1.
    private mutating func exponentials(_ x: Int, axis: Int) -> (powers: Scaled, sums: Magnitude) {
        let shape = entry(x).shape
        let terms = max(1, shape[axis])
        let half = exponentialOfHalf(x, .exponentialOfHalfBelowZero, bits: 14, total: Lowering.fine.total)
        // Sums of many need room above.
        let exponents = max(1, Int((Double(terms) * 1.001).exponent) + 1)
        let powers = square(half, bits: min(25, (60 - exponents) / 2), shape)
        let kept = shape.reducing([axis], keepDimensions: true)
        let flat = shape.reducing([axis], keepDimensions: false)
        let sums = linear(
            .reshape(kept),
            .share,
            [linear(.sum(axes: [axis]), .share, [powers.slot], flat)],
            kept
        )
        let wire = mask(Scaled(slot: sums, scale: powers.scale), kept)
        return (powers, self.magnitude(of: wire, MagnitudeRange(0, exponents), kept, isFine: true, isWithin: true))
    }

    /// A share of e^(x/2) with `total` fraction bits, out of x with fewer.
    private mutating func exponentialOfHalf(
        _ index: Int,
        _ table: PiecewisePolynomial,
        bits: Int,
        total: Int
    ) -> Scaled {
        Scaled(slot: piecewise(index, table, bits: min(bits, fractionBits), total: total, outputShift: 0), scale: total)
    }

    private mutating func square(_ share: Scaled, bits: Int, _ shape: Shape) -> Scaled {
        let wire = mask(share, shape)
        let gate = PolynomialGate(
            shape: shape,
            form: WireForm(sharesHeld: false, shift: wire.scale - bits),
            coefficients: [0, 0, 1]
        )
        let place = truncatedInPlace(wire, to: bits)
        return Scaled(slot: emit(.polynomial(gate), [place], .share, shape), scale: 2 * bits)
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

extension PiecewisePolynomial {
    /// The value of a function of mantissas for what has none.
    fileprivate var atCenter: Double {
        evaluate(Lowering.centralMantissa)
    }
}
