package import CrypTenRing

/// A wire divided by 2^shift, as a share: `⌊z / 2^shift⌋`, or one more as often as the fraction says.
///
/// The wire is truncated in place (see `Truncation.swift`) and unmasked by a dealt function of its mask. With
/// `δ = (z^ + 2^62) mod 2^shift`, which is public, the result is `⌊z / 2^shift⌋ + [δ < z mod 2^shift]`: unbiased over the
/// mask, the same in every gate that truncates this wire. Operand: a wire of any shape, with shares of its mask or without.
/// A truncation that is read in place already (`form.shift > 0`) becomes a share as it is: then `shift` is 0.
///
/// - Complexity: no round, no bytes; the dealer sends 8 bytes and `shift` bits an element.
/// > Note: exact in this sense for |z| ≤ 2^62 and 1 ≤ shift ≤ 62; beyond, the result is off by 2^(64 − shift).
/// > Security: Semi-honest, up to all parties but one; shows nothing but the shape.
/// > Escudero, Ghosh, Keller, Rachuri, Scholl, "Improved primitives for MPC over mixed arithmetic-binary circuits", CRYPTO '20.
package struct TruncateGate: Gate {
    package static let name = "truncate"

    package let shape: Shape
    package let form: WireForm
    package let shift: Int

    package init(shape: Shape, form: WireForm, shift: Int) {
        self.shape = shape
        self.form = form
        self.shift = shift
        trapUnlessValid()
    }

    package func check() throws {
        try form.check()
        try require(form.shift == 0 ? (1...62).contains(shift) : shift == 0, "a truncation by \(shift) of \(form)")
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        try operands.wire(0, count: shape.count, form: form)
        return [.share(shape)]
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        for slab in context.slabs.of(shape.count) {
            let wire = context.slab(context.wire(0), slab)
            try context.dealMask(of: shift > 0 ? context.truncated(wire, by: shift) : wire)
        }
        context.yield(.nothing)
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let slabs = try context.slabs.of(shape.count).map { slab in
            var wire = context.wire(0).slab(slab, context.kernels)
            if shift > 0 { wire = try context.truncated(wire, by: shift) }
            return context.unmasked(wire, mask: try context.mask(of: wire))
        }
        context.yield(.share(context.kernels.join(slabs, shape: shape)))
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        let result = WireForm(sharesHeld: false, shift: shift > 0 ? shift : form.shift)
        return [slabs.cost(of: shape.count, dealt: result.maskWords)]
    }
}
