internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Elements read from and written to positions.
    static let indexing: [String: OperatorEntry] = [
        "GatherElements": OperatorEntry([11, 13], secret: [1]) { operation in
            let data = try operation.input(0)
            let axis = try operation.axis(try operation.int("axis", default: 0), rank: data.shape.rank)
            if let places = try operation.secretPlaces(1) {
                return [try operation.elements(of: data, at: places, axis: axis)]
            }
            let indices = try operation.positions(1)
            return [try Value.computed([data], data.type) { $0[0].takeAlong(indices, axis: axis) }]
        },
        "GatherND": OperatorEntry([11, 12, 13], secret: [1], gatherBlocks),
        "Scatter": OperatorEntry([9, 11], secret: [1], scatterElements),
        "ScatterElements": OperatorEntry([11, 13, 16, 18], secret: [1], scatterElements),
        "ScatterND": OperatorEntry([11, 13, 16, 18], secret: [1], scatterBlocks),
        "TensorScatter": OperatorEntry([24], known: [2], updateCache),
        "OneHot": OperatorEntry([9, 11, 28], known: [1], oneHot),
        "Compress": OperatorEntry([9, 11, 28], known: [1]) { operation in
            let data = try operation.input(0)
            guard let condition = try operation.known(1), condition.shape.rank == 1, let flags = condition.integers
            else {
                throw operation.malformed("its condition must be a list of booleans")
            }
            let axis = try operation.int("axis").map { try operation.axis($0, rank: data.shape.rank) }
            let source = try axis == nil ? data.reshaped([data.shape.count]) : data
            guard flags.count <= source.shape[axis ?? 0] else {
                throw operation.mismatch(
                    "\(flags.count) conditions are more than axis \(axis ?? 0) of shape \(source.shape) has"
                )
            }
            return [try source.taking(flags.indices.filter { flags[$0] != 0 }, axis: axis ?? 0)]
        },
        "TopK": OperatorEntry([1, 10, 11, 24], known: [1]) { operation in
            let value = try operation.number(0)
            let given =
                try operation.version >= 10 ? operation.knownScalar(1).flatMap { Int(exactly: $0) } : operation.int("k")
            guard let k = given else { throw operation.malformed("its k must be one whole number") }
            let axis = try operation.axis(try operation.int("axis", default: -1), rank: value.shape.rank)
            let isLargest = try operation.version < 11 || operation.flag("largest", default: true)
            guard (0...value.shape[axis]).contains(k) else {
                throw operation.mismatch("\(k) elements are more than axis \(axis) of shape \(value.shape) has")
            }
            // A layer's comparators are about half as many as elements, and there are about ½ log² layers.
            let (extent, layers) = (
                value.shape[axis], value.shape[axis].bitWidth - value.shape[axis].leadingZeroBitCount
            )
            try ImportBudget.spend(
                0,
                work: min(extent, 1 << 20) * layers * layers / 16,
                for: "an order of \(extent) elements"
            )
            return try Value.computed([value], [value.type, .int64]) {
                let (values, indices) = $0[0].topK(k, axis: axis, largest: isLargest)
                return [values, indices]
            }
        },
        "ReverseSequence": OperatorEntry([10, 28], known: [1], reverseSequences),
    ]

    // MARK: Reading

    /// Blocks of the trailing axes at positions of the leading ones, which the last axis of the indices lists.
    private static func gatherBlocks(_ operation: Operation) throws -> [Value] {
        let data = try operation.input(0)
        let batch = operation.version >= 12 ? try operation.int("batch_dims", default: 0) : 0
        if let places = try operation.secretPlaces(1) {
            return [try operation.blocks(of: data, at: places, batch: batch)]
        }
        let indices = try operation.positions(1)
        let blocks = try BlockPositions(operation, data.shape, indices, batch: batch)
        let flat = try data.reshaped([blocks.count, blocks.size])
        return [try flat.taking(blocks.positions, axis: 0).reshaped(try Shape(checking: blocks.outer + blocks.block))]
    }

    // MARK: Writing

    private static func reduction(_ operation: Operation) throws -> CrypTensor.ScatterReduction {
        switch try operation.string("reduction", default: "none") {
        case "none": return .none
        case "add": return .add
        case "mul": return .multiply
        case "min": return .minimum
        case "max": return .maximum
        case let other: throw operation.malformed("reduction '\(other)' isn't known")
        }
    }

    private static func scatterElements(_ operation: Operation) throws -> [Value] {
        let (data, updates) = (try operation.input(0), try operation.input(2))
        let axis = try operation.axis(try operation.int("axis", default: 0), rank: data.shape.rank)
        guard data.type.kind == updates.type.kind else { throw operation.malformed("its inputs have different types") }
        if let places = try operation.secretPlaces(1) {
            return [try operation.written(updates, to: data, at: places, axis: axis)]
        }
        let indices = try operation.positions(1)
        let reduction = try reduction(operation)
        return [
            try Value.computed([data, updates], data.type) {
                $0[0].scatter(indices, $0[1], axis: axis, reduction: reduction)
            }
        ]
    }

    private static func scatterBlocks(_ operation: Operation) throws -> [Value] {
        let (data, updates) = (try operation.input(0), try operation.input(2))
        guard data.type.kind == updates.type.kind else { throw operation.malformed("its inputs have different types") }
        if let places = try operation.secretPlaces(1) {
            return [try operation.written(blocks: updates, to: data, at: places)]
        }
        let indices = try operation.positions(1)
        let reduction = try reduction(operation)
        let blocks = try BlockPositions(operation, data.shape, indices, batch: 0)
        guard updates.shape.dimensions == blocks.outer + blocks.block else {
            throw operation.mismatch(
                "updates of shape \(updates.shape) don't fit indices \(indices.shape) of \(data.shape)"
            )
        }
        try ImportBudget.spend(updates.shape.count + data.shape.count, for: "places of \(updates.shape.count) updates")
        let places = blocks.positions.flatMap { start in (0..<blocks.size).map { start * blocks.size + $0 } }
        return [
            try Value.computed([data, updates], data.type) {
                try $0[0].written($0[1], to: places, reduction, in: "scatter", at: nil)
            }
        ]
    }

    /// New tokens in a cache, at a public place of each sample.
    private static func updateCache(_ operation: Operation) throws -> [Value] {
        let (cache, update) = (try operation.input(0), try operation.input(1))
        let axis = try operation.axis(try operation.int("axis", default: -2), rank: cache.shape.rank)
        let isCircular = try operation.string("mode", default: "linear") == "circular"
        guard axis > 0, cache.shape.rank == update.shape.rank,
            (0..<cache.shape.rank).allSatisfy({ $0 == axis || cache.shape[$0] == update.shape[$0] })
        else {
            throw operation.mismatch("an update of shape \(update.shape) doesn't fit a cache of shape \(cache.shape)")
        }
        let starts = try operation.knownIntegers(2) ?? [Int](repeating: 0, count: cache.shape[0])
        let extent = cache.shape[axis]
        guard starts.count == cache.shape[0], update.shape[axis] <= extent,
            starts.allSatisfy({ $0 >= 0 && (isCircular || $0 <= extent - update.shape[axis]) })
        else { throw operation.mismatch("it writes \(update.shape[axis]) tokens at \(starts) of \(extent)") }
        try ImportBudget.spend(update.shape.count + cache.shape.count, for: "places of \(update.shape.count) updates")
        let strides = cache.shape.strides
        var places: [Int] = []
        places.reserveCapacity(update.shape.count)
        var position = [Int](repeating: 0, count: update.shape.rank)
        for _ in 0..<update.shape.count {
            var place = 0
            for (dimension, index) in position.enumerated() {
                place +=
                    strides[dimension] * (dimension == axis ? (starts[position[0]] % extent + index) % extent : index)
            }
            places.append(place)
            for dimension in position.indices.reversed() {
                position[dimension] += 1
                if position[dimension] < update.shape[dimension] { break }
                position[dimension] = 0
            }
        }
        return [
            try Value.computed([cache, update], cache.type) {
                try $0[0].written($0[1], to: places, .none, in: "scatter", at: nil)
            }
        ]
    }

    // MARK: Making

    /// One of two values at the place that an index names, the other elsewhere; the index may be secret.
    private static func oneHot(_ operation: Operation) throws -> [Value] {
        let (indices, values) = (try operation.number(0), try operation.input(2))
        guard let depth = try operation.knownScalar(1).flatMap({ Int(exactly: $0) }), (0...1 << 24).contains(depth)
        else {
            throw operation.malformed("its depth must be a whole number from 0 on")
        }
        guard values.shape.count == 2 else { throw operation.malformed("its values must be two") }
        try ImportBudget.spend(depth, for: "\(depth) classes")
        let rank = indices.shape.rank + 1
        let axis = try operation.axis(try operation.int("axis", default: -1), rank: rank)
        var (spread, along) = (indices.shape.dimensions, [Int](repeating: 1, count: rank))
        spread.insert(1, at: axis)
        along[axis] = depth
        let apart = try Shape(checking: spread)
        let places = Tensor((0..<Int64(depth)).map { $0 }, shape: try Shape(checking: along))
        return [
            try Value.computed([indices, values], values.type) { operands in
                let (off, on) = (operands[1][0], operands[1][1])
                if let rows = operands[0].kind == .integer ? operands[0].rowsOfPlaces() : nil {
                    // The words' own rows: no comparison.
                    let isHot = rows.rows(fitting: depth).number()
                    let last = Array(0..<rank - 1)
                    return off + isHot.permuted(Array(last[..<axis]) + [rank - 1] + Array(last[axis...])) * (on - off)
                }
                let x = operands[0].reshape(apart)
                let fromStart = x + (x .< 0) * CrypTensor(depth)
                let isHot = fromStart .== CrypTensor(constant: places)
                return CrypTenExpressions.which(isHot, on, off)
            }
        ]
    }

    /// The first elements of each sequence in reverse order; how many is public.
    private static func reverseSequences(_ operation: Operation) throws -> [Value] {
        let data = try operation.input(0)
        let time = try operation.axis(try operation.int("time_axis", default: 0), rank: data.shape.rank)
        let batch = try operation.axis(try operation.int("batch_axis", default: 1), rank: data.shape.rank)
        guard let lengths = try operation.knownIntegers(1), time != batch, lengths.count == data.shape[batch],
            lengths.allSatisfy({ (0...data.shape[time]).contains($0) })
        else { throw operation.malformed("its lengths must be one for each sequence, up to \(data.shape[time])") }
        let rest = (0..<data.shape.rank).filter { $0 != time && $0 != batch }
        let (steps, sequences) = (data.shape[time], data.shape[batch])
        try ImportBudget.spend(steps * sequences, for: "\(steps) steps of \(sequences) sequences")
        let places = (0..<steps).flatMap { step in
            (0..<sequences).map { (step < lengths[$0] ? lengths[$0] - 1 - step : step) * sequences + $0 }
        }
        let order = [time, batch] + rest
        let moved = try data.permuted(order)
        let flat = try moved.reshaped(Shape([steps * sequences] + rest.map { data.shape[$0] }))
        let back = (0..<order.count).compactMap { order.firstIndex(of: $0) }
        return [try flat.taking(places, axis: 0).reshaped(moved.shape).permuted(back)]
    }
}

