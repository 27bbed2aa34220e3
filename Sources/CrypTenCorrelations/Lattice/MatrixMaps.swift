internal import CrypTenRing

/// An operation as products of matrices, one for each group: where their elements are.
///
/// Axes that only one operand has are its rows, axes of both are groups. Of convolutions, rows of the left operand are windows (or, of the gradient
/// with respect to the kernel, taps), channels what a window holds.
struct MatrixMaps {
    let groups, leftRows, rightRows, channels: Int
    /// Maps of [group, row, channel] and [group, left row, right row].
    private let leftIndex, rightIndex: (_ group: Int, _ row: Int, _ channel: Int) -> Int
    private let resultIndex: (_ group: Int, _ left: Int, _ right: Int) -> Int

    init(_ form: LatticeForm) {
        self.init(form.operation, form.leftShape, form.rightShape, form.outputShape)
    }

    init(_ operation: BilinearOperation, _ left: Shape, _ right: Shape, _ output: Shape) {
        switch operation {
        case .multiply:
            self.init(batches: (left.dimensions, right.dimensions), output.dimensions, 1, 1, 1, (0, 0), (0, 0))
        case .matmul(let transposeLeft, let transposeRight):
            let (m, n, k) = (output[-2], output[-1], transposeLeft ? left[-2] : left[-1])
            self.init(
                batches: (Array(left.dimensions.dropLast(2)), Array(right.dimensions.dropLast(2))),
                Array(output.dimensions.dropLast(2)),
                m,
                n,
                k,
                transposeLeft ? (1, m) : (k, 1),
                transposeRight ? (k, 1) : (1, n)
            )
        case .convolution(let geometry):
            self.init(windows: ConvolutionExtents(geometry, input: left, kernel: right)!, gradient: false)
        case .convolutionInputGradient(let geometry, _, _):
            self.init(windows: ConvolutionExtents(geometry, input: output, kernel: right)!, gradient: true)
        case .convolutionKernelGradient(let geometry, _, _):
            self.init(kernelGradient: ConvolutionExtents(geometry, input: left, kernel: output)!)
        }
    }

    private init(
        groups: Int,
        leftRows: Int,
        rightRows: Int,
        channels: Int,
        left: @escaping (Int, Int, Int) -> Int,
        right: @escaping (Int, Int, Int) -> Int,
        result: @escaping (Int, Int, Int) -> Int
    ) {
        (self.groups, self.leftRows, self.rightRows, self.channels) = (groups, leftRows, rightRows, channels)
        (leftIndex, rightIndex, resultIndex) = (left, right, result)
    }

    /// Batches of matrices of m · k and k · n elements whose batch axes broadcast; steps of rows (columns, of the right one) and of inner indices.
    private init(
        batches: (left: [Int], right: [Int]),
        _ output: [Int],
        _ m: Int,
        _ n: Int,
        _ k: Int,
        _ leftSteps: (row: Int, inner: Int),
        _ rightSteps: (row: Int, inner: Int)
    ) {
        func steps(_ extents: [Int], _ last: Int) -> [Int] {
            var step = last
            let steps = extents.reversed().map { extent in
                defer { step *= extent }
                return extent == 1 ? 0 : step
            }
            return Array(repeating: 0, count: output.count - extents.count) + steps.reversed()
        }
        let left = steps(batches.left, m * k)
        let right = steps(batches.right, k * n)
        let out = steps(output, m * n)
        var groups = MixedIndex()
        var leftRows = MixedIndex()
        var rightRows = MixedIndex()
        for axis in output.indices {
            let step = (left[axis], right[axis], out[axis])
            // An extent of 1 has step 0: a group of one, wherever it is.
            if (step.0 == 0) == (step.1 == 0) {
                groups.append(output[axis], step)
            } else if step.0 != 0 {
                leftRows.append(output[axis], step)
            } else {
                rightRows.append(output[axis], step)
            }
        }
        leftRows.append(m, (leftSteps.row, 0, n))
        rightRows.append(n, (0, rightSteps.row, 1))
        let (g, l, r) = (groups, leftRows, rightRows)
        self.init(
            groups: g.count,
            leftRows: l.count,
            rightRows: r.count,
            channels: k,
            left: { g[$0].left + l[$1].left + $2 * leftSteps.inner },
            right: { g[$0].right + r[$1].right + $2 * rightSteps.inner },
            result: { g[$0].result + l[$1].result + r[$2].result }
        )
    }

