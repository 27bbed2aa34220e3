internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Graphs that run once for each element of a sequence, whose length is a shape: unrolled at import.
    static let loops: [String: OperatorEntry] = [
        "Scan": OperatorEntry([8, 9, 11, 16, 19, 21, 23, 24, 25], scan)
    ]

    private static func scan(_ operation: Operation) throws -> [Value] {
        guard case .graph(let body)? = operation.node.attributes["body"] else {
            throw operation.malformed("it has no graph")
        }
        let captures = Array(operation.inputs.suffix(body.captures.count))
        var operands = Array(operation.inputs.dropLast(body.captures.count))
        let isBatched = operation.version == 8
        if isBatched {
            guard operands.first.map({ $0 == nil }) == true else {
                throw operation.unsupported("its sequences have lengths of their own")
            }
            operands.removeFirst()
        }
        let values = try operands.map { operand in
            guard let operand else { throw operation.malformed("an input is missing") }
            return operand
        }
        guard isBatched else { return try SequenceScan(operation, body, captures).run(values) }
        // Sample by sample.
        guard let batch = values.first.flatMap({ $0.shape.dimensions.first }), batch > 0,
            values.allSatisfy({ $0.shape.dimensions.first == batch })
        else { throw operation.mismatch("its inputs have no batch as their first axis") }
        let samples = try (0..<batch).map { sample in
            try SequenceScan(operation, body, captures).run(try values.map { try $0.part(sample, axis: 0) })
        }
        return try (0..<samples[0].count).map { output in
            try Value.concatenated(try samples.map { try $0[output].expanded(axis: 0) }, axis: 0)
        }
    }
}

/// A graph whose first inputs are states, which its first outputs replace, and whose other inputs run along sequences.
private struct SequenceScan {
    private let operation: Operation
    private let body: GraphBody
    private let captures: [Value?]
    private let scanned: Int

    init(_ operation: Operation, _ body: GraphBody, _ captures: [Value?]) throws {
        (self.operation, self.body, self.captures) = (operation, body, captures)
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
        try ImportBudget.spend(0, work: steps * max(body.nodes.count, 1) << 6, for: "\(steps) steps of its graph")
        var current = Array(values.prefix(states))
        var collected = [[Value]](repeating: [], count: body.outputs.count - states)
        for step in 0..<steps {
            var names: [String: Value] = [:]
            for (name, value) in zip(body.captures, captures) { names[name] = value }
            for (name, value) in zip(body.inputs, current) { names[name] = value }
            for (number, sequence) in sequences.enumerated() {
                let place = isReverse[number] ? steps - 1 - step : step
                names[body.inputs[states + number]] = try sequence.part(place, axis: axes[number])
            }
            try execute(&names)
            let results = try body.outputs.map { name in
                guard let value = names[name] else { throw operation.malformed("its graph doesn't compute '\(name)'") }
                return value
            }
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

    private func execute(_ names: inout [String: Value]) throws {
        for node in body.nodes {
            let inner = Operation(node: node, inputs: node.inputs.map { $0.isEmpty ? nil : names[$0] })
            let results = try OperatorTable.entry(of: node).make(inner)
            for (position, name) in node.outputs.enumerated() where !name.isEmpty {
                guard position < results.count else {
                    throw inner.unsupported("its output \(position) isn't computed here")
                }
                names[name] = results[position]
            }
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
    fileprivate func part(_ position: Int, axis: Int) throws -> Value {
        var (starts, extents) = ([Int](repeating: 0, count: shape.rank), shape.dimensions)
        (starts[axis], extents[axis]) = (position, 1)
        return try sliced(starts: starts, steps: starts.map { _ in 1 }, shape: Shape(extents))
            .reshaped(shape.reducing([axis], keepDimensions: false))
    }

    /// With a new axis of extent 1.
    fileprivate func expanded(axis: Int) throws -> Value {
        var dimensions = shape.dimensions
        dimensions.insert(1, at: axis)
        return try reshaped(try Shape(checking: dimensions))
    }
}
