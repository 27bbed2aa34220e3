internal import CrypTenBase
internal import CrypTenRing

/// Elements read from and written to public positions, each with a position of its own.
///
/// Local where nothing is combined or sums are; products and extremes take a round or a comparison for each of the elements
/// that share a position.
extension CrypTensor {
    /// How elements that are written are put together with what stands there.
    public enum ScatterReduction: String, Hashable, Sendable, CaseIterable {
        /// The last one written holds.
        case none
        case add, multiply, minimum, maximum
    }

    /// The elements at public positions along an axis, one position for each element of the result: NumPy's
    /// `take_along_axis`, PyTorch's `gather`.
    ///
    /// - Parameters:
    ///   - indices: Integers; negative ones count from the end. Their extents are at most this tensor's, but along the axis.
    ///   - axis: The axis along which they are positions.
    public func takeAlong(
        _ indices: Tensor,
        axis: Int,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let places = try places(of: indices, axis: axis, in: "takeAlong")
            return reshaped([count], at: origin).applying(.take(axis: 0, indices: places), at: origin)
                .reshaped(indices.shape, at: origin)
        }
    }

    /// This tensor with elements of another written to public positions along an axis.
    ///
    /// `result[i][indices[i][j]] = source[i][j]` along axis 1.
    ///
    /// - Parameters:
    ///   - indices: Integers in the shape of `source`; negative ones count from the end.
    ///   - reduction: How they are put together with what stands there; elements that share a position all count.
    public func scatter(
        _ indices: Tensor,
        _ source: CrypTensor,
        axis: Int,
        reduction: ScatterReduction = .none,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self, source], file: file, line: line) { origin in
            guard indices.shape == source.shape else {
                throw CrypTenError(
                    .shapeMismatch,
                    "scatter into shape \(shape) can't use indices \(indices.shape) for elements \(source.shape): the shapes must be equal"
                )
            }
            let places = try places(of: indices, axis: axis, in: "scatter")
            return try written(source, to: places, reduction, in: "scatter", at: origin)
        }
    }

    /// This tensor plus elements of another at public positions along an axis.
    public func scatterAdd(
        _ indices: Tensor,
        _ source: CrypTensor,
        axis: Int,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        scatter(indices, source, axis: axis, reduction: .add, file: file, line: line)
    }

    /// This tensor plus slices of another at public positions of an axis.
    ///
    /// - Parameters:
    ///   - indices: One position for each slice of `source` along the axis; negative ones count from the end.
    ///   - source: Of this tensor's shape but along the axis.
    public func indexAdd(
        _ indices: [Int],
        _ source: CrypTensor,
        axis: Int = 0,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self, source], file: file, line: line) { origin in
            let position = try normalized(axis: axis, in: "indexAdd")
            var expected = shape.dimensions
            expected[position] = indices.count
            guard source.shape.dimensions == expected else {
                throw CrypTenError(
                    .shapeMismatch,
                    "indexAdd of \(indices.count) slices of axis \(position) to shape \(shape) can't take shape \(source.shape)"
                )
            }
            let extent = shape[position]
            guard indices.allSatisfy({ (-extent..<extent).contains($0) }) else {
                throw CrypTenError(
                    .invalidArgument,
                    "indexAdd can't use positions \(indices.prefix(8)) of axis \(position) of shape \(shape)"
                )
            }
            try checkListed([extent], in: "indexAdd")
            let order = [position] + (0..<rank).filter { $0 != position }
            let back = (0..<rank).compactMap { order.firstIndex(of: $0) }
            let (whole, parts) = CrypTensor.unified(self, source, at: origin)
            return whole.permuted(positions: order, at: origin)
                .adding(
                    parts.permuted(positions: order, at: origin),
                    at: indices.map { $0 < 0 ? $0 + extent : $0 },
                    origin
                )
                .permuted(positions: back, at: origin)
        }
    }

    /// Elements of another tensor written to places among all elements of this one, in row-major order.
    package func written(
        _ source: CrypTensor,
        to places: [Int],
        _ reduction: ScatterReduction,
        in name: String,
        at origin: SourceOrigin?
    ) throws -> CrypTensor {
        precondition(places.count == source.count, "\(places.count) places for \(source.count) elements")
        if source.count == 0 { return self }
        try checkListed(shape.dimensions, in: name)
        let (whole, parts) =
            kind == .bit && source.kind == .bit ? (self, source) : CrypTensor.unified(self, source, at: origin)
        let flat = whole.reshaped([count], at: origin)
        let values = parts.reshaped([source.count], at: origin)
        guard reduction != .none else {
            var from = Array(0..<count)
            for (number, place) in places.enumerated() { from[place] = count + number }
            return CrypTensor(Node(.concatenate(axis: 0), [flat.node, values.node], origin: origin))
                .applying(.take(axis: 0, indices: from), at: origin).reshaped(shape, at: origin)
        }
        guard whole.kind != .bit else {
            throw CrypTenError(
                .invalidArgument,
                "\(name) can't combine bits \(shape): it writes them, without a reduction"
            )
        }
        if reduction == .add { return flat.adding(values, at: places, origin).reshaped(shape, at: origin) }
        // Round k writes the k-th element of every place; what isn't written meets what changes nothing.
        var levels: [[Int]] = []
        var seen = [Int](repeating: 0, count: count)
        for (number, place) in places.enumerated() {
            if seen[place] == levels.count {
                guard levels.count < 64 else {
                    throw CrypTenError(
                        .invalidArgument,
                        "\(name) into shape \(shape) writes more than 64 elements to one place"
                    )
                }
                levels.append([Int](repeating: -1, count: count))
            }
            levels[seen[place]][place] = number
            seen[place] += 1
        }
        var result = flat
        for level in levels {
            let one = values.filled(with: 1, [1], at: origin)
            let spare = reduction == .multiply ? one : result
            let pool = CrypTensor(Node(.concatenate(axis: 0), [values.node, spare.node], origin: origin))
            let from = level.enumerated().map { place, number in
                number >= 0 ? number : source.count + (reduction == .multiply ? 0 : place)
            }
            let operand = pool.applying(.take(axis: 0, indices: from), at: origin)
            switch reduction {
            case .multiply: result = result.applying(.bilinear(.multiply), operand, at: origin)
            case .minimum: result = result.minimum(operand)
            default: result = result.maximum(operand)
            }
        }
        return result.reshaped(shape, at: origin)
    }

    /// Slices of the first axis plus others at places of it: those of one place are neighbours after a sort, and their sum is a
    /// difference of two running sums, which are local.
    private func adding(_ values: CrypTensor, at places: [Int], _ origin: SourceOrigin?) -> CrypTensor {
        var counts = [Int](repeating: 0, count: shape[0])
        for place in places { counts[place] += 1 }
        // A slice of zeros in front.
        let (one, none) = ((0..<rank).map { $0 == 0 ? 1 : 0 }, [Int](repeating: 0, count: rank))
        if counts.allSatisfy({ $0 <= 1 }) {
            var from = [Int](repeating: 0, count: shape[0])
            for (number, place) in places.enumerated() { from[place] = number + 1 }
            let pool = values.applying(.pad(before: one, after: none), at: origin)
            return applying(.add, pool.applying(.take(axis: 0, indices: from), at: origin), at: origin)
        }
        let order = places.indices.sorted { (places[$0], $0) < (places[$1], $1) }
        let sums = values.applying(.take(axis: 0, indices: order), at: origin).cumsum(axis: 0)
            .applying(.pad(before: one, after: none), at: origin)
        var (starts, ends, next) = ([Int](), [Int](), 0)
        for number in counts {
            starts.append(next)
            next += number
            ends.append(next)
        }
        let total = sums.applying(.take(axis: 0, indices: ends), at: origin)
            .applying(.subtract, sums.applying(.take(axis: 0, indices: starts), at: origin), at: origin)
        return applying(.add, total, at: origin)
    }

    /// The places among all elements of this tensor to which positions along an axis point.
    private func places(of indices: Tensor, axis: Int, in name: String) throws -> [Int] {
        let position = try normalized(axis: axis, in: name)
        let extent = shape[position]
        guard indices.kind == .integer, let whole = indices.integers, indices.shape.rank == rank,
            (0..<rank).allSatisfy({ $0 == position || indices.shape[$0] <= shape[$0] })
        else {
            throw CrypTenError(
                .shapeMismatch,
                "\(name) along axis \(position) of shape \(shape) can't use \(indices.kind.rawValue) indices \(indices.shape): "
                    + "they are integers, with extents at most as large along all other axes"
            )
        }
        var strides = shape.strides
        strides[position] = 0
        let starts = ClearPositions(shape: indices.shape, offset: 0, strides: strides).positions
        return try zip(starts, whole).map { start, index in
            guard (-Int64(extent)..<Int64(extent)).contains(index) else {
                throw CrypTenError(
                    .invalidArgument,
                    "\(name) can't use position \(index) of axis \(position) of shape \(shape)"
                )
            }
            return start + Int(index < 0 ? index + Int64(extent) : index) * shape.strides[position]
        }
    }
}

/// This tensor with elements of another written to public positions along an axis.
public func scatter(
    _ x: CrypTensor,
    _ indices: Tensor,
    _ source: CrypTensor,
    axis: Int,
    reduction: CrypTensor.ScatterReduction = .none,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.scatter(indices, source, axis: axis, reduction: reduction, file: file, line: line)
}
