extension StridedView {
    /// The source position of every element of the result, in the result's row-major order.
    package func forEachPosition(_ body: (Int) -> Void) {
        guard shape.count > 0 else { return }
        var index = [Int](repeating: 0, count: shape.rank)
        var position = offset
        while true {
            body(position)
            var axis = shape.rank - 1
            while axis >= 0, index[axis] == shape.dimensions[axis] - 1 {
                position -= index[axis] * strides[axis]
                index[axis] = 0
                axis -= 1
            }
            if axis < 0 { return }
            index[axis] += 1
            position += strides[axis]
        }
    }

    /// Whether every position lies in a source of `count` elements.
    package func fits(count: Int) -> Bool {
        guard shape.count > 0 else { return true }
        var (lowest, highest) = (offset, offset)
        for (extent, stride) in zip(shape.dimensions, strides) {
            lowest += min(0, stride * (extent - 1))
            highest += max(0, stride * (extent - 1))
        }
        return lowest >= 0 && highest < count
    }
}

extension Shape {
    /// The shape seen from one axis: how many slices lie before it, its extent, and how many elements an index of it spans.
    package func around(axis: Int) -> (outer: Int, extent: Int, inner: Int) {
        let axis = axis < 0 ? axis + rank : axis
        return (dimensions[..<axis].reduce(1, *), dimensions[axis], dimensions[(axis + 1)...].reduce(1, *))
    }

    /// The shape with another extent along one axis.
    package func replacing(axis: Int, with extent: Int) -> Shape {
        var dimensions = dimensions
        dimensions[axis < 0 ? axis + rank : axis] = extent
        return Shape(dimensions)
    }
}

extension PlainKernels {
    package func gather(_ a: RingTensor, _ view: StridedView) -> RingTensor {
        precondition(view.fits(count: a.count), "a view of \(view.shape) beyond shape \(a.shape)")
        var out = RingTensor(uninitialized: view.shape)
        a.withWords { a in
            out.withMutableWords { out in
                var i = 0
                view.forEachPosition { position in
                    out[i] = a[position]
                    i += 1
                }
            }
        }
        return out
    }

    package func take(_ a: RingTensor, axis: Int, indices: [Int]) -> RingTensor {
        let (outer, extent, inner) = a.shape.around(axis: axis)
        precondition(indices.allSatisfy { (0..<extent).contains($0) }, "an index beyond the axis's extent \(extent)")
        var out = RingTensor(uninitialized: a.shape.replacing(axis: axis, with: indices.count))
        a.withWords { a in
            out.withMutableWords { out in
                var i = 0
                for block in 0..<outer {
                    for index in indices {
                        for element in 0..<inner {
                            out[i] = a[(block * extent + index) * inner + element]
                            i += 1
                        }
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
                part.withWords { part in
                    for block in 0..<outer {
                        for i in 0..<run { out[block * total * inner + start + i] = part[block * run + i] }
                    }
                }
                start += run
            }
        }
        return out
    }

    package func pad(_ a: RingTensor, before: [Int], after: [Int], value: UInt64) -> RingTensor {
        let shape = a.shape.padded(before: before, after: after)
        var out = RingTensor(repeating: value, shape: shape)
        let inside = StridedView.slicing(
            shape,
            starts: before,
            steps: before.map { _ in 1 },
            shape: a.shape
        )
        a.withWords { a in
            out.withMutableWords { out in
                var i = 0
                inside.forEachPosition { position in
                    out[position] = a[i]
                    i += 1
                }
            }
        }
        return out
    }

    package func sum(_ a: RingTensor, axes: [Int]) -> RingTensor {
        let kept = a.shape.reducing(axes, keepDimensions: true)
        var out = RingTensor(zeros: a.shape.reducing(axes, keepDimensions: false))
        // Every element of `a` and the element of the sum, repeated along the axes, that it belongs to.
        let target = StridedView.broadcasting(kept, to: a.shape)
        a.withWords { a in
            out.withMutableWords { out in
                var i = 0
                target.forEachPosition { position in
                    out[position] &+= a[i]
                    i += 1
                }
            }
        }
        return out
    }
}

extension Shape {
    /// The shape with another extent of its first axis.
    package func withRows(_ count: Int) -> Shape {
        Shape([count] + dimensions.dropFirst())
    }

    /// The shape with `before[k]` and `after[k]` more along axis k.
    package func padded(before: [Int], after: [Int]) -> Shape {
        precondition(before.count == rank && after.count == rank, "padding of another rank than \(self)")
        precondition((before + after).allSatisfy { $0 >= 0 }, "negative padding")
        return Shape((0..<rank).map { before[$0] + dimensions[$0] + after[$0] })
    }
}
