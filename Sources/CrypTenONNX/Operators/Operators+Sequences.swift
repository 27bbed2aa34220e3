internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Lists of tensors, whose lengths and positions are known at import; and values that may be there or not.
    static let sequences: [String: OperatorEntry] = [
        "SequenceEmpty": OperatorEntry([11]) { operation in
            [Value(try elementType(operation, try operation.int("dtype", default: 1)), list: [])]
        },
        "SequenceConstruct": OperatorEntry([11]) { operation in
            let values = try operation.allInputs()
            return [Value(values[0].type, list: values)]
        },
        "SequenceLength": OperatorEntry([11], takesLists: true) { operation in
            [Value(integers: [try operation.list(0).count], shape: [])]
        },
        "SequenceAt": OperatorEntry([11], known: [1], takesLists: true) { operation in
            let values = try operation.list(0)
            return [values[try operation.place(1, in: values.count)]]
        },
        "SequenceInsert": OperatorEntry([11], known: [2], takesLists: true) { operation in
            var values = try operation.list(0)
            let value = try operation.input(1).tensor(operation)
            guard values.first.map({ $0.type.kind == value.type.kind }) ?? true else {
                throw operation.malformed(
                    "its tensor is \(value.type.rawValue), and those of the sequence are \(values[0].type.rawValue)"
                )
            }
            let isGiven = operation.optional(2) != nil
            values.insert(
                value,
                at: isGiven ? try operation.place(2, in: values.count + 1, from: values.count) : values.count
            )
            return [Value(value.type, list: values)]
        },
        "SequenceErase": OperatorEntry([11], known: [1], takesLists: true) { operation in
            var values = try operation.list(0)
            let isGiven = operation.optional(1) != nil
            values.remove(at: isGiven ? try operation.place(1, in: values.count) : try operation.last(of: values.count))
            return [Value(try operation.input(0).type, list: values)]
        },
        "SplitToSequence": OperatorEntry([11, 24], known: [1], split),
        "ConcatFromSequence": OperatorEntry([11], takesLists: true) { operation in
            let values = try operation.list(0)
            guard let given = try operation.int("axis") else { throw operation.malformed("its axis is missing") }
            guard let rank = values.first?.shape.rank else {
                throw operation.mismatch("an empty sequence has nothing to be joined")
            }
            if try operation.flag("new_axis", default: false) {
                let axis = try operation.axis(given, rank: rank + 1)
                return [try Value.concatenated(try values.map { try $0.expanded(axis: axis) }, axis: axis)]
            }
            return [try Value.concatenated(values, axis: try operation.axis(given, rank: rank))]
        },
        "SequenceMap": OperatorEntry([17], takesLists: true, map),
        "Optional": OperatorEntry([15], takesLists: true) { [$0.optional(0) ?? Value.nothing] },
        "OptionalHasElement": OperatorEntry([15, 18], takesLists: true) { operation in
            let isThere = operation.optional(0).map { !$0.isNothing } ?? false
            return [Value(.bool, known: Tensor(.bool([isThere]), shape: []))]
        },
        "OptionalGetElement": OperatorEntry([15, 18], takesLists: true) { operation in
            let value = try operation.input(0)
            guard !value.isNothing else { throw operation.mismatch("there is no value to get") }
            return [value]
        },
    ]

    private static func elementType(_ operation: Operation, _ number: Int) throws -> ONNXElementType {
        guard let type = Int32(exactly: number).flatMap(ONNXElementType.init(standardNumber:)) else {
            throw operation.unsupported("its element type \(number) of the standard isn't computed here")
        }
        return type
    }

    /// Pieces of one length, of which the last may be shorter; of given lengths; or of one element, with or without its axis.
    private static func split(_ operation: Operation) throws -> [Value] {
        let input = try operation.input(0)
        let axis = try operation.axis(try operation.int("axis", default: 0), rank: input.shape.rank)
        let extent = input.shape[axis]
        var lengths = [Int](repeating: 1, count: extent)
        if let given = try operation.known(1) {
            guard given.shape.rank <= 1, let numbers = given.integers else {
                throw operation.malformed("its lengths must be one whole number or a list")
            }
            if given.shape.rank == 0 {
                guard numbers[0] >= 1 else { throw operation.malformed("pieces of length \(numbers[0]) are none") }
                let length = Int(min(numbers[0], Int64(max(extent, 1))))
                lengths = stride(from: 0, to: extent, by: length).map { min(length, extent - $0) }
            } else {
                guard numbers.allSatisfy({ (0...Int64(extent)).contains($0) }), case let all = numbers.map({ Int($0) }),
                    all.reduce(0, { min($0 + $1, extent + 1) }) == extent
                else { throw operation.mismatch("its lengths \(numbers.prefix(8)) don't add up to \(extent)") }
                lengths = all
            }
        }
        let keepsAxis = try operation.optional(1) != nil || operation.flag("keepdims", default: true)
        try ImportBudget.run(turns: lengths.count, in: operation.node)
        var (pieces, start): ([Value], Int) = ([], 0)
        for length in lengths {
            var (starts, extents) = ([Int](repeating: 0, count: input.shape.rank), input.shape.dimensions)
            (starts[axis], extents[axis]) = (start, length)
            let piece = try input.sliced(starts: starts, steps: starts.map { _ in 1 }, shape: Shape(extents))
            pieces.append(keepsAxis ? piece : try piece.reshaped(piece.shape.reducing([axis], keepDimensions: false)))
            start += length
        }
        return [Value(input.type, list: pieces)]
    }

    /// A graph that runs once for each tensor of a sequence, or of several of one length; results are sequences.
    private static func map(_ operation: Operation) throws -> [Value] {
        let graph = try operation.graph("body")
        let values = try operation.operands.map { value in
            guard let value else { throw operation.malformed("an input is missing") }
            return value
        }
        guard values.count == graph.body.inputs.count, let count = values.first?.list?.count else {
            throw operation.malformed(
                "its graph takes \(graph.body.inputs.count) inputs, of which the first is an element of a sequence"
            )
        }
        guard values.allSatisfy({ $0.list.map { $0.count == count } ?? true }) else {
            throw operation.mismatch("its sequences have lengths \(values.compactMap { $0.list?.count })")
        }
        let rows = try (0..<count).map { place in
            try graph(values.map { $0.list?[place] ?? $0 }).map { try $0.tensor(operation) }
        }
        return graph.body.outputs.indices.map { output in
            Value(rows.first?[output].type ?? .float, list: rows.map { $0[output] })
        }
    }
}

extension Operation {
    /// An input that is a list of tensors.
    fileprivate func list(_ position: Int) throws -> [Value] {
        guard let list = try input(position).list else { throw malformed("input \(position) isn't a sequence") }
        return list
    }

    /// An input that is one of so many places from 0 on, known at import; negative ones count from the end.
    fileprivate func place(_ position: Int, in count: Int, from end: Int? = nil) throws -> Int {
        guard let tensor = try known(position), tensor.shape.count == 1, let number = tensor.integers?.first else {
            throw malformed("input \(position) must be one position")
        }
        let place = number < 0 ? number.addingReportingOverflow(Int64(end ?? count)).partialValue : number
        guard (0..<Int64(count)).contains(place) else {
            throw mismatch("position \(number) lies outside a sequence of \(end ?? count) tensors")
        }
        return Int(place)
    }

    /// The last of so many places.
    fileprivate func last(of count: Int) throws -> Int {
        guard count > 0 else { throw mismatch("an empty sequence has no last tensor") }
        return count - 1
    }
}
