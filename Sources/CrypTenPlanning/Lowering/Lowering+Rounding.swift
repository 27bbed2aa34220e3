import CrypTenExpressions
import CrypTenGates
import CrypTenRing

extension Lowering {
    /// `⌊x⌋` as an integer, exact for |x| ≤ 2^(62 − scale).
    ///
    /// A truncation gives ⌊x⌋ or one more; one more is what makes the rest `x − t` negative, so the rest's sign is taken away.
    /// A sum of products counts as the number that it is truncated to, as it does for every other reader.
    ///
    /// 5 rounds from shares: the operand's mask, the rest's mask, its sign.
    mutating func lowerFloor(_ index: Int) {
        let (input, shape) = (entry(index).inputs[0], entry(index).shape)
        let wire = reducedWire(input)
        guard wire.scale > 0 else {
            setShare(index, share(input).slot, scale: 0)
            return
        }
        let truncate = TruncateGate(shape: shape, form: form(wire.slot), shift: wire.scale)
        let whole = emit(.truncate(truncate), [wire.slot], .share, shape)
        let unit = UInt64(1) << UInt64(wire.scale)
        let rest = linear(.combine(factors: [1, 0 &- unit]), .share, [unmask(wire.slot), whole], shape)
        let masked = mask(Scaled(slot: rest, scale: wire.scale), shape)
        let sign = SignGate(shape: shape, form: form(masked.slot), thresholds: [0], equality: false)
        let isNegative = emit(.sign(sign), [masked.slot], outputs: 1, .bits, shape)[0]
        let excess = emit(.bitToArithmetic(BitToArithmeticGate(shape: shape)), [isNegative], .share, shape)
        setShare(index, linear(.combine(factors: [1, .max]), .share, [whole, excess], shape), scale: 0)
    }
}
