import CrypTenGates

/// Drops the steps whose results nobody reads: forms of a value that turned out not to be needed.
package enum DropUnused {
    /// Numbers slots and bindings anew, so that equal plans have equal fingerprints.
    ///
    /// - Returns: the plan, and the new number of each slot that is left.
    package static func apply(_ plan: Plan) -> (plan: Plan, numbers: [Int: Int]) {
        var used = Set(plan.outputs.map(\.slot))
        var kept: [PlanStep] = []
        for step in plan.steps.reversed() where step.outputs.contains(where: used.contains) {
            used.formUnion(step.inputs)
            // A gate that is needed for one output yields them all.
            used.formUnion(step.outputs)
            kept.append(step)
        }
        var number: [Int: Int] = [:]
        func renumber(_ slot: Int) -> Int {
            if let known = number[slot] { return known }
            number[slot] = number.count
            return number.count - 1
        }
        var out = plan
        out.bindings = plan.bindings.filter { used.contains($0.slot) }.map { binding in
            var binding = binding
            binding.slot = renumber(binding.slot)
            return binding
        }
        out.steps = kept.reversed().map { step in
            PlanStep(
                gate: step.gate,
                inputs: step.inputs.map(renumber),
                outputs: step.outputs.map(renumber),
                layer: step.layer,
                // What isn't there needn't be waited for.
                after: step.after.map { $0.filter(used.contains).map(renumber) }.flatMap { $0.isEmpty ? nil : $0 }
            )
        }
        out.outputs = plan.outputs.map { output in
            var output = output
            output.slot = renumber(output.slot)
            return output
        }
        out.slots = number.count
        return (out, number)
    }
}
