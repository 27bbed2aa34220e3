internal import CrypTenBase
internal import CrypTenRing

/// What all pools over windows are, of signals, images and volumes: along every axis after the first two.
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

        static func ofImage(
            _ kernel: IntOrPair,
            _ stride: IntOrPair,
            _ padding: Padding,
            _ dilation: IntOrPair
        ) -> [AxisWindow] {
            [
                AxisWindow(
                    kernel: kernel.rows,
                    stride: stride.rows,
                    before: padding.top,
                    after: padding.bottom,
                    dilation: dilation.rows
                ),
                AxisWindow(
                    kernel: kernel.columns,
                    stride: stride.columns,
                    before: padding.left,
                    after: padding.right,
                    dilation: dilation.columns
                ),
            ]
        }

        static func ofVolume(
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
    }

    /// The largest of every window: along one axis after the other where that takes fewer comparisons, else all at once.
    package func maxPooled(
        _ windows: [AxisWindow],
        ceilMode: Bool,
        name: String,
        at origin: SourceOrigin?
    ) throws -> CrypTensor {
        let windows = try poolingWindows(windows, ceilMode: ceilMode, name: name)
        let indices = try windows.map { window in
            guard let indices = window.indicesInside else { throw outside(name) }
            return indices
        }
        let values = number(at: origin)
        guard PoolingWindows.areCheaperOneByOne(windows) else {
            return try values.largest(over: windows, indices, name: name, at: origin)
        }
        // The largest of the rows' largest: overlapping windows share those.
        var result = values
        for (index, window) in windows.enumerated() where window.kernel > 1 || !window.tiles {
            result = try result.spread(over: window, indices[index], axis: index + 2, name: name, at: origin)
                .applying(.maximum(axis: index + 2), at: origin)
        }
        return result
    }

    /// The largest of every window at once, whose elements are at `indices` along each axis.
    private func largest(
        over windows: [PoolingWindows],
        _ indices: [[Int]],
        name: String,
        at origin: SourceOrigin?
    ) throws -> CrypTensor {
        let (taps, places) = (windows.map(\.kernel), windows.map(\.output))
        let stacked = try checkedShape([taps.reduce(1, *), shape[0], shape[1]] + places, in: name)
        // [N, C, KH, H', KW, W'] or, from reshaping alone, [N, C, H', KH, W', KW]; then the window's axes go in front.
        let isTiled = windows.allSatisfy(\.tiles)
        var spread = self
        if !isTiled {
            for (axis, list) in indices.enumerated() {
                spread = spread.applying(.take(axis: axis + 2, indices: list), at: origin)
            }
        }
        let extents = zip(taps, places).flatMap { isTiled ? [$1, $0] : [$0, $1] }
        let (first, second) = (windows.indices.map { 2 * $0 + 2 }, windows.indices.map { 2 * $0 + 3 })
        let order = isTiled ? second + [0, 1] + first : first + [0, 1] + second
        return spread.reshaped(try checkedShape([shape[0], shape[1]] + extents, in: name), at: origin)
            .permuted(positions: order, at: origin)
            .reshaped(stacked, at: origin)
            .applying(.maximum(axis: 0), at: origin)
    }

    /// The sum of every window; zeros outside.
    package func sumPooled(
        _ windows: [AxisWindow],
        ceilMode: Bool,
        name: String,
        at origin: SourceOrigin?
    ) throws -> CrypTensor {
        try number(at: origin)
            .sums(over: try poolingWindows(windows, ceilMode: ceilMode, name: name), name: name, at: origin)
    }

    private func sums(over windows: [PoolingWindows], name: String, at origin: SourceOrigin?) throws -> CrypTensor {
        var result = self
        for (index, window) in windows.enumerated() where window.kernel > 1 || !window.tiles {
            let axis = index + 2
            if window.tiles {
                var extents = result.shape.dimensions
                extents.replaceSubrange(axis...axis, with: [window.output, window.kernel])
                result = result.reshaped(Shape(extents), at: origin).applying(.sum(axes: [axis + 1]), at: origin)
                continue
            }
            var (before, after) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
            (before[axis], after[axis]) = (window.before, window.reachBeyondInput)
            if before[axis] + after[axis] > 0 {
                result = result.applying(.pad(before: before, after: after), at: origin)
            }
            let positions = window.positions.map { $0 + window.before }
            result = try result.spread(over: window, positions, axis: axis, name: name, at: origin)
                .applying(.sum(axes: [axis]), at: origin)
        }
        return result
    }

    /// The mean of every window; the padding's zeros count where they are included, and what lies beyond never does.
    package func averagePooled(
        _ windows: [AxisWindow],
        ceilMode: Bool,
        countIncludePad: Bool,
        name: String,
        at origin: SourceOrigin?
    ) throws -> CrypTensor {
        let windows = try poolingWindows(windows, ceilMode: ceilMode, name: name)
        let total = try real(at: origin).sums(over: windows, name: name, at: origin)
        let counts = windows.map { $0.counts(includingPadding: countIncludePad) }
        guard counts.allSatisfy({ !$0.contains(0) }) else { throw outside(name) }
        if counts.allSatisfy({ Set($0).count == 1 }) {
            return total.scaled(by: 1 / Double(counts.reduce(1) { $0 * $1[0] }), at: origin)
        }
        let places = counts.map(\.count)
        guard Shape.positions(places) <= 1 << 22 else {
            throw CrypTenError(
                .invalidArgument,
                "\(name) of shape \(shape) has \(places.map(String.init).joined(separator: " × ")) windows of different sizes: "
                    + "2^22 are the most"
            )
        }
        if total.error != nil { return total }
        let sizes = counts.reduce([1]) { sizes, along in sizes.flatMap { size in along.map { size * $0 } } }
        let factors = CrypTensor(constant: Tensor(sizes.map { 1 / Double($0) }, shape: Shape(places)), at: origin)
        return total.applying(.bilinear(.multiply), factors, at: origin)
    }

    /// The elements of every window along an axis, which becomes two: those of a window, and the windows.
    private func spread(
        over window: PoolingWindows,
        _ indices: [Int],
        axis: Int,
        name: String,
        at origin: SourceOrigin?
    ) throws -> CrypTensor {
        var extents = shape.dimensions
        extents.replaceSubrange(axis...axis, with: [window.kernel, window.output])
        let target = try checkedShape(extents, in: name)
        return applying(.take(axis: axis, indices: indices), at: origin).reshaped(target, at: origin)
    }

    private func outside(_ name: String) -> CrypTenError {
        CrypTenError(.invalidArgument, "\(name) of shape \(shape) has a window with no element inside: pad less")
    }

    /// The windows along each axis after the first two.
    private func poolingWindows(_ windows: [AxisWindow], ceilMode: Bool, name: String) throws -> [PoolingWindows] {
        guard rank == windows.count + 2 else {
            let axes = ["L", "H, W", "D, H, W"]
            throw CrypTenError(
                .shapeMismatch,
                "\(name) can't take shape \(shape): it takes [N, C, \(axes.indices.contains(windows.count - 1) ? axes[windows.count - 1] : "…")]"
            )
        }
        return try windows.enumerated().map { index, window in
            let cut = PoolingWindows(
                input: shape[index + 2],
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
                    "\(name) can't cut axis \(index + 2) of shape \(shape) into windows of \(window.kernel) with stride "
                        + "\(window.stride), padding \(window.before) and \(window.after), and dilation \(window.dilation): "
                        + "steps are from 1 on, one window must fit, and all have at most 2^18 elements"
                )
            }
            return cut
        }
    }
}
