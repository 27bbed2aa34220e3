package import CrypTenExpressions
package import CrypTenPlanning
package import CrypTenRing

/// Expressions of a test's source as one plan, with what fills it.
package struct PlannedExpressions: Sendable {
    package let plan: PreparedPlan
    /// By the plan's numbers, encoded.
    package let inputs: [RingTensor]
    /// Which kept values the plan reads, in its order, by the numbers that they have in the expressions.
    package let reading: [Int]

    /// - Parameters:
    ///   - roots: What is asked for, and what becomes of it.
    ///   - source: Has the inputs' values.
    ///   - kept: By their numbers, the values that earlier runs kept.
    ///   - fractionBits: The session's.
    /// - Throws: what the planner throws.
    package init(
        _ roots: [(CrypTensor, Graph.Destination)],
        of source: ExpressionSource,
        kept: [KeptValue] = [],
        fractionBits: Int = 16
    ) throws {
        let (graph, sources) = try Simplify.graph(of: roots.map { ($0.0.node, $0.1) })
        reading = sources.kept.map(\.number)
        plan = try Planner(parties: 2, fractionBits: fractionBits, slabBits: 15).plan(
            graph,
            kept: reading.map { kept[$0] }
        )
        inputs = try sources.inputs.map { number in
            guard let tensor = source.values[number] else { throw SimulationError("no input \(number)") }
            if tensor.kind != .real, let integers = tensor.integers {
                return RingTensor(integers.map(UInt64.init(bitPattern:)), shape: tensor.shape)
            }
            return try FixedPoint.encode(tensor.doubles, fractionBits: fractionBits, shape: tensor.shape, name: "input")
        }
    }

    /// What a plan must know of what this one keeps, in order.
    package var kept: [KeptValue] {
        plan.plan.outputs.compactMap { output in output.kept.map { KeptValue(form: $0, scale: output.scale) } }
    }
}

extension CrypTensor {
    /// A value that an earlier run kept.
    package init(kept number: Int, _ shape: Shape, _ kind: ElementKind = .real) {
        self.init(Node(source: .kept(number: number), shape: shape, kind: kind, visibility: .secret, session: nil))
    }
}

extension PairedSession.Run {
    /// What a plan's output is, which is revealed.
    package func result(_ index: Int, of plan: PreparedPlan) throws -> Tensor {
        let (output, words) = (plan.plan.outputs[index], try revealed(index))
        return switch output.kind {
        case .real: Tensor(.double(FixedPoint.decode(words, scale: output.scale)), shape: output.shape)
        case .integer: Tensor(.int64(words.elements.map(Int64.init(bitPattern:))), shape: output.shape)
        case .bit: Tensor(.bool(words.elements.map { $0 == 1 }), shape: output.shape)
        }
    }
}

extension PairedSession {
    /// A run of expressions.
    package func run(_ planned: PlannedExpressions) throws -> Run {
        try run(planned.plan, inputs: planned.inputs, reading: planned.reading)
    }
}
