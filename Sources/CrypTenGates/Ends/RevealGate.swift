package import CrypTenRing

/// A share to plain numbers at one party, or at all: each sends its share after adding a fresh sharing of zero.
///
/// The sharing comes from keys that each pair of parties has and the dealer lacks: a party's own share can *be* its input.
/// Operand: a share. - Returns: plain at whoever learns it, absent elsewhere.
/// - Complexity: one round, 8 bytes an element to each who learns; nothing is dealt.
/// > Security: Semi-honest, up to all parties but one; whoever learns the result learns nothing but the result.
package struct RevealGate: Gate {
    package static let name = "reveal"

    package let shape: Shape
    /// Who learns it; nil: everyone.
    package let receiver: Int?

    package init(shape: Shape, receiver: Int?) {
        self.shape = shape
        self.receiver = receiver
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        try require(receiver.map { (0..<parties).contains($0) } ?? true, "there is no party \(receiver ?? 0)")
        try operands.share(0, count: shape.count)
        return [.plain(shape, party: receiver)]
    }

    package var stages: Int {
        2
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        if stage == 1 { context.yield(.nothing) }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        if stage == 0 {
            try context.reveal(context.share(0), to: receiver)
        } else if let words = try context.revealed() {
            context.yield(.plain(words.reshaped(to: shape)))
        } else {
            context.yield(.absent)
        }
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        let opening = Opening(words: shape.count, combination: .sum, purpose: .reveal, receiver: receiver)
        return [StageCost(openings: [opening]), StageCost()]
    }
}
