internal import CCrypTenKernels

extension NativeKernels {
    package func gather(_ a: RingTensor, _ view: StridedView) -> RingTensor {
        precondition(view.fits(count: a.count), "a view of \(view.shape) beyond shape \(a.shape)")
        var out = RingTensor(uninitialized: view.shape)
        let walk = StridedWalk(view.shape.dimensions, to: view.shape.strides, from: view.strides)
        a.withWords { a in
            out.withMutableWords { out in copy(walk, to: out, from: a + view.offset) }
        }
        return out
    }

    package func take(_ a: RingTensor, axis: Int, indices: [Int]) -> RingTensor {
        let (outer, extent, inner) = a.shape.around(axis: axis)
        precondition(indices.allSatisfy { (0..<extent).contains($0) }, "an index beyond the axis's extent \(extent)")
        var out = RingTensor(uninitialized: a.shape.replacing(axis: axis, with: indices.count))
        a.withWords { a in
            out.withMutableWords { out in
                split(outer * indices.count, work: inner, unit: 1) { range in
                    for slice in range {
                        let (block, index) = slice.quotientAndRemainder(dividingBy: indices.count)
                        let from = a + (block * extent + indices[index]) * inner
                        (out + slice * inner).update(from: from, count: inner)
                    }
                }
            }
        }
        return out
    }

    package func concatenate(_ parts: [RingTensor], axis: Int) -> RingTensor {
        precondition(!parts.isEmpty, "nothing to concatenate")
        let total = parts.map { $0.shape[axis] }.reduce(0, +)
        let shape = parts[0].shape.replacing(axis: axis, with: total)
        precondition(
            parts.allSatisfy { $0.shape.replacing(axis: axis, with: total) == shape },
            "concatenating shapes \(parts.map(\.shape)) along axis \(axis)"
        )
        let (outer, _, inner) = shape.around(axis: axis)
        var out = RingTensor(uninitialized: shape)
        out.withMutableWords { out in
            var start = 0
            for part in parts {
                let run = part.shape[axis] * inner
                part.withWords { cct_u64_copy(out + start, total * inner, 1, $0, run, 1, outer, run) }
                start += run
            }
        }
        return out
    }

    package func pad(_ a: RingTensor, before: [Int], after: [Int], value: UInt64) -> RingTensor {
        let shape = a.shape.padded(before: before, after: after)
        var out = RingTensor(repeating: value, shape: shape)
        let strides = shape.strides
        let start = zip(before, strides).map { $0 * $1 }.reduce(0, +)
        let walk = StridedWalk(a.shape.dimensions, to: strides, from: a.shape.strides)
        a.withWords { a in
            out.withMutableWords { out in copy(walk, to: out + start, from: a) }
        }
        return out
    }

    package func sum(_ a: RingTensor, axes: [Int]) -> RingTensor {
        let gone = Set(axes.map { $0 < 0 ? $0 + a.shape.rank : $0 })
        var out = a
        var axis = a.shape.rank - 1
        // Neighbouring axes are summed in one pass, the innermost first: it shrinks the rest most.
        while axis >= 0 {
            let last = axis
            while axis >= 0, gone.contains(axis) { axis -= 1 }
            if axis < last { out = sum(out, over: axis + 1...last) }
            axis -= 1
        }
        return out.reshaped(to: a.shape.reducing(axes, keepDimensions: false))
    }

    /// Sums over neighbouring axes, which stay with extent 1.
    private func sum(_ a: RingTensor, over axes: ClosedRange<Int>) -> RingTensor {
        let dimensions = a.shape.dimensions
        let outer = dimensions[..<axes.lowerBound].reduce(1, *)
        let extent = dimensions[axes].reduce(1, *)
        let inner = dimensions[(axes.upperBound + 1)...].reduce(1, *)
        var out = RingTensor(uninitialized: a.shape.reducing(Array(axes), keepDimensions: true))
        a.withWords { a in
            out.withMutableWords { out in
                split(outer, work: extent * inner, unit: 1) {
                    cct_u64_sum(
                        set,
                        out + $0.lowerBound * inner,
                        a + $0.lowerBound * extent * inner,
                        $0.count,
                        extent,
                        inner
                    )
                }
            }
        }
        return out
    }
}

/// A copy between two arrays with steps, with axes that can be walked as one made one.
struct StridedWalk {
    /// Extents from the outermost in; the last two are left to one call in C.
    private(set) var extents: [Int] = []
    private(set) var to: [Int] = []
    private(set) var from: [Int] = []

    init(_ dimensions: [Int], to toStrides: [Int], from fromStrides: [Int]) {
        for (extent, (to, from)) in zip(dimensions, zip(toStrides, fromStrides)) where extent != 1 {
            if let last = extents.indices.last, self.to[last] == to * extent, self.from[last] == from * extent {
                (extents[last], self.to[last], self.from[last]) = (extents[last] * extent, to, from)
            } else {
                extents.append(extent)
                self.to.append(to)
                self.from.append(from)
            }
        }
        while extents.count < 2 {
            extents.insert(1, at: 0)
            to.insert(0, at: 0)
            from.insert(0, at: 0)
        }
    }

    /// Where the calls begin, in one of the two arrays.
    func starts(_ strides: [Int]) -> [Int] {
        var starts: [Int] = []
        let outer = Shape(Array(extents.dropLast(2)))
        starts.reserveCapacity(outer.count)
        StridedView(shape: outer, offset: 0, strides: Array(strides.dropLast(2))).forEachPosition { starts.append($0) }
        return starts
    }
}

extension NativeKernels {
    private func copy(_ walk: StridedWalk, to: MutableWords, from: Words) {
        let axis = walk.extents.count - 2
        let (rows, columns) = (walk.extents[axis], walk.extents[axis + 1])
        let (toStarts, fromStarts) = (walk.starts(walk.to), walk.starts(walk.from))
        func copyRows(_ call: Int, _ range: Range<Int>) {
            cct_u64_copy(
                to + toStarts[call] + range.lowerBound * walk.to[axis],
                walk.to[axis],
                walk.to[axis + 1],
                from + fromStarts[call] + range.lowerBound * walk.from[axis],
                walk.from[axis],
                walk.from[axis + 1],
                range.count,
                columns
            )
        }
        if toStarts.count >= threads {
            split(toStarts.count, work: rows * columns, unit: 1) { for call in $0 { copyRows(call, 0..<rows) } }
        } else {
            for call in toStarts.indices {
                split(rows, work: columns, unit: 16) { copyRows(call, $0) }
            }
        }
    }
}
