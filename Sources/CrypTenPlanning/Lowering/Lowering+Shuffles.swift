import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// Rows in an order that nobody knows: of orders that the parties draw, one after the other.
extension Lowering {
    /// A part of a shuffle; its first that is lowered shuffles them all, so that they have one order.
    mutating func lowerShuffle(_ index: Int, part: Int, number: Int) {
        let entry = entry(index)
        if shuffles[number] == nil {
            let operands = entry.inputs.map { share($0) }
            var slots = operands.map(\.slot)
            let shapes = entry.inputs.map { self.entry($0).shape }
            for party in 0..<parties {
                let outputs = shapes.map { slot(.share, $0) }
                steps.append(
                    PlanStep(
                        gate: .permutation(PermutationGate(party: party, shapes: shapes)),
                        inputs: slots,
                        outputs: outputs,
                        layer: layer
                    )
                )
                slots = outputs
            }
            shuffles[number] = zip(slots, operands).map { Scaled(slot: $0, scale: $1.scale) }
        }
        guard let result = shuffles[number]?[part] else { preconditionFailure("the shuffle has this part") }
        setShare(index, result.slot, scale: result.scale)
    }
}
