internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// Elements that are read from and written to secret places: products with one-hot rows, so that nothing shows which they are.
///
/// The rows are those that the places were made of, or comparisons with every place of the axis.
extension Operation {
    /// An input of integers that is computed in secret; nil where its numbers are known, or all parties will know them.
    func secretPlaces(_ position: Int) throws -> CrypTensor? {
        guard case .expression(let places) = try input(position).content, places.visibility == .secret else {
            return nil
        }
        guard places.kind == .integer else {
            throw malformed("input \(position) must be positions, which are integers")
        }
        return places
    }

    /// One-hot rows for places on an axis: a new last axis as long as it is.
    private func rows(_ places: CrypTensor, _ extent: Int) throws -> CrypTensor {
        let (count, isTooLarge) = places.count.multipliedReportingOverflow(by: extent)
        guard !isTooLarge, extent <= 1 << 22 else {
            throw mismatch("\(places.count) secret positions of \(extent) are too many")
        }
        try ImportBudget.spend(0, work: count / 4096, for: "rows of \(places.count) secret positions of \(extent)")
        return try checked(places.rows(ofAxis: extent))
    }

    /// Slices of a table at secret places.
    func slices(of table: Value, at places: CrypTensor, axis: Int) throws -> Value {
        let rows = try rows(places, table.shape[axis])
        return try value(table.type, table.expression().take(oneHot: rows, axis: axis))
    }

    /// Elements along an axis, each at its own secret place.
    func elements(of data: Value, at places: CrypTensor, axis: Int) throws -> Value {
        let (extents, rank) = (places.shape, data.shape.rank)
        guard places.rank == rank, (0..<rank).allSatisfy({ $0 == axis || extents[$0] <= data.shape[$0] }) else {
            throw mismatch("positions of shape \(extents) don't fit data of shape \(data.shape)")
        }
        let table = try data.sliced(
            starts: [Int](repeating: 0, count: rank),
            steps: [Int](repeating: 1, count: rank),
            shape: Shape((0..<rank).map { $0 == axis ? data.shape[$0] : extents[$0] })
        )
        let order = (0..<rank).filter { $0 != axis } + [axis]
        let lines = order.dropLast().reduce(1) { $0 * extents[$1] }
        let numbers = try table.expression().permuted(order).reshape([lines, data.shape[axis], 1])
        let rows = try rows(places.permuted(order), data.shape[axis])
        let found = rows.reshape([lines, extents[axis], data.shape[axis]]).matmul(numbers)
        let back = (0..<rank).compactMap { order.firstIndex(of: $0) }
        return try value(
            data.type,
            found.reshape(Shape(order.map { extents[$0] })).permuted(back)
        )
    }

    /// Blocks of trailing axes at secret places of the leading ones, which the last axis of the places lists.
    func blocks(of data: Value, at places: CrypTensor, batch: Int) throws -> Value {
        let (shape, extents) = (data.shape.dimensions, places.shape.dimensions)
        guard places.rank > batch, batch >= 0, case let depth = extents[extents.count - 1],
            batch + depth <= shape.count, shape.prefix(batch) == extents.prefix(batch)
        else { throw mismatch("positions of shape \(places.shape) don't fit data of shape \(data.shape)") }
        let samples = shape.prefix(batch).reduce(1, *)
        let outer = Array(extents.dropFirst(batch).dropLast())
        var count = outer.reduce(1, *)
        var rest = Array(shape.dropFirst(batch))
        var (found, lead) = (try data.expression(), samples)
        let flat = places.reshape([samples, count, depth])
        // One axis after the other: of the first all rows of a sample read one table, of later ones each has its own.
        for axis in 0..<depth {
            let extent = rest.removeFirst()
            let size = rest.reduce(1, *)
            let rows = try rows(flat.indexed([.all, .all, .position(axis)]), extent).reshape([lead, count, extent])
            found = rows.matmul(found.reshape([lead, extent, size]))
            (lead, count) = (lead * count, 1)
        }
        return try value(data.type, found.reshape(Shape(shape.prefix(batch) + outer + rest)))
    }

