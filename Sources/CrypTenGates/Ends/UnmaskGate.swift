internal import CrypTenRing

/// A masked wire as a share: `[v] = v^ − [λ]`, party 0 adding the public part.
///
/// The parties must hold shares of the mask; a truncation read in place goes through `TruncateGate`.
/// - Complexity: local.
package struct UnmaskGate: Gate {
    package static let name = "unmask"

    package init() {}

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        return [.share(try operands.wire(0, sharesHeld: true).shape)]
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        context.yield(.nothing)
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let wire = context.wire(0)
        guard let mask = wire.maskShare, wire.truncation == nil else {
            preconditionFailure("the plan unmasks only wires whose masks are shared")
        }
        context.yield(
            .share(context.isFirst ? context.kernels.subtract(wire.hat, mask) : context.kernels.negate(mask))
        )
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [StageCost()]
    }
}