extension Operation {
    /// An input of integers that must be known at import, as positions.
    func positions(_ position: Int) throws -> Tensor {
        guard let tensor = try known(position), tensor.kind == .integer else {
            throw malformed("input \(position) must be positions, which are integers")
        }
        try ImportBudget.spend(tensor.shape.count, for: "positions of shape \(tensor.shape)")
        return tensor
    }
}

/// Where blocks of trailing axes stand, by the positions of leading axes in the last axis of a tensor of indices.
private struct BlockPositions {
    /// The blocks' numbers, in the order of the indices.
    var positions: [Int] = []
    /// The axes of the indices but the last.
    var outer: [Int]
    /// The axes of a block.
    var block: [Int]
    var size: Int
    /// How many blocks there are in all.
    var count: Int

    init(_ operation: Operation, _ data: Shape, _ indices: Tensor, batch: Int) throws {
        let shape = indices.shape
        guard shape.rank >= 1, data.rank >= 1, (0..<min(shape.rank, data.rank)).contains(batch) else {
            throw operation.mismatch("indices of shape \(shape) don't fit data of shape \(data)")
        }
        let depth = shape[-1]
        guard batch + depth <= data.rank, (0..<batch).allSatisfy({ data[$0] == shape[$0] }) else {
            throw operation.mismatch("indices of shape \(shape) don't fit data of shape \(data)")
        }
        outer = Array(shape.dimensions.dropLast())
        block = Array(data.dimensions.dropFirst(batch + depth))
        size = block.reduce(1, *)
        let extents = Array(data.dimensions[batch..<batch + depth])
        let perSample = extents.reduce(1, *)
        let samples = data.dimensions.prefix(batch).reduce(1, *)
        count = perSample * samples
        let numbers = wholeNumbers(indices)
        let rows = outer.reduce(1, *)
        let rowsPerSample = samples == 0 ? 0 : rows / samples
        for row in 0..<rows {
            var place = 0
            for (axis, extent) in extents.enumerated() {
                let index = numbers[row * depth + axis]
                guard (-Int64(extent)..<Int64(extent)).contains(index) else {
                    throw operation.mismatch(
                        "index \(index) isn't one of \(extent) along axis \(batch + axis) of shape \(data)"
                    )
                }
                place = place * extent + Int(index < 0 ? index + Int64(extent) : index)
            }
            positions.append((rowsPerSample == 0 ? 0 : row / rowsPerSample) * perSample + place)
        }
    }
}
