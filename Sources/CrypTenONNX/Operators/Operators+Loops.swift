internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Graphs that run a number of times that is known: unrolled at import.
    static let loops: [String: OperatorEntry] = [
        "Loop": OperatorEntry([1, 11, 13, 16, 19, 21, 23, 24, 25], known: [0, 1], takesLists: true, loop)
    ]

    /// The graph's inputs are the number of the turn, whether it runs, and states; its outputs whether there is another turn, the next
    /// states, and what is kept of each turn.
    private static func loop(_ operation: Operation) throws -> [Value] {
        let graph = try operation.graph("body")
        let operands = operation.operands
        let (trips, first) = (try operation.trips(0), try operation.condition(1))
        var states = try operands.dropFirst(2).map { state in
            guard let state else { throw operation.malformed("an input is missing") }
            return state
        }
        let kept = graph.body.outputs.count - 1 - states.count
        guard graph.body.inputs.count == states.count + 2, kept >= 0 else {
            throw operation.malformed(
                "its graph takes \(graph.body.inputs.count) inputs and gives \(graph.body.outputs.count), with \(states.count) states"
            )
        }
        func run(_ turn: Int64) throws -> [Value] {
            let number = Value(.int64, known: Tensor(.int64([turn]), shape: []))
            return try graph([number, Value(.bool, known: Tensor(.bool([true]), shape: []))] + states)
        }
        var collected = [[Value]](repeating: [], count: kept)
        var (turn, goesOn) = (0 as Int64, first ?? true)
        while goesOn, turn < trips ?? .max {
            let results = try run(turn)
            turn += 1
            states = Array(results.dropFirst().prefix(states.count))
            for (number, value) in results.dropFirst(1 + states.count).enumerated() { collected[number].append(value) }
            // The graph's own condition counts where the node is given none, too, as other runtimes have it.
            guard let next = results[0].knownTensor, next.shape.count == 1 else {
                throw operation.secretCondition(
                    "output 0 of its graph ('\(onOneLine(graph.body.outputs[0]))') is a condition"
                )
            }
            goesOn = next.doubles[0] != 0
        }
        let isEmpty = turn == 0 && kept > 0
        // Without a turn there are no results to keep, but they have a shape.
        let shapes = isEmpty ? try run(0).suffix(kept) : []
        return try states
            + shapes.map { value in
                let shape = try Shape(checking: [0] + value.tensor(operation).shape.dimensions)
                return Value(value.type, known: Tensor(value.type.noElements, shape: shape))
            }
            + (isEmpty ? [] : collected).map { parts in
                try Value.concatenated(try parts.map { try $0.tensor(operation).expanded(axis: 0) }, axis: 0)
            }
    }
}

extension ONNXElementType {
    /// No numbers of this type.
    fileprivate var noElements: Tensor.Elements {
        switch kind {
        case .real: .float([])
        case .integer: .int64([])
        case .bit: .bool([])
        }
    }
}
