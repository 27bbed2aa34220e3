import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenRing
import Foundation

/// Polynomials, piecewise polynomials, sine and cosine: public numbers as integers, by exact scaling alone.
extension Lowering {
    /// Fraction bits of the values that piecewise polynomials and sines take before their truncation.
    private var innerScale: Int {
        60
    }

    /// Fraction bits with which tables of piecewise polynomials are read: a cubic's leading coefficient keeps
    /// `60 − 3 · 16` bits, and what is cut off the operand changes these functions by less than their tables' error.
    private var tableFractionBits: Int {
        16
    }

    /// Out of one wire where coefficients of few bits and a low degree let the sum fit the ring; else by Horner's rule.
    mutating func lowerPolynomial(_ index: Int, _ coefficients: [Double]) throws {
        let input = entry(index).inputs[0]
        let shape = entry(index).shape
        let degree = coefficients.count - 1
        let place = inPlace(input)
        let total = degree * place.scale + exactFractionBits(coefficients, atMost: fractionBits)
        if degree >= 1, total <= scaleLimit {
            let integers = coefficients.enumerated().map { power, number in
                FixedPoint.encodeConstant(number, scale: total - power * place.scale)
            }
            let gate = PolynomialGate(shape: shape, form: place.form, coefficients: integers)
            setShare(index, emit(.polynomial(gate), [place.slot], .share, shape), scale: total)
            return
        }
        let x = reducedWire(input)
        let factor = FixedPoint.encodeConstant(coefficients[degree], scale: fractionBits)
        var sum = Scaled(
            slot: linear(.combine(factors: [factor]), .share, [reducedShare(input).slot], shape),
            scale: x.scale + fractionBits
        )
        if degree == 0 {
            sum.slot = linear(.combine(factors: [0]), .share, [sum.slot], shape)
            sum.slot = addConstant(sum, coefficients[0], shape)
        }
        for power in stride(from: degree - 1, through: 0, by: -1) {
            sum.slot = addConstant(sum, coefficients[power], shape)
            if power > 0 { sum = Scaled(slot: timesOperand(sum, x, shape), scale: x.scale + fractionBits) }
        }
        setShare(index, sum.slot, scale: sum.scale)
    }

    /// One step of Horner's rule: a share, truncated to `fractionBits`, times the operand.
    private mutating func timesOperand(_ sum: Scaled, _ x: Scaled, _ shape: Shape) -> Int {
        var share = sum.slot
        if sum.scale > fractionBits {
            let wire = mask(sum, shape)
            let gate = TruncateGate(shape: shape, form: form(wire.slot), shift: sum.scale - fractionBits)
            share = emit(.truncate(gate), [wire.slot], .share, shape)
        }
        let factor = mask(Scaled(slot: share, scale: fractionBits), shape)
        return dealt(Sum.Product(operation: .multiply, left: factor.slot, right: x.slot), shape)
    }

    private mutating func addConstant(_ share: Scaled, _ number: Double, _ shape: Shape) -> Int {
        let words = RingTensor(repeating: FixedPoint.encodeConstant(number, scale: share.scale), shape: shape)
        let slot = constant(words, kind: .real, scale: share.scale)
        return emit(.addPlain(AddPlainGate(form: .share)), [share.slot, slot], .share, shape)
    }

    mutating func lowerPiecewise(_ index: Int, _ function: PiecewisePolynomial) {
        let exact = function.pieces.allSatisfy { piece in
            piece.coefficients.count <= 2 && piece.coefficients.dropFirst().allSatisfy { $0 == $0.rounded() }
        }
        let bits = exact ? fractionBits : min(fractionBits, tableFractionBits)
        let total = exact ? bits : innerScale
        let slot = piecewise(entry(index).inputs[0], function, bits: bits, total: total, outputShift: total - bits)
        setShare(index, slot, scale: bits)
    }

