import CrypTenBase
import CrypTenGates

extension Plan {
    /// Whether a plan that came from a peer hangs together: every slot is filled once, before it is read, and every gate
    /// has the number of operands and results that it works with.
    ///
    /// - Throws: `CrypTenError.Code.malformedFile` naming the step.
    package func validate() throws {
        func malformed(_ what: String) -> CrypTenError {
            CrypTenError(.malformedFile, "the plan is malformed: \(what)")
        }
        guard version == Plan.version else {
            throw CrypTenError(.diverged, "the plan has version \(version), this program makes version \(Plan.version)")
        }
        guard (2...1 << 10).contains(parties) else { throw malformed("\(parties) parties") }
        guard (0...bindings.count + steps.reduce(0) { $0 + $1.outputs.count }).contains(slots) else {
            throw malformed("\(slots) slots")
        }
        var filled = [Bool](repeating: false, count: slots)
        func fill(_ slot: Int, _ where: String) throws {
            guard filled.indices.contains(slot), !filled[slot] else { throw malformed("\(`where`) fills slot \(slot)") }
            filled[slot] = true
        }
        for (index, binding) in bindings.enumerated() { try fill(binding.slot, "binding \(index)") }
        for (index, step) in steps.enumerated() {
            for slot in step.inputs {
                guard filled.indices.contains(slot), filled[slot] else {
                    throw malformed("step \(index) reads slot \(slot), which nothing has filled")
                }
            }
            for slot in step.outputs { try fill(slot, "step \(index)") }
        }
        for output in outputs {
            guard filled.indices.contains(output.slot), filled[output.slot] else {
                throw malformed("an output reads slot \(output.slot), which nothing has filled")
            }
        }
    }
}
