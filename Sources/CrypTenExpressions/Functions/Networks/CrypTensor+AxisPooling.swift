internal import CrypTenBase
internal import CrypTenRing

/// Pools over windows along any number of axes: of volumes `[N, C, D, H, W]`, and to extents that are given.
extension CrypTensor {
    /// Windows along one axis of a pool.
    package struct AxisWindow: Hashable, Sendable {
        package var kernel: Int
        package var stride: Int
        package var before: Int
        package var after: Int
        package var dilation: Int

        package init(kernel: Int, stride: Int, before: Int = 0, after: Int = 0, dilation: Int = 1) {
            (self.kernel, self.stride, self.before, self.after) = (kernel, stride, before, after)
            self.dilation = dilation
        }
    }

    /// The largest of every window of volumes: `[N, C, D', H', W']`, one axis after another; see `maxPool2d`.
    public func maxPool3d(
        _ kernel: IntOrTriple,
        stride: IntOrTriple? = nil,
        padding: IntOrTriple = 0,
        dilation: IntOrTriple = 1,
        ceilMode: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let windows = CrypTensor.windows(kernel, stride ?? kernel, padding, dilation)
            return try maxPooled(windows, ceilMode: ceilMode, name: "maxPool3d", at: origin)
        }
    }

    /// The mean of every window of volumes: `[N, C, D', H', W']`; see `avgPool2d`.
    ///
    /// Local up to the truncation.
    public func avgPool3d(
        _ kernel: IntOrTriple,
        stride: IntOrTriple? = nil,
        padding: IntOrTriple = 0,
        ceilMode: Bool = false,
        countIncludePad: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let windows = CrypTensor.windows(kernel, stride ?? kernel, padding, 1)
            return try averagePooled(
                windows,
                ceilMode: ceilMode,
                countIncludePad: countIncludePad,
                name: "avgPool3d",
                at: origin
            )
        }
    }

    /// The mean of as many windows as are asked for along each axis after the first two: window i of m over n elements is
    /// `⌊i·n/m⌋ ..< ⌈(i+1)·n/m⌉`.
    ///
    /// Local up to the truncation.
    public func adaptiveAvgPool(_ extents: [Int], file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            var result = real(at: origin)
            for (axis, ranges) in try adaptiveWindows(extents, name: "adaptiveAvgPool") {
                try checkListed([ranges.count, shape[axis]], in: "adaptiveAvgPool")
                let weights = ranges.flatMap { range in
                    (0..<shape[axis]).map { range.contains($0) ? 1 / Double(range.count) : 0 }
                }
                let matrix = CrypTensor(constant: Tensor(weights, shape: [ranges.count, shape[axis]]), at: origin)
                result = try result.mapped(by: matrix, axis: axis, at: origin)
            }
            return result
        }
    }

    /// The largest of as many windows as are asked for along each axis after the first two; see `adaptiveAvgPool`.
    public func adaptiveMaxPool(_ extents: [Int], file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            var result = number(at: origin)
            for (axis, ranges) in try adaptiveWindows(extents, name: "adaptiveMaxPool") {
                let longest = ranges.map(\.count).max() ?? 1
                let indices = (0..<longest).flatMap { tap in
                    ranges.map { $0.lowerBound + Swift.min(tap, $0.count - 1) }
                }
                var target = result.shape.dimensions
                target.replaceSubrange(axis...axis, with: [longest, ranges.count])
                result = result.applying(.take(axis: axis, indices: indices), at: origin)
                    .reshaped(try checkedShape(target, in: "adaptiveMaxPool"), at: origin)
                    .applying(.maximum(axis: axis), at: origin)
            }
            return result
        }
    }

    /// The largest of every window along the axes after the first two.
    package func maxPooled(
        _ windows: [AxisWindow],
        ceilMode: Bool,
        name: String,
        at origin: SourceOrigin?
    ) throws -> CrypTensor {
        var result = number(at: origin)
        for (axis, window) in try poolingWindows(windows, ceilMode: ceilMode, name: name) {
            guard let indices = window.indicesInside else {
                throw CrypTenError(
                    .invalidArgument,
                    "\(name) of shape \(shape) has a window with no element inside: pad less"
                )
            }
            if window.kernel == 1, window.tiles { continue }
            var target = result.shape.dimensions
            target.replaceSubrange(axis...axis, with: [window.kernel, window.output])
            result = result.applying(.take(axis: axis, indices: indices), at: origin)
                .reshaped(try checkedShape(target, in: name), at: origin).applying(.maximum(axis: axis), at: origin)
        }
        return result
    }

    /// The sum of every window along the axes after the first two; zeros outside.
    package func sumPooled(
        _ windows: [AxisWindow],
        ceilMode: Bool,
        name: String,
        at origin: SourceOrigin?
    ) throws -> CrypTensor {
        var result = number(at: origin)
        for (axis, window) in try poolingWindows(windows, ceilMode: ceilMode, name: name) {
            if window.kernel == 1, window.tiles { continue }
            var (before, after) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
            (before[axis], after[axis]) = (window.before, window.reachBeyondInput)
            var target = result.shape.dimensions
            target.replaceSubrange(axis...axis, with: [window.kernel, window.output])
            let padded =
                before[axis] + after[axis] == 0
                ? result : result.applying(.pad(before: before, after: after), at: origin)
            result = padded.applying(
                .take(axis: axis, indices: window.positions.map { $0 + window.before }),
                at: origin
            )
            .reshaped(try checkedShape(target, in: name), at: origin).applying(.sum(axes: [axis]), at: origin)
        }
        return result
    }

    /// The mean of every window along the axes after the first two.
    package func averagePooled(
        _ windows: [AxisWindow],
        ceilMode: Bool,
        countIncludePad: Bool,
        name: String,
        at origin: SourceOrigin?
    ) throws -> CrypTensor {
        var total = try real(at: origin).sumPooled(windows, ceilMode: ceilMode, name: name, at: origin)
        var counts: [Int] = [1]
        for (_, window) in try poolingWindows(windows, ceilMode: ceilMode, name: name) {
            let along = window.counts(includingPadding: countIncludePad)
            guard !along.contains(0), along.count <= (1 << 22) / counts.count else {
                throw CrypTenError(
                    .invalidArgument,
                    "\(name) of shape \(shape) has a window with no element inside, or too many windows"
                )
            }
            counts = counts.flatMap { count in along.map { count * $0 } }
        }
        if Set(counts).count == 1 { return total.scaled(by: 1 / Double(counts[0]), at: origin) }
        if total.error != nil { return total }
        let spatial = Shape(total.shape.dimensions.dropFirst(2).map(\.self))
        let factors = CrypTensor(constant: Tensor(counts.map { 1 / Double($0) }, shape: spatial), at: origin)
        total = total.applying(.bilinear(.multiply), factors, at: origin)
        return total
    }

    /// A public matrix `[m, n]` times this along an axis of extent n, which becomes m.
    private func mapped(by matrix: CrypTensor, axis: Int, at origin: SourceOrigin?) throws -> CrypTensor {
        var order = Array(0..<rank)
        order.remove(at: axis)
        order.append(axis)
        let last = permuted(positions: order, at: origin)
        let rows = last.reshaped([last.count / Swift.max(1, shape[axis]), shape[axis]], at: origin)
        let product = try rows.applying(
            .bilinear(.matmul(transposeLeft: false, transposeRight: true)),
            matrix,
            at: origin
        ).wellFormed()
        let target = try checkedShape(last.shape.dimensions.dropLast() + [matrix.shape[0]], in: "adaptiveAvgPool")
        let back = product.reshaped(target, at: origin)
        var inverse = Array(0..<rank - 1)
        inverse.insert(rank - 1, at: axis)
        return back.permuted(positions: inverse, at: origin)
    }

    private static func windows(
        _ kernel: IntOrTriple,
        _ stride: IntOrTriple,
        _ padding: IntOrTriple,
        _ dilation: IntOrTriple
    ) -> [AxisWindow] {
        (0..<3).map {
            AxisWindow(
                kernel: kernel.list[$0],
                stride: stride.list[$0],
                before: padding.list[$0],
                after: padding.list[$0],
                dilation: dilation.list[$0]
            )
        }
    }

    private func poolingWindows(
        _ windows: [AxisWindow],
        ceilMode: Bool,
        name: String
    ) throws -> [(axis: Int, windows: PoolingWindows)] {
        guard rank == windows.count + 2 else {
            throw CrypTenError(
                .shapeMismatch,
                "\(name) can't take shape \(shape): it takes a batch, channels and \(windows.count) axes"
            )
        }
        return try windows.enumerated().map { index, window in
            let axis = index + 2
            let cut = PoolingWindows(
                input: shape[axis],
                kernel: window.kernel,
                stride: window.stride,
                before: window.before,
                after: window.after,
                dilation: window.dilation,
                ceilMode: ceilMode
            )
            guard let cut else {
                throw CrypTenError(
                    .invalidArgument,
                    "\(name) can't cut axis \(axis) of shape \(shape) into windows of \(window.kernel) with stride "
                        + "\(window.stride), padding \(window.before) and \(window.after), and dilation \(window.dilation)"
                )
            }
            return (axis, cut)
        }
    }

    private func adaptiveWindows(_ extents: [Int], name: String) throws -> [(axis: Int, ranges: [Range<Int>])] {
        guard extents.count == rank - 2, extents.allSatisfy({ (1...1 << 18).contains($0) }),
            shape.dimensions.dropFirst(2).allSatisfy({ (1...1 << 18).contains($0) })
        else {
            throw CrypTenError(
                .invalidArgument,
                "\(name) can't turn shape \(shape) into \(extents): one extent from 1 on for each axis after the first two"
            )
        }
        return extents.enumerated().map { index, count in
            let input = shape[index + 2]
            return (index + 2, (0..<count).map { ($0 * input) / count..<(($0 + 1) * input + count - 1) / count })
        }
    }
}
