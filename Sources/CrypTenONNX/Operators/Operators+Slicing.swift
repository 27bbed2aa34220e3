internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Parts of a tensor, and parts around it.
    static let slicing: [String: OperatorEntry] = [
        "Slice": OperatorEntry([1, 10, 11, 13], known: [1, 2, 3, 4], slice),
        "Split": OperatorEntry([2, 11, 13, 18], known: [1], split),
        "Pad": OperatorEntry([2, 11, 13, 18, 19, 21, 23, 24, 25], known: [1, 3], pad),
        "Gather": OperatorEntry([1, 11, 13], secret: [1], atRun: true, gather),
    ]

    /// Bounds are clamped and negative ones count from the end, as in Python.
    private static func slice(_ operation: Operation) throws -> [Value] {
        let input = try operation.input(0)
        let isInput = operation.version >= 10
        guard let starts = isInput ? try operation.knownIntegers(1) : try operation.ints("starts"),
            let ends = isInput ? try operation.knownIntegers(2) : try operation.ints("ends"), starts.count == ends.count
        else { throw operation.malformed("its starts and ends must be two lists of one length") }
        let axes = try operation.axes(
            (isInput ? try operation.knownIntegers(3) : try operation.ints("axes")) ?? Array(starts.indices),
            rank: input.shape.rank
        )
        let steps = (isInput ? try operation.knownIntegers(4) : nil) ?? [Int](repeating: 1, count: starts.count)
        guard axes.count == starts.count, steps.count == starts.count, !steps.contains(0) else {
            throw operation.malformed("its axes and steps must be as many as its starts, and no step 0")
        }
        var first = [Int](repeating: 0, count: input.shape.rank)
        var stride = [Int](repeating: 1, count: input.shape.rank)
        var extents = input.shape.dimensions
        for (index, axis) in axes.enumerated() {
            let extent = input.shape[axis]
            // No step reaches farther than the axis, so none need be longer.
            let step = max(-max(extent, 1), min(max(extent, 1), steps[index]))
            let (lowest, highest) = step > 0 ? (0, extent) : (-1, extent - 1)
            func position(_ bound: Int) -> Int {
                let counted = bound < 0 ? max(bound, -extent - 1) + extent : bound
                return min(max(counted, lowest), highest)
            }
            let (start, end) = (position(starts[index]), position(ends[index]))
            let distance = step > 0 ? end - start : start - end
            extents[axis] = distance > 0 ? (distance + abs(step) - 1) / abs(step) : 0
            first[axis] = extents[axis] == 0 ? 0 : start
            stride[axis] = step
        }
        return [try input.sliced(starts: first, steps: stride, shape: Shape(extents))]
    }

    private static func split(_ operation: Operation) throws -> [Value] {
        let input = try operation.input(0)
        let axis = try operation.axis(try operation.int("axis", default: 0), rank: input.shape.rank)
        let extent = input.shape[axis]
        let parts: [Int]
        if let given = operation.version >= 13 ? try operation.knownIntegers(1) : try operation.ints("split") {
            parts = given
        } else {
            let count = try operation.int("num_outputs") ?? operation.node.outputs.count
            guard count >= 1, count <= extent else {
                throw operation.malformed("\(extent) can't be split into \(count) parts")
            }
            let length = (extent + count - 1) / count
            guard operation.version >= 18 || extent % count == 0 else {
                throw operation.mismatch(
                    "axis \(axis) of shape \(input.shape) can't be split into \(count) equal parts"
                )
            }
            parts = (0..<count).map { max(0, min(length, extent - $0 * length)) }
        }
        guard parts.count == operation.node.outputs.count, parts.allSatisfy({ (0...extent).contains($0) }),
            parts.reduce(0, { min($0 + $1, extent + 1) }) == extent
        else { throw operation.mismatch("axis \(axis) of shape \(input.shape) can't be split into \(parts)") }
        var start = 0
        return try parts.map { length in
            var (starts, extents) = ([Int](repeating: 0, count: input.shape.rank), input.shape.dimensions)
            (starts[axis], extents[axis]) = (length == 0 ? 0 : start, length)
            start += length
            return try input.sliced(
                starts: starts,
                steps: [Int](repeating: 1, count: input.shape.rank),
                shape: Shape(extents)
            )
        }
    }

    /// Zeros or another public number around the tensor, or elements of its own; negative padding takes elements away.
    private static func pad(_ operation: Operation) throws -> [Value] {
        let input = try operation.input(0)
        let rank = input.shape.rank
        let isInput = operation.version >= 11
        guard let given = isInput ? try operation.knownIntegers(1) : try operation.ints("pads") else {
            throw operation.malformed("its pads are missing")
        }
        let axes = try operation.axes(
            (operation.version >= 18 ? try operation.knownIntegers(3) : nil) ?? Array(0..<rank),
            rank: rank
        )
        guard given.count == 2 * axes.count, given.allSatisfy({ (-1 << 30...1 << 30).contains($0) }) else {
            throw operation.malformed("its pads \(given) must be two numbers for each of \(axes.count) axes")
        }
        var (before, after) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
        for (index, axis) in axes.enumerated() {
            (before[axis], after[axis]) = (given[index], given[axes.count + index])
        }

        // Take away what negative numbers ask for, then add the rest.
        let starts = before.map { max(0, -$0) }
        let kept = (0..<rank).map { input.shape[$0] - starts[$0] - max(0, -after[$0]) }
        guard kept.allSatisfy({ $0 >= 0 }) else {
            throw operation.mismatch("pads \(given) take more away than shape \(input.shape) has")
        }
        let inner = try input.sliced(
            starts: zip(starts, kept).map { $1 == 0 ? 0 : $0 },
            steps: [Int](repeating: 1, count: rank),
            shape: Shape(kept)
        )
        let (more, behind) = (before.map { max(0, $0) }, after.map { max(0, $0) })
        switch try operation.string("mode", default: "constant") {
        case "constant":
            if isInput, let filling = operation.optional(2), filling.knownTensor == nil {
                return [try framed(operation, inner, before: more, after: behind, with: filling)]
            }
            let number = try isInput ? operation.knownScalar(2) ?? 0 : operation.float("value", default: 0)
            let padded = try inner.padded(before: more, after: behind)
            if number == 0 { return [padded] }
            return [try filled(operation, padded, around: inner.shape, before: more, with: number)]
        case let mode:
            guard ["reflect", "edge", "wrap"].contains(mode) else {
                throw operation.unsupported("mode '\(mode)' isn't computed here")
            }
            return [
                try (0..<rank).reduce(inner) { value, axis in
                    let extent = inner.shape[axis]
                    if more[axis] == 0, behind[axis] == 0 { return value }
                    guard extent > 0 else {
                        throw operation.mismatch("axis \(axis) is empty, so nothing can be repeated")
                    }
                    try ImportBudget.spend(more[axis] + extent + behind[axis], for: "padding of axis \(axis)")
                    let positions = (-more[axis]..<extent + behind[axis]).map { position in
                        switch mode {
                        case "edge": min(max(position, 0), extent - 1)
                        case "wrap": ((position % extent) + extent) % extent
                        default: reflected(position, extent)
                        }
                    }
                    return try value.taking(positions, axis: axis)
                }
            ]
        }
    }

    /// The position inside that a position outside mirrors, edges not doubled.
    private static func reflected(_ position: Int, _ extent: Int) -> Int {
        if extent == 1 { return 0 }
        let period = 2 * (extent - 1)
        let place = ((position % period) + period) % period
        return place < extent ? place : period - place
    }

    /// A value with a secret number around it: no product, only places.
    private static func framed(
        _ operation: Operation,
        _ inner: Value,
        before: [Int],
        after: [Int],
        with filling: Value
    ) throws -> Value {
        guard filling.shape.count == 1, filling.type.kind == inner.type.kind else {
            throw operation.malformed(
                "it pads \(inner.type.rawValue) with \(filling.type.rawValue) of shape \(filling.shape), not with one number"
            )
        }
        let number = try filling.reshaped([])
        return try (0..<inner.shape.rank).reduce(inner) { value, axis in
            func block(_ extent: Int) throws -> [Value] {
                var dimensions = value.shape.dimensions
                dimensions[axis] = extent
                return extent == 0
                    ? [] : [try number.broadcast(to: try Shape(checking: dimensions)).retyped(inner.type)]
            }
            let parts = try block(before[axis]) + [value] + block(after[axis])
            return parts.count == 1 ? value : try Value.concatenated(parts, axis: axis)
        }
    }

    /// A padded value plus a public number in the padding.
    private static func filled(
        _ operation: Operation,
        _ padded: Value,
        around inner: Shape,
        before: [Int],
        with number: Double
    ) throws -> Value {
        guard !number.isNaN, padded.type.kind == .real || Int64(exactly: number) != nil else {
            throw operation.unsupported("it pads with \(number)")
        }
        try ImportBudget.spend(padded.shape.count, for: "padding of shape \(padded.shape)")
        let ones = try Value(.bool, known: Tensor(.bool([true]), shape: [])).broadcast(to: inner)
            .padded(before: before, after: (0..<inner.rank).map { padded.shape[$0] - inner[$0] - before[$0] })
        let inside = ones.knownTensor?.integers ?? []
        switch padded.type.kind {
        case .real:
            let frame = Tensor(inside.map { $0 == 0 ? number : 0 }, shape: padded.shape)
            return try Value.combined(padded, Value(padded.type, known: frame), .add)
        case .integer:
            let frame = Tensor(inside.map { $0 == 0 ? Int64(number) : 0 }, shape: padded.shape)
            return try Value.combined(padded, Value(padded.type, known: frame), .add)
        case .bit:
            guard number != 0 else { return padded }
            let frame = Tensor(.bool(inside.map { $0 == 0 }), shape: padded.shape)
            return Value(.bool, try checked(try padded.expression() ^ CrypTensor(constant: frame)))
        }
    }

    /// Slices of a table: by public indices, those of the model by position, those of the run by a tensor; by secret ones.
    private static func gather(_ operation: Operation) throws -> [Value] {
        let (table, indices) = (try operation.input(0), try operation.input(1))
        let axis = try operation.axis(try operation.int("axis", default: 0), rank: table.shape.rank)
        guard indices.type.kind == .integer else {
            throw operation.malformed("its indices are \(indices.type.rawValue), not integers")
        }
        var dimensions = table.shape.dimensions
        dimensions.replaceSubrange(axis...axis, with: indices.shape.dimensions)
        let target = try Shape(checking: dimensions)
        if let known = indices.knownTensor {
            let extent = table.shape[axis]
            let positions = try wholeNumbers(known).map { index in
                guard (-Int64(extent)..<Int64(extent)).contains(index) else {
                    throw operation.mismatch(
                        "index \(index) isn't one of \(extent) along axis \(axis) of shape \(table.shape)"
                    )
                }
                return Int(index < 0 ? index + Int64(extent) : index)
            }
            return [try table.taking(positions, axis: axis).reshaped(target)]
        }
        if let places = try operation.secretPlaces(1) {
            return [try operation.slices(of: table, at: places, axis: axis)]
        }
        let positions = try indices.expression()
        // Negative ones count from the end: known to all at run time, so each party adds the extent where it belongs.
        let fromStart = positions + (positions .< 0) * table.shape[axis]
        return [Value(table.type, try checked(try table.expression().gather(fromStart, axis: axis)))]
    }
}
