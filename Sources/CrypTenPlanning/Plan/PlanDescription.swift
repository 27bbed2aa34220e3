import CrypTenGates

extension Plan: CustomStringConvertible {
    /// The plan as a table: bindings, then steps by round, then outputs.
    package var description: String {
        let schedule = Schedule(self)
        var lines = [
            "plan for \(parties) parties, \(fractionBits) fraction bits, \(slabBits) slab bits, \(schedule.openings) rounds"
        ]
        for binding in bindings { lines.append("  %\(binding.slot) = \(binding.source) \(binding.shape)") }
        for (round, units) in schedule.rounds.enumerated() {
            lines.append("round \(round)")
            for unit in units {
                let step = steps[unit.step]
                let inputs = step.inputs.map { "%\($0)" }.joined(separator: ", ")
                let outputs = step.outputs.map { "%\($0)" }.joined(separator: ", ")
                let gate = step.gate.gate
                let stage = gate.stages > 1 ? " \(unit.stage + 1)/\(gate.stages)" : ""
                let layer = step.layer.map { "  [\($0)]" } ?? ""
                lines.append("  \(outputs) = \(type(of: gate).name)\(stage)(\(inputs))\(layer)")
            }
        }
        for output in outputs { lines.append("  out %\(output.slot) \(output.destination) \(output.shape)") }
        return lines.joined(separator: "\n")
    }
}
