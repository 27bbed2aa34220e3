internal import CrypTenBase
internal import CrypTenRing

/// Parts of a tensor, by public positions: local, no round, no bytes.
extension CrypTensor {
    /// Parts by one index an axis, as in NumPy: `x[0, 1..<3]`, `x[TensorIndex.ellipsis, -1]`; missing ones take the
    /// whole axis.
    public subscript(
        _ indices: any TensorIndexing..., file file: StaticString = #fileID, line line: UInt = #line
    ) -> CrypTensor {
        indexed(indices.map(\.tensorIndex), file: file, line: line)
    }

    /// Parts by one index an axis, as in NumPy; missing indices take the whole axis.
    public func indexed(
        _ indices: [TensorIndex],
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let named = indices.count { $0 != .newAxis && $0 != .ellipsis }
            guard named <= rank, indices.count(where: { $0 == .ellipsis }) <= 1 else {
                throw CrypTenError(
                    .invalidArgument,
                    "subscript can't take \(named) indices of shape \(shape), or more than one ellipsis"
                )
            }
            var full: [TensorIndex] = []
            for index in indices {
                if index == .ellipsis {
                    full += Array(repeating: .all, count: rank - named)
                } else {
                    full.append(index)
                }
            }
            if !indices.contains(.ellipsis) { full += Array(repeating: .all, count: rank - named) }

            var (starts, steps, extents, target): ([Int], [Int], [Int], [Int]) = ([], [], [], [])
            for index in full {
                if index == .newAxis {
                    target.append(1)
                    continue
                }
                let axis = starts.count
                let extent = shape[axis]
                if case .position(let position) = index {
                    guard (-extent..<extent).contains(position) else {
                        throw CrypTenError(
                            .invalidArgument,
                            "subscript can't take position \(position) of axis \(axis) of shape \(shape)"
                        )
                    }
                    starts.append(position < 0 ? position + extent : position)
                    steps.append(1)
                    extents.append(1)
                } else if case .range(let start, let end, let step) = index {
                    guard step != 0 else {
                        throw CrypTenError(
                            .invalidArgument,
                            "subscript can't take axis \(axis) of shape \(shape) in steps of 0"
                        )
                    }
                    let (first, count) = TensorIndex.positions(start: start, end: end, step: step, extent: extent)
                    starts.append(count == 0 ? 0 : first)
                    steps.append(count <= 1 ? 1 : step)
                    extents.append(count)
                    target.append(count)
                }
            }
            return sliced(starts: starts, steps: steps, shape: Shape(extents), at: origin).reshaped(
                Shape(target),
                at: origin
            )
        }
    }

    /// Every `steps[k]`-th position from `starts[k]` on and before `ends[k]` along each axis, with Python's rules for
    /// bounds.
    public func slice(
        starts: [Int],
        ends: [Int],
        axes: [Int]? = nil,
        steps: [Int]? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let steps = steps ?? Array(repeating: 1, count: starts.count)
            let positions = try normalized(axes: axes ?? Array(0..<Swift.min(starts.count, rank)), in: "slice")
            guard starts.count == positions.count, ends.count == positions.count, steps.count == positions.count else {
                throw CrypTenError(
                    .invalidArgument,
                    "slice of shape \(shape) needs one start, end and step for each of axes \(positions)"
                )
            }
            var indices = [TensorIndex](repeating: .all, count: rank)
            for (k, axis) in positions.enumerated() {
                indices[axis] = .range(start: starts[k], end: ends[k], step: steps[k])
            }
            return indexed(indices, file: file, line: line)
        }
    }

    /// `length` positions from `start` on along one axis.
    public func narrow(
        axis: Int,
        start: Int,
        length: Int,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let position = try normalized(axis: axis, in: "narrow")
            guard start >= 0, length >= 0, start <= shape[position], length <= shape[position] - start else {
                throw CrypTenError(
                    .invalidArgument,
                    "narrow can't take \(length) positions from \(start) on along axis \(axis) of shape \(shape)"
                )
            }
            return narrowed(axis: position, start: start, length: length, at: origin)
        }
    }

    /// Parts of the given extents along an axis, in order; the extents must add up to the axis's.
    ///
    /// An error is in every part, of which there is one for each extent.
    public func split(
        _ extents: [Int],
        axis: Int = 0,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> [CrypTensor] {
        let whole = CrypTensor.composing([self], file: file, line: line) { _ in
            let room = shape[try normalized(axis: axis, in: "split")]
            guard extents.allSatisfy({ (0...room).contains($0) }), extents.reduce(0, &+) == room else {
                throw CrypTenError(
                    .shapeMismatch,
                    "split can't cut axis \(axis) of shape \(shape) into \(extents.prefix(8)): they must add up to \(room)"
                )
            }
            return self
        }
        if whole.error != nil { return extents.map { _ in whole } }
        var start = 0
        return extents.map { extent in
            defer { start += extent }
            return narrow(axis: axis, start: start, length: extent, file: file, line: line)
        }
    }

    /// Equal parts along an axis, whose extent `parts` must divide.
    public func split(
        parts: Int,
        axis: Int = 0,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> [CrypTensor] {
        let valid =
            (-rank..<rank).contains(axis) && (1...1 << 16).contains(parts) && shape[axis] % parts == 0
        guard valid else {
            return [
                CrypTensor.composing([self], file: file, line: line) { _ in
                    throw CrypTenError(
                        .shapeMismatch,
                        "split can't cut axis \(axis) of shape \(shape) into \(parts) equal parts, which are 1 to 65,536"
                    )
                }
            ]
        }
        return split(Array(repeating: shape[axis] / parts, count: parts), axis: axis, file: file, line: line)
    }

    /// The slices at the given positions along an axis; negative positions count from the end.
    public func take(
        _ indices: [Int],
        axis: Int = 0,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let position = try normalized(axis: axis, in: "take")
            let extent = shape[position]
            return applying(.take(axis: position, indices: indices.map { $0 < 0 ? $0 &+ extent : $0 }), at: origin)
        }
    }

    /// The slices at the positions that a public tensor of integers holds; the axis becomes the axes of `indices`.
    ///
    /// - Parameters:
    ///   - indices: Positions in the plan; negative ones count from the end.
    ///   - axis: An axis of this tensor: `[A, n, B]` with indices `[p, q]` gives `[A, p, q, B]`.
    public func gather(
        _ indices: Tensor,
        axis: Int = 0,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let position = try normalized(axis: axis, in: "gather")
            guard indices.kind == .integer, let whole = indices.integers else {
                throw CrypTenError(
                    .invalidArgument,
                    "gather can't take \(indices.kind.rawValue) indices \(indices.shape): they must be integers"
                )
            }
            var target = shape.dimensions
            target.replaceSubrange(position...position, with: indices.shape.dimensions)
            let taken = take(whole.map { Int($0) }, axis: position, file: file, line: line)
            return taken.error == nil ? taken.reshaped(try checkedShape(target, in: "gather"), at: origin) : taken
        }
    }

    /// The slices at the positions that a public expression holds, such as tokens; the axis becomes the axes of
    /// `indices`.
    ///
    /// - Parameters:
    ///   - indices: Public integers from 0 to the axis's extent less one; known at the time of the run.
    ///   - axis: An axis of this tensor: `[A, n, B]` with indices `[p, q]` gives `[A, p, q, B]`.
    public func gather(
        _ indices: CrypTensor,
        axis: Int = 0,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        if let constant = indices.constantValue { return gather(constant, axis: axis, file: file, line: line) }
        return CrypTensor.composing([self, indices], file: file, line: line) { origin in
            applying(.gather(axis: try normalized(axis: axis, in: "gather")), indices, at: origin)
        }
    }

    /// In reverse order along the given axes.
    public func flip(axes: [Int], file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let turned = try normalized(axes: axes, in: "flip").filter { shape[$0] > 1 }
            var (starts, steps) = ([Int](repeating: 0, count: rank), [Int](repeating: 1, count: rank))
            for axis in turned { (starts[axis], steps[axis]) = (shape[axis] - 1, -1) }
            return sliced(starts: starts, steps: steps, shape: shape, at: origin)
        }
    }

    /// Moved along an axis by `shift` positions towards its end; what leaves comes back at the start.
    public func roll(_ shift: Int, axis: Int, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let position = try normalized(axis: axis, in: "roll")
            let extent = shape[position]
            guard extent > 1, shift % extent != 0 else { return self }
            try checkListed([extent], in: "roll")
            let first = (extent - shift % extent) % extent
            return applying(.take(axis: position, indices: (0..<extent).map { ($0 + first) % extent }), at: origin)
        }
    }

    func sliced(starts: [Int], steps: [Int], shape target: Shape, at origin: SourceOrigin?) -> CrypTensor {
        if target == shape, steps.allSatisfy({ $0 == 1 }) { return self }
        return applying(.slice(starts: starts, steps: steps, shape: target), at: origin)
    }

    func narrowed(axis: Int, start: Int, length: Int, at origin: SourceOrigin?) -> CrypTensor {
        var (starts, extents) = ([Int](repeating: 0, count: rank), shape.dimensions)
        (starts[axis], extents[axis]) = (length == 0 ? 0 : start, length)
        return sliced(starts: starts, steps: [Int](repeating: 1, count: rank), shape: Shape(extents), at: origin)
    }
}

/// In reverse order along the given axes.
///
/// Local.
public func flip(_ x: CrypTensor, axes: [Int], file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.flip(axes: axes, file: file, line: line)
}

/// Parts of the given extents along an axis, in order.
///
/// Local.
public func split(
    _ x: CrypTensor,
    _ extents: [Int],
    axis: Int = 0,
    file: StaticString = #fileID,
    line: UInt = #line
) -> [CrypTensor] {
    x.split(extents, axis: axis, file: file, line: line)
}

/// The slices at the positions that a public tensor of integers holds.
///
/// Local.
public func gather(
    _ x: CrypTensor,
    _ indices: Tensor,
    axis: Int = 0,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.gather(indices, axis: axis, file: file, line: line)
}
