internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Graphs that run once for each element along an axis, whose length is a shape: unrolled at import.
    static let scans: [String: OperatorEntry] = [
        "Scan": OperatorEntry([8, 9, 11, 16, 19, 21, 23, 24, 25], takesLists: true, scan)
    ]

    private static func scan(_ operation: Operation) throws -> [Value] {
        let run = try operation.graph("body")
        var operands = operation.operands
        let isBatched = operation.version == 8
        if isBatched {
            guard operands.first.map({ $0 == nil }) == true else {
                throw operation.unsupported("its sequences have lengths of their own")
            }
            operands.removeFirst()
        }
        let values = try operands.map { operand in
            guard let operand else { throw operation.malformed("an input is missing") }
            return try operand.tensor(operation)
        }
        guard isBatched else { return try SequenceScan(operation, run).run(values) }
        // Sample by sample.
        guard let batch = values.first.flatMap({ $0.shape.dimensions.first }), batch > 0,
            values.allSatisfy({ $0.shape.dimensions.first == batch })
        else { throw operation.mismatch("its inputs have no batch as their first axis") }
        let samples = try (0..<batch).map { sample in
            try SequenceScan(operation, run).run(try values.map { try $0.part(sample, axis: 0) })
        }
        return try (0..<samples[0].count).map { output in
            try Value.concatenated(try samples.map { try $0[output].expanded(axis: 0) }, axis: 0)
        }
    }
}

/// A graph whose first inputs are states, which its first outputs replace, and whose other inputs run along sequences.
private struct SequenceScan {
    private let operation: Operation
    private let graph: GraphRun
    private let scanned: Int
    private var body: GraphBody { graph.body }

    init(_ operation: Operation, _ graph: GraphRun) throws {
        (self.operation, self.graph) = (operation, graph)
        let body = graph.body
        guard let scanned = try operation.int("num_scan_inputs"), scanned >= 1, scanned <= body.inputs.count else {
            throw operation.malformed("its num_scan_inputs must be one of the graph's \(body.inputs.count) inputs")
        }
        self.scanned = scanned
    }

    func run(_ values: [Value]) throws -> [Value] {
        guard values.count == body.inputs.count else {
            throw operation.malformed("its graph takes \(body.inputs.count) inputs, and \(values.count) are given")
        }
        let states = values.count - scanned
        let sequences = Array(values.dropFirst(states))
        guard body.outputs.count >= states else { throw operation.malformed("its graph gives no next states") }
        let axes = try axes("scan_input_axes", sequences.map(\.shape.rank))
        let isReverse = try directions("scan_input_directions", "directions", scanned)
        let lengths = Set(zip(sequences, axes).map { $0.shape[$1] })
        guard lengths.count == 1, let steps = lengths.first, steps > 0 else {
            throw operation.mismatch("its sequences have lengths \(lengths.sorted())")
        }
        var current = Array(values.prefix(states))
        var collected = [[Value]](repeating: [], count: body.outputs.count - states)
        for step in 0..<steps {
            let parts = try sequences.enumerated().map { number, sequence in
                try sequence.part(isReverse[number] ? steps - 1 - step : step, axis: axes[number])
            }
            let results = try graph(current + parts).map { try $0.tensor(operation) }
            current = Array(results.prefix(states))
            for (number, value) in results.dropFirst(states).enumerated() { collected[number].append(value) }
        }
        let places = try self.axes("scan_output_axes", collected.map { $0[0].shape.rank + 1 })
        let isTurned = try directions("scan_output_directions", "", collected.count)
        return try current
            + collected.indices.map { number in
                let parts = isTurned[number] ? collected[number].reversed() : collected[number]
                return try Value.concatenated(
                    try parts.map { try $0.expanded(axis: places[number]) },
                    axis: places[number]
                )
            }
    }

    private func axes(_ name: String, _ ranks: [Int]) throws -> [Int] {
        let given = try operation.ints(name) ?? [Int](repeating: 0, count: ranks.count)
        guard given.count == ranks.count else { throw operation.malformed("\(name) must be \(ranks.count) axes") }
        return try zip(given, ranks).map { try operation.axis($0, rank: $1) }
    }

    private func directions(_ name: String, _ old: String, _ count: Int) throws -> [Bool] {
        let given = try operation.ints(name) ?? operation.ints(old) ?? [Int](repeating: 0, count: count)
        guard given.count == count else { throw operation.malformed("\(name) must be \(count) numbers") }
        return given.map { $0 != 0 }
    }
}

extension Value {
    /// What stands at a position of an axis, which disappears.
    func part(_ position: Int, axis: Int) throws -> Value {
        var (starts, extents) = ([Int](repeating: 0, count: shape.rank), shape.dimensions)
        (starts[axis], extents[axis]) = (position, 1)
        return try sliced(starts: starts, steps: starts.map { _ in 1 }, shape: Shape(extents))
            .reshaped(shape.reducing([axis], keepDimensions: false))
    }

    /// With a new axis of extent 1.
    func expanded(axis: Int) throws -> Value {
        var dimensions = shape.dimensions
        dimensions.insert(1, at: axis)
        return try reshaped(try Shape(checking: dimensions))
    }
}
