package import CrypTenRing

/// A value that one party has, as a wire: the owner masks it with words of its own seed, `v^ = v + λ`, and sends it.
///
/// The owner's share of `λ` is `λ`, the others' are zero. Operand: plain at the owner, absent elsewhere; any shape.
/// - Complexity: one round, 8 bytes an element from the owner alone; nothing is dealt.
/// > Security: Semi-honest, up to all parties but one; exact; shows nothing but the shape.
package struct InputGate: Gate {
    package static let name = "input"

    /// The party whose value it is.
    package let owner: Int
    package let shape: Shape

    package init(owner: Int, shape: Shape) {
        self.owner = owner
        self.shape = shape
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        try require((0..<parties).contains(owner), "there is no party \(owner)")
        try operands.plain(0, count: shape.count, at: owner)
        return [.wire(shape, WireForm())]
    }

    package var stages: Int {
        2
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        if stage == 0 {
            let mask = context.publishMask(owner: owner, shape: shape)
            context.memory.wireMasks.append(WireMask(mask: mask, sharesHeld: true))
        } else {
            context.yield(.wire(context.memory.wireMasks.removeFirst()))
        }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        if stage == 0 {
            let value = context.party == owner ? context.plain(0) : nil
            try context.publish(value, owner: owner, shape: shape)
        } else {
            context.yield(.wire(try context.openedWire()))
        }
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [
            StageCost(openings: [Opening(words: shape.count, combination: .sum, purpose: .input, sender: owner)]),
            StageCost(),
        ]
    }
}
