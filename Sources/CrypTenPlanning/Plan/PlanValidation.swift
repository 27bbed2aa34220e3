import CrypTenBase
import CrypTenExpressions
package import CrypTenGates
import CrypTenRing

extension Plan {
    /// What no plan may exceed; the largest real ones stay far below.
    ///
    /// ResNet-50 on 256 images has values of 2^28 elements, and BERT-base on 32 sequences of 128 tokens is dealt 2^34 words; their
    /// plans have some thousands of steps.
    package enum Limits {
        /// Elements of one value: 8 GiB.
        package static let elements = 1 << 30
        /// Elements of all values, and words opened and dealt, of all steps together.
        package static let words = 1 << 40
        /// Multiply-accumulates of all products together: a day's work of a core.
        package static let products = 1 << 50
        package static let steps = 1 << 20
        package static let parties = 1 << 10
        /// Fraction bits of a value in the ring.
        package static let scales = -64...128
    }

    /// Whether a plan that came from a peer can be run: every slot is filled once, before it is read, with what its readers
    /// work with; every gate is one that can be; and sizes are within `Limits`.
    ///
    /// Of a plan that passes, schedule, cost and estimate of memory can be made, and both halves of every gate run to their
    /// end on operands of the bindings' shapes, with no more memory than the shapes justify.
    ///
    /// - Throws: `CrypTenError.Code.malformedFile` naming the step and its gate, or the binding or output;
    ///   `.diverged` for another version's plan.
    /// - Complexity: linear in the plan's own size.
    package func validate() throws {
        guard version == Plan.version else {
            throw CrypTenError(.diverged, "the plan has version \(version), this program makes version \(Plan.version)")
        }
        guard (2...Limits.parties).contains(parties) else { throw malformed("\(parties) parties") }
        guard Limits.scales.contains(fractionBits) else { throw malformed("\(fractionBits) fraction bits") }
        guard Slabs.bitsAllowed.contains(slabBits) else { throw malformed("slabs of 2^\(slabBits) elements") }
        guard steps.count <= Limits.steps else { throw malformed("\(steps.count) steps") }
        guard slots == bindings.count + steps.reduce(0, { $0 + $1.outputs.count }) else {
            throw malformed("\(slots) slots")
        }
        var types = SlotTypes(self)
        for (index, binding) in bindings.enumerated() {
            try within("binding \(index)") { try types.fill(binding) }
        }
        for (index, step) in steps.enumerated() {
            try within("step \(index) (\(type(of: step.gate.gate).name))") { try types.fill(step) }
        }
        for (index, output) in outputs.enumerated() {
            try within("output \(index)") { try types.read(output) }
        }
    }

    /// Whether the values that a run is to read are those that the plan says it reads.
    ///
    /// - Parameter kept: What the dealer keeps of them, in the plan's order.
    /// - Throws: `CrypTenError.Code.diverged` naming the value.
    package func check(kept values: [DealerValue]) throws {
        for binding in bindings {
            guard case .kept(let index, let form) = binding.source else { continue }
            let value = values.indices.contains(index) ? values[index] : nil
            let fits =
                switch (form, value) {
                case (.share, .nothing?): true
                case (.wire, .wire(let wire)?):
                    wire.sharesHeld && wire.alternative == nil && wire.mask.shape == binding.shape
                case (.bits, .bits(let bits)?): bits.planes == 1 && bits.count == binding.shape.count
                default: false
                }
            guard fits else {
                throw CrypTenError(
                    .diverged,
                    "the plan reads value \(index) of \(values.count) as a \(form) of shape \(binding.shape), which isn't kept so"
                )
            }
        }
    }

    private func within(_ place: String, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as CrypTenError where error.code == .malformedFile {
            throw malformed("\(place): \(error.message)")
        }
    }
}

private func malformed(_ what: String) -> CrypTenError {
    CrypTenError(.malformedFile, "the plan is malformed: \(what)")
}
