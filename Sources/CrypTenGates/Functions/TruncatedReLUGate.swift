package import CrypTenRing

/// The ReLU of a wire divided by 2^shift, as a share, out of one opening of the wire: truncation, sign and selection.
///
/// The wire is truncated in place, the sign is that of the *rounded* value on its 64 − shift bits, and one selection reads
/// the same truncation. Operand: a wire of any shape, with shares of its mask or without: an absorbed product. Yields the share,
/// and where `yieldsBits` the masked bits of which rounded values are above zero, with XOR shares of their masks: a gradient's.
/// - Complexity: 3 rounds; for shift 16 an element opens 29 bits, and the dealer sends 57.5 bytes, and one bit where `yieldsBits`.
/// > Note: exact of the rounded value (see `TruncateGate`), for |z| ≤ 2^62 and 1 ≤ shift ≤ 62.
/// > Security: Semi-honest, up to all parties but one; shows nothing but the shape.
package struct TruncatedReLUGate: Gate {
    package static let name = "truncated ReLU"

    package let shape: Shape
    /// Whether the parties hold shares of the wire's mask: it makes no difference here.
    package let sharesHeld: Bool
    package let shift: Int
    package let yieldsBits: Bool

    package init(shape: Shape, sharesHeld: Bool, shift: Int, yieldsBits: Bool = false) {
        self.shape = shape
        self.sharesHeld = sharesHeld
        self.shift = shift
        self.yieldsBits = yieldsBits
        trapUnlessValid()
    }

    package func check() throws {
        try require((1...62).contains(shift), "a truncation by \(shift) bits")
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        try operands.wire(0, count: shape.count)
        return [.share(shape)] + (yieldsBits ? [.bits(count: shape.count, sharesHeld: true)] : [])
    }

    private var signs: SignProtocol {
        SignProtocol(bits: 64 - shift, sharesHeld: yieldsBits)
    }

    /// Of a rounded value that is zero either bit gives the same ReLU; the gradient's is 0 there.
    private var threshold: UInt64 {
        yieldsBits ? 1 : 0
    }

    package var stages: Int {
        signs.openings + 1
    }

    package func deal<Stage: DealStage>(stage: Int, _ context: Stage) throws {
        let signs = signs
        if stage == 0 { context.memory.wireMasks.append(context.wire(0)) }
        let wire = context.memory.wireMasks[0]
        var signsOfSlabs: [Stage.Bits] = []
        for slab in context.slabs.of(shape.count) {
            switch stage {
            case 0:
                let truncated = try context.truncated(context.slab(wire, slab), by: shift)
                try signs.deal(truncated, count: slab.count, context)
            case signs.openings:
                let negative = signs.finish(context).negative[0]
                signsOfSlabs.append(negative)
                try context.dealSelect(negative, try context.truncated(context.slab(wire, slab), by: shift))
            default: try signs.deal(level: stage, context)
            }
        }
        guard stage == signs.openings else { return }
        context.yield(.nothing)
        if yieldsBits { context.yield(.bits(context.join(signsOfSlabs, count: shape.count))) }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let (signs, kernels) = (signs, context.kernels)
        if stage == 0 { context.memory.wires.append(context.wire(0)) }
        let wire = context.memory.wires[0]
        guard stage == signs.openings else {
            for slab in context.slabs.of(shape.count) {
                guard stage == 0 else {
                    try signs.evaluate(level: stage, context)
                    continue
                }
                let hat = try context.truncated(wire.slab(slab, kernels), by: shift).hat
                try signs.evaluate(hat, thresholds: [threshold], context)
            }
            return
        }
        var bits: [MaskedBits] = []
        let selected = try context.selected(shape) { slab in
            var positive = try signs.finish(context).negative[0]
            positive.hat = kernels.not(positive.hat)
            bits.append(positive)
            return (positive.hat, try context.truncated(wire.slab(slab, kernels), by: shift))
        }
        context.yield(.share(selected))
        if yieldsBits { context.yield(.bits(kernels.join(bits, count: shape.count))) }
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        var cost = signs.cost(shape.count, slabs: slabs)
        let form = WireForm(sharesHeld: false, shift: shift)
        cost[signs.openings] = slabs.cost(of: shape.count) { SelectGate.dealtWords(form, $0) }
        return cost
    }
}
