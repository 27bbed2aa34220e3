import CrypTenBase
package import CrypTenExpressions
import CrypTenGates
package import CrypTenRing
import Crypto
import Foundation

/// What a plan must know of a value that an earlier run kept.
package struct KeptValue: Hashable, Sendable {
    package var form: KeptForm
    package var scale: Int
    /// What follows from declarations; nil where nothing does.
    package var range: ValueRange?

    package init(form: KeptForm, scale: Int, range: ValueRange? = nil) {
        self.form = form
        self.scale = scale
        self.range = range
    }
}

/// From expressions to plans: the passes, in order.
package struct Planner: Sendable {
    package let parties: Int
    package let fractionBits: Int
    package let slabBits: Int

    package init(parties: Int, fractionBits: Int, slabBits: Int) {
        self.parties = parties
        self.fractionBits = fractionBits
        self.slabBits = slabBits
    }

    /// The plan of a graph.
    ///
    /// - Throws: `CrypTenError` for what this protocol can't compute.
    package func plan(_ graph: Graph, kept: [KeptValue]) throws -> PreparedPlan {
        try graph.checkSizes()
        let pooled = ShareEqual.apply(PoolBeforeReLU.apply(FoldFactors.apply(graph, fractionBits: fractionBits)))
        var lowering = Lowering(pooled, parties: parties, fractionBits: fractionBits, kept: kept)
        try lowering.run()
        let (plan, numbers) = DropUnused.apply(
            Plan(
                parties: parties,
                fractionBits: fractionBits,
                slabBits: slabBits,
                slots: lowering.slots.count,
                bindings: lowering.bindings,
                steps: lowering.steps,
                outputs: lowering.outputs
            )
        )
        var meanings = [SlotMeaning?](repeating: nil, count: plan.slots)
        for (slot, meaning) in lowering.meanings {
            if let number = numbers[slot] { meanings[number] = meaning }
        }
        return try PreparedPlan(
            plan,
            constants: lowering.constants,
            graph: pooled,
            meanings: meanings,
            keptRanges: pooled.outputs.map { lowering.bounds.declaredRange(of: $0.entry) }
        )
    }
}

extension Graph {
    /// Whether a plan can hold every value, and what is made of an empty one along its axes: checked before anything is made of their shapes.
    fileprivate func checkSizes() throws {
        guard
            let large = entries.first(where: {
                Shape.positions($0.shape.dimensions) > Plan.Limits.elements
            })
        else { return }
        throw CrypTenError(
            .outOfRange,
            """
            \(large.operation.name)\(large.layer.map { " in layer \($0)" } ?? "") makes a value of shape \(large.shape), and a plan's \
            have at most 2^30 elements; make it smaller
            """
        )
    }
}

extension PreparedPlan {
    /// Adds to a plan what follows from it.
    ///
    /// - Throws: `CrypTenError.Code.malformedFile` for a plan that can't be run, as one whose values are too large.
    package init(
        _ plan: Plan,
        constants: [RingTensor],
        graph: Graph,
        meanings: [SlotMeaning?],
        keptRanges: [ValueRange?]? = nil
    ) throws {
        try plan.validate()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var hash = SHA256()
        hash.update(data: try encoder.encode(plan))
        for constant in constants {
            constant.withWords {
                hash.update(bufferPointer: UnsafeRawBufferPointer(start: $0, count: constant.count * 8))
            }
        }
        let dealerPlan = try encoder.encode(plan.redacted)
        self.init(
            plan: plan,
            constants: constants,
            graph: graph,
            meanings: meanings,
            keptRanges: keptRanges ?? plan.outputs.map { _ in nil },
            schedule: Schedule(plan),
            fingerprint: Array(hash.finalize()),
            dealerPlan: Array(dealerPlan),
            dealerFingerprint: Array(SHA256.hash(data: dealerPlan))
        )
    }
}