    /// A convolution, or its gradient with respect to the input: windows, of the input or of the output's gradient, as rows.
    private init(windows e: ConvolutionExtents, gradient: Bool) {
        let g = e.geometry
        let taps = e.kernelHeight * e.kernelWidth
        // What a window is taken of, and what it makes: channels of a group and extents.
        let from = gradient ? (e.groupOutputs, e.outputHeight, e.outputWidth) : (e.groupChannels, e.height, e.width)
        let to = gradient ? (e.groupChannels, e.height, e.width) : (e.groupOutputs, e.outputHeight, e.outputWidth)
        func coordinate(_ axis: Int, _ out: Int, _ tap: Int, _ extent: Int) -> Int? {
            var at = out * g.strides[axis] + tap * g.dilations[axis] - g.padding[axis]
            if gradient {
                at = out + g.padding[axis] - tap * g.dilations[axis]
                guard at >= 0, at % g.strides[axis] == 0 else { return nil }
                at /= g.strides[axis]
            }
            return at >= 0 && at < extent ? at : nil
        }
        self.init(
            groups: g.groups,
            leftRows: e.batch * to.1 * to.2,
            rightRows: to.0,
            channels: from.0 * taps,
            left: { group, row, channel in
                let (image, place) = row.quotientAndRemainder(dividingBy: to.1 * to.2)
                let (c, tap) = channel.quotientAndRemainder(dividingBy: taps)
                guard let y = coordinate(0, place / to.2, tap / e.kernelWidth, from.1),
                    let x = coordinate(1, place % to.2, tap % e.kernelWidth, from.2)
                else { return -1 }
                return ((image * g.groups * from.0 + group * from.0 + c) * from.1 + y) * from.2 + x
            },
            right: { group, row, channel in
                let (c, tap) = channel.quotientAndRemainder(dividingBy: taps)
                let (output, input) = gradient ? (c, row) : (row, c)
                return ((group * e.groupOutputs + output) * e.groupChannels + input) * taps + tap
            },
            result: { group, row, output in
                let (image, place) = row.quotientAndRemainder(dividingBy: to.1 * to.2)
                return (image * g.groups * to.0 + group * to.0 + output) * to.1 * to.2 + place
            }
        )
    }

    /// The gradient with respect to the kernel: a tap of a channel is a row, an output's place a channel.
    private init(kernelGradient e: ConvolutionExtents) {
        let g = e.geometry
        let (taps, places) = (e.kernelHeight * e.kernelWidth, e.outputHeight * e.outputWidth)
        self.init(
            groups: g.groups,
            leftRows: e.groupChannels * taps,
            rightRows: e.groupOutputs,
            channels: e.batch * places,
            left: { group, row, channel in
                let (c, tap) = row.quotientAndRemainder(dividingBy: taps)
                let (image, place) = channel.quotientAndRemainder(dividingBy: places)
                let y = place / e.outputWidth * g.strides[0] + tap / e.kernelWidth * g.dilations[0] - g.padding[0]
                let x = place % e.outputWidth * g.strides[1] + tap % e.kernelWidth * g.dilations[1] - g.padding[1]
                guard y >= 0, y < e.height, x >= 0, x < e.width else { return -1 }
                return ((image * e.channels + group * e.groupChannels + c) * e.height + y) * e.width + x
            },
            right: { group, row, channel in
                let (image, place) = channel.quotientAndRemainder(dividingBy: places)
                return (image * e.outputs + group * e.groupOutputs + row) * places + place
            },
            result: { group, row, output in
                (group * e.groupOutputs + output) * e.groupChannels * taps + row
            }
        )
    }

    func map(of operand: LatticeForm.Operand) -> [Int32] {
        let (rows, index) = operand == .left ? (leftRows, leftIndex) : (rightRows, rightIndex)
        return list(rows, channels, index)
    }

    func resultMap() -> [Int32] {
        list(leftRows, rightRows, resultIndex)
    }

    private func list(_ first: Int, _ second: Int, _ index: (Int, Int, Int) -> Int) -> [Int32] {
        var out: [Int32] = []
        out.reserveCapacity(groups * first * second)
        for group in 0..<groups {
            for i in 0..<first {
                for j in 0..<second { out.append(Int32(index(group, i, j))) }
            }
        }
        return out
    }
}

/// Combinations of indices of several axes, in row-major order: how far each is from the first in the left operand, the right one and the result.
private struct MixedIndex {
    private var axes: [(extent: Int, step: (left: Int, right: Int, result: Int))] = []
    private(set) var count = 1

    /// Axes of extent 1 add nothing.
    mutating func append(_ extent: Int, _ step: (left: Int, right: Int, result: Int)) {
        count *= extent
        if extent != 1 { axes.append((extent, step)) }
    }

    subscript(index: Int) -> (left: Int, right: Int, result: Int) {
        var (left, offsets) = (index, (left: 0, right: 0, result: 0))
        for axis in axes.reversed() {
            let position = left % axis.extent
            left /= axis.extent
            offsets.left += position * axis.step.left
            offsets.right += position * axis.step.right
            offsets.result += position * axis.step.result
        }
        return offsets
    }
}
