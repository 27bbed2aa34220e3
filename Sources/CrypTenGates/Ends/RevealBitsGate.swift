package import CrypTenRing

/// Masked bits to plain zeros and ones at one party, or at all, in the way of `RevealGate`.
///
/// Operand: masked bits with shares of their mask. - Returns: plain words 0 and 1 at whoever learns it, absent elsewhere.
/// - Complexity: one round, one bit an element to each who learns; nothing is dealt.
/// > Security: Semi-honest, up to all parties but one; whoever learns the result learns nothing but the result.
package struct RevealBitsGate: Gate {
    package static let name = "reveal bits"

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
        try operands.bits(0, count: shape.count, sharesHeld: true)
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
            let bits = context.bits(0)
            guard let mask = bits.maskShare else {
                preconditionFailure("bits whose mask isn't shared can't be revealed")
            }
            try context.reveal(context.isFirst ? context.kernels.xor(bits.hat, mask) : mask, to: receiver)
        } else if let words = try context.revealed() {
            let plane = context.kernels.planes(words, planes: 1, count: shape.count)
            context.yield(.plain(context.kernels.words(of: plane, shape: shape)))
        } else {
            context.yield(.absent)
        }
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        let words = Slabs.bitWords(planes: 1, count: shape.count)
        let opening = Opening(words: words, combination: .xor, purpose: .reveal, receiver: receiver)
        return [StageCost(openings: [opening]), StageCost()]
    }
}
