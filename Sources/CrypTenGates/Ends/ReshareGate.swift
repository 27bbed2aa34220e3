package import CrypTenRing

/// A share as another share of the same value: each party adds its part of a fresh sharing of zero, and nothing is sent.
///
/// For shares that leave the computation. What the parties have after a run depends on masks and on what was opened; after this, all parties'
/// words together say nothing but the value, and any of them without one's are uniformly random. The sharing of zero comes from keys that each
/// pair of parties has and the dealer lacks, as that of ``RevealGate``.
///
/// Operand: a share. - Returns: a share of the same shape.
/// - Complexity: local.
/// > Security: Semi-honest, up to all parties but one: whoever is given all words learns the value and nothing else.
package struct ReshareGate: Gate {
    package static let name = "reshare"

    package let shape: Shape

    package init(shape: Shape) {
        self.shape = shape
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        try operands.share(0, count: shape.count)
        return [.share(shape)]
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        context.yield(.nothing)
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        context.yield(.share(context.reshared(context.share(0)).reshaped(to: shape)))
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [StageCost()]
    }
}
