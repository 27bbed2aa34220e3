package import CrypTenRing

/// A wire divided by 2^shift, as a wire that has one of two masks: for elementwise gates, which deal functions of both.
///
/// See `Truncation.swift` for the masks and `TruncateGate` for the rounding. A matmul cannot read the result, as the
/// choice of the mask is per element and doesn't factor out of the sum.
/// - Complexity: local; nothing is opened or dealt. A function of the mask costs `shift` bits an element more.
/// > Note: for |z| ≤ 2^62 and 1 ≤ shift ≤ 62.
package struct TruncateInPlaceGate: Gate {
    package static let name = "truncate in place"

    package let shape: Shape
    package let shift: Int

    package init(shape: Shape, shift: Int) {
        self.shape = shape
        self.shift = shift
        trapUnlessValid()
    }

    package func check() throws {
        try require((1...62).contains(shift), "a truncation by \(shift) bits")
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        let given = try operands.wire(0, count: shape.count).shape
        return [.wire(given, WireForm(sharesHeld: false, shift: shift))]
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        context.yield(.wire(context.truncated(context.wire(0), by: shift)))
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        context.yield(.wire(try context.truncated(context.wire(0), by: shift)))
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [StageCost()]
    }
}