    /// Data with elements written, or added, at secret places along an axis.
    func written(_ updates: Value, to data: Value, at places: CrypTensor, axis: Int) throws -> Value {
        let (extents, rank) = (places.shape, data.shape.rank)
        guard places.rank == rank, updates.shape == extents,
            (0..<rank).allSatisfy({ $0 == axis || extents[$0] <= data.shape[$0] })
        else { throw mismatch("positions of shape \(extents) don't fit data of shape \(data.shape)") }
        let order = (0..<rank).filter { $0 != axis } + [axis]
        let back = (0..<rank).compactMap { order.firstIndex(of: $0) }
        let (lines, extent) = (order.dropLast().reduce(1) { $0 * extents[$1] }, data.shape[axis])
        let rows = try lastOnly(
            try rows(places.permuted(order), extent).reshape([lines, extents[axis], extent]).number()
        )
        func placed(_ line: CrypTensor) -> CrypTensor {
            line.reshape(Shape(order.dropLast().map { extents[$0] } + [extent])).permuted(back)
                .pad(
                    before: [Int](repeating: 0, count: rank),
                    after: (0..<rank).map { $0 == axis ? 0 : data.shape[$0] - extents[$0] }
                )
        }
        let numbers = try updates.expression().permuted(order).reshape([lines, 1, extents[axis]])
        return try combined(data, placed(numbers.matmul(rows)), placed(rows.sum(axis: 1)))
    }

    /// Data with blocks of trailing axes written, or added, at secret places of the leading ones.
    func written(blocks updates: Value, to data: Value, at places: CrypTensor) throws -> Value {
        let (shape, extents) = (data.shape.dimensions, places.shape.dimensions)
        guard let depth = extents.last, depth <= shape.count,
            updates.shape.dimensions == extents.dropLast() + shape.dropFirst(depth)
        else {
            throw mismatch(
                "updates of shape \(updates.shape) and positions of shape \(places.shape) don't fit data of shape \(data.shape)"
            )
        }
        let (count, size) = (extents.dropLast().reduce(1, *), shape.dropFirst(depth).reduce(1, *))
        let flat = places.reshape([count, depth])
        var (rows, cells) = (CrypTensor(constant: Tensor([Int](repeating: 1, count: count), shape: [count, 1])), 1)
        for axis in 0..<depth {
            let more = try self.rows(flat.indexed([.all, .position(axis)]), shape[axis]).number()
            rows = axis == 0 ? more : rows.reshape([count, cells, 1]) * more.reshape([count, 1, shape[axis]])
            cells *= shape[axis]
            rows = rows.reshape([count, cells])
        }
        rows = try lastOnly(rows.reshape([1, count, cells])).reshape([count, cells])
        let numbers = try updates.expression().reshape([count, size])
        let sums = rows.transposed().matmul(numbers).reshape(data.shape)
        let isHit = rows.sum(axis: 0).reshape([cells, 1]).broadcast(to: [cells, size]).reshape(data.shape)
        return try combined(data, sums, isHit)
    }

    /// Rows of writings, `[lines, writings, places]`, without those whose place is written again later, unless all are added up.
    private func lastOnly(_ rows: CrypTensor) throws -> CrypTensor {
        let (lines, count) = (rows.shape[0], rows.shape[1])
        guard try string("reduction", default: "none") == "none", count > 1 else { return rows }
        try ImportBudget.spend(0, work: lines * count * count / 64, for: "\(count) writings to secret positions")
        let isLater = (0..<count).flatMap { row in (0..<count).map { $0 > row ? 1 : 0 } }
        let meets = rows.matmul(rows.permuted([0, 2, 1]))
        let again = (meets * CrypTensor(constant: Tensor(isLater, shape: [count, count]))).sum(axis: 2)
        return rows * (again .== CrypTensor(0)).number().reshape([lines, count, 1])
    }

    /// What stands where updates came, by the node's way to combine them.
    private func combined(_ data: Value, _ sums: CrypTensor, _ isHit: CrypTensor) throws -> Value {
        let old = try data.expression().number()
        switch try string("reduction", default: "none") {
        case "none": return try value(data.type, old - old * isHit + sums)
        case "add": return try value(data.type, old + sums)
        case let other:
            throw unsupported("reduction '\(other)' isn't computed at secret positions; none and add are")
        }
    }

    /// A result, as bits where the type has them.
    private func value(_ type: ONNXElementType, _ expression: CrypTensor) throws -> Value {
        Value(type, try checked(type.kind == .bit && expression.kind != .bit ? expression .!= 0 : expression))
    }
}
