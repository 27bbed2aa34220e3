import CrypTenBase
package import CrypTenPlanning
package import CrypTenRing

/// What a plan takes from earlier runs and leaves for later ones: what must fit before it is dealt.
package struct PlanInterface: Hashable, Sendable {
    /// A value that the parties keep between runs.
    package struct Kept: Hashable, Sendable {
        package var form: KeptForm
        package var shape: Shape

        package init(form: KeptForm, shape: Shape) {
            self.form = form
            self.shape = shape
        }

        /// What is read of the value, or nil where it hasn't those rows.
        func reading(_ rows: [Int]?) -> Kept? {
            guard let rows else { return self }
            guard let extent = shape.dimensions.first, rows.allSatisfy((0..<extent).contains),
                let shape = try? Shape(checking: [rows.count] + shape.dimensions.dropFirst())
            else { return nil }
            return Kept(form: form, shape: shape)
        }
    }

    /// The kept values that are read, in the plan's order.
    package var reads: [Kept]
    /// The values that are kept.
    package var keeps: [Kept]

    package init(reads: [Kept], keeps: [Kept]) {
        self.reads = reads
        self.keeps = keeps
    }

    /// The interface of a plan that someone sent.
    ///
    /// - Throws: `.malformedFile` where it doesn't say of each kept value what it is.
    package init(_ plan: Plan) throws {
        var reads: [Int: Kept] = [:]
        for binding in plan.bindings {
            guard case .kept(let index, let form) = binding.source else { continue }
            let kept = Kept(form: form, shape: binding.shape)
            guard reads.updateValue(kept, forKey: index).map({ $0 == kept }) ?? true else {
                throw CrypTenError(.malformedFile, "the plan is malformed: it reads kept value \(index) in two forms")
            }
        }
        self.reads = try (0..<reads.count).map { index in
            guard let kept = reads[index] else {
                throw CrypTenError(.malformedFile, "the plan is malformed: it doesn't read kept value \(index)")
            }
            return kept
        }
        keeps = plan.outputs.compactMap { output in output.kept.map { Kept(form: $0, shape: output.shape) } }
    }
}
