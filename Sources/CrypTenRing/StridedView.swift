/// Where the elements of a result lie in a source: enough to say permute, slice, flip and broadcast.
package struct StridedView: Hashable, Sendable {
    /// The result's shape.
    package var shape: Shape
    /// The source position of the result's first element.
    package var offset: Int
    /// How far to move in the source for one step along each axis of the result; 0 repeats, negative flips.
    package var strides: [Int]

    package init(shape: Shape, offset: Int, strides: [Int]) {
        self.shape = shape
        self.offset = offset
        self.strides = strides
    }

    /// The source's axes in another order: axis `k` of the result is axis `axes[k]` of the source.
    package static func permuting(_ source: Shape, axes: [Int]) -> StridedView {
        let strides = source.strides
        return StridedView(shape: Shape(axes.map { source[$0] }), offset: 0, strides: axes.map { strides[$0] })
    }

    /// From `starts[k]`, every `steps[k]`-th, `shape[k]` of them along each axis; steps may be negative.
    package static func slicing(_ source: Shape, starts: [Int], steps: [Int], shape: Shape) -> StridedView {
        let strides = source.strides
        return StridedView(
            shape: shape,
            offset: zip(starts, strides).map(*).reduce(0, +),
            strides: zip(steps, strides).map(*)
        )
    }

    /// Repeated along axes of extent 1 and along new leading axes, to a shape by NumPy's rule.
    package static func broadcasting(_ source: Shape, to shape: Shape) -> StridedView {
        let strides = source.strides
        let added = shape.rank - source.rank
        return StridedView(
            shape: shape,
            offset: 0,
            strides: (0..<shape.rank).map { axis in
                axis < added || source.dimensions[axis - added] == 1 ? 0 : strides[axis - added]
            }
        )
    }
}