    /// A piecewise polynomial of a value read with `bits` fraction bits: a share with `total`, or as many fewer as are shifted
    /// out.
    mutating func piecewise(
        _ input: Int,
        _ function: PiecewisePolynomial,
        bits: Int,
        total: Int,
        outputShift: Int
    ) -> Int {
        let shape = entry(input).shape
        let positive = function.addsPositivePart ? function.knots.firstIndex(of: 0) : nil
        if let wire = gridOperand(input, function, bits: bits), let grid = grid(of: function, scale: wire.scale) {
            let shift = wire.scale - bits
            let gate = PiecewiseGate(
                shape: shape,
                form: shift == 0 ? form(wire.slot) : WireForm(sharesHeld: false, shift: shift),
                knots: encodedKnots(function, scale: wire.scale),
                pieces: encodedPieces(function, bits: bits, total: total),
                outputShift: outputShift,
                positive: positive,
                grid: grid
            )
            let operands = shift == 0 ? [wire.slot] : [truncatedInPlace(wire, to: bits), wire.slot]
            return emit(.piecewise(gate), operands, .share, shape)
        }
        let place = piecewiseOperand(input, scale: bits)
        let gate = PiecewiseGate(
            shape: shape,
            form: place.form,
            knots: encodedKnots(function, scale: bits),
            pieces: encodedPieces(function, bits: bits, total: total),
            outputShift: outputShift,
            positive: positive,
            grid: nil
        )
        return emit(.piecewise(gate), [place.slot], .share, shape)
    }

    private func encodedKnots(_ function: PiecewisePolynomial, scale: Int) -> [UInt64] {
        function.knots.map { FixedPoint.encodeConstant($0, scale: scale) }
    }

    func encodedPieces(_ function: PiecewisePolynomial, bits: Int, total: Int) -> [PolynomialPiece] {
        function.pieces.map { piece in
            PolynomialPiece(
                center: FixedPoint.encodeConstant(piece.center, scale: bits),
                coefficients: piece.coefficients.enumerated().map { power, number in
                    FixedPoint.encodeConstant(number, scale: total - power * bits)
                }
            )
        }
    }

    /// The grid of a function's knots at a scale; nil where it saves nothing, or there is none.
    private func grid(of function: PiecewisePolynomial, scale: Int) -> KnotGrid? {
        let knots = encodedKnots(function, scale: scale)
        guard knots.count >= 3, let first = knots.first, let last = knots.last else { return nil }
        let step = min(16, knots.map { ($0 &- first).trailingZeroBitCount }.min() ?? 0)
        let span = 64 - (last &- first).leadingZeroBitCount
        guard step >= 1, span > step, span <= step + 16, span < 63 else { return nil }
        return KnotGrid(start: first, step: step, span: span)
    }

    /// The wire that knots on a grid are compared with: one that is truncated already, since a grid's steps are short.
    ///
    /// A product of few elements is rather read in place: a round less.
    private mutating func gridOperand(_ input: Int, _ function: PiecewisePolynomial, bits: Int) -> Scaled? {
        guard function.knots.count >= 3 else { return nil }
        let isWide = isReal(input) && naturalScale(input) > fractionBits && values[input].reducedWire == nil
        if isWide, entry(input).shape.count < Lowering.manyElements { return nil }
        let wire = isWide ? reducedWire(input) : values[input].reducedWire ?? wire(input)
        guard wire.scale < bits else { return wire }
        let factor = UInt64(1) << UInt64(bits - wire.scale)
        return Scaled(slot: linear(.combine(factors: [factor]), .wire, [wire.slot], entry(input).shape), scale: bits)
    }

    /// From so many on a masking of all elements costs less than the bits that it saves.
    private static let manyElements = 1 << 14

    /// The operand of a piecewise polynomial, at exactly the scale for which its knots and coefficients are encoded.
    private mutating func piecewiseOperand(_ index: Int, scale: Int) -> (slot: Int, form: WireForm, scale: Int) {
        if scale < fractionBits {
            let wire = values[index].reducedWire ?? wire(index)
            if wire.scale > scale {
                let form = WireForm(sharesHeld: false, shift: wire.scale - scale)
                return (truncatedInPlace(wire, to: scale), form, scale)
            }
        }
        let place = inPlace(index)
        if place.scale == scale { return place }
        let factor = UInt64(1) << UInt64(scale - place.scale)
        let raised = linear(.combine(factors: [factor]), .wire, [place.slot], entry(index).shape)
        return (raised, place.form, scale)
    }

    mutating func lowerSine(_ index: Int, _ output: SineGate.Outputs) {
        let input = entry(index).inputs[0]
        let shape = entry(index).shape
        // With more fraction bits the factor, a whole number, would lose the angle's precision.
        let wire = naturalScale(input) > 36 ? reducedWire(input) : wire(input)
        // Radians to a phase whose period is the whole ring. The factor is rounded once, by exact scaling.
        let perTurn = Double(sign: .plus, exponent: 64 - wire.scale, significand: 1) / (2 * Double.pi)
        let factor = UInt64(perTurn.rounded())
        let turns = linear(.combine(factors: [factor]), .wire, [wire.slot], shape)
        let gate = SineGate(shape: shape, outputs: output)
        setShare(index, emit(.sine(gate), [turns], .share, shape), scale: innerScale)
    }
}
