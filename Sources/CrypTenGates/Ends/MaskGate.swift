package import CrypTenRing

/// A share as a wire: every party sends `v_i + λ_i` with fresh words `λ_i` of its seed, and all sum: `v^ = v + λ`.
///
/// Operand: a share of any shape. This is the only opening of ring elements.
/// - Complexity: one round, 8 bytes an element; nothing is dealt.
/// > Security: Semi-honest, up to all parties but one; exact; shows nothing but the shape.
/// > Patra, Schneider, Suresh, Yalame, "ABY2.0", USENIX Security '21; here with a dealer and n parties.
package struct MaskGate: Gate {
    package static let name = "mask"

    package let shape: Shape

    package init(shape: Shape) {
        self.shape = shape
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        try operands.share(0, count: shape.count)
        return [.wire(shape, WireForm())]
    }

    package var stages: Int {
        2
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        if stage == 0 {
            context.memory.wireMasks.append(WireMask(mask: context.openMask(shape), sharesHeld: true))
        } else {
            context.yield(.wire(context.memory.wireMasks.removeFirst()))
        }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        if stage == 0 {
            try context.open(context.share(0).reshaped(to: shape))
        } else {
            context.yield(.wire(try context.openedWire()))
        }
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [StageCost(openings: [Opening(words: shape.count, combination: .sum)]), StageCost()]
    }
}
