import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// Polynomials: public numbers as integers, by exact scaling alone.
extension Lowering {
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

    mutating func addConstant(_ share: Scaled, _ number: Double, _ shape: Shape) -> Int {
        let words = RingTensor(repeating: FixedPoint.encodeConstant(number, scale: share.scale), shape: shape)
        let slot = constant(words, kind: .real, scale: share.scale)
        return emit(.addPlain(AddPlainGate(form: .share)), [share.slot, slot], .share, shape)
    }
}
