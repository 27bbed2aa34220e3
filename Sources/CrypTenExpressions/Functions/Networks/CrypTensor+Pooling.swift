internal import CrypTenBase
internal import CrypTenRing

/// Largest elements and means of windows of images `[N, C, H, W]` and signals `[N, C, L]`.
extension CrypTensor {
    /// The largest of every window: `[N, C, H', W']`; 5 rounds for every factor of four, maskings included in the window.
    ///
    /// Padding never makes up a smallest number: where a window reaches over the edge, an element of its own stands
    /// twice.
    ///
    /// - Parameters:
    ///   - stride: Steps between windows; the kernel's extents where nil.
    ///   - padding: Rows and columns around the image, of which every window must leave one inside.
    ///   - dilation: Steps between a window's elements.
    ///   - ceilMode: Whether a last window may reach over the edge, as long as it starts inside or in the padding
    ///     before it.
    public func maxPool2d(
        _ kernel: IntOrPair,
        stride: IntOrPair? = nil,
        padding: Padding = 0,
        dilation: IntOrPair = 1,
        ceilMode: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let step = stride ?? kernel
            return try largest(
                over: try imageWindows(
                    name: "maxPool2d",
                    kernel: kernel,
                    stride: step,
                    padding: padding,
                    dilation: dilation,
                    ceilMode: ceilMode
                ),
                at: origin
            )
        }
    }

    /// The largest of every window of a signal: `[N, C, L']`; 5 rounds for every factor of four, maskings included in the window.
    public func maxPool1d(
        _ kernel: Int,
        stride: Int? = nil,
        padding: Int = 0,
        paddingAfter: Int? = nil,
        dilation: Int = 1,
        ceilMode: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard rank == 3 else {
                throw CrypTenError(.shapeMismatch, "maxPool1d can't take shape \(shape): it takes [N, C, L]")
            }
            let image = reshaped([shape[0], shape[1], 1, shape[2]], at: origin).maxPool2d(
                IntOrPair(1, kernel),
                stride: IntOrPair(1, stride ?? kernel),
                padding: Padding(top: 0, left: padding, bottom: 0, right: paddingAfter ?? padding),
                dilation: IntOrPair(1, dilation),
                ceilMode: ceilMode,
                file: file,
                line: line
            )
            return image.error == nil ? image.reshaped([shape[0], shape[1], image.shape[3]], at: origin) : image
        }
    }

    /// The mean of every window: `[N, C, H', W']`. Local up to the truncation.
    ///
    /// - Parameters:
    ///   - stride: Steps between windows; the kernel's extents where nil.
    ///   - padding: Rows and columns of zeros around the image.
    ///   - ceilMode: Whether a last window may reach over the edge, as long as it starts inside or in the padding
    ///     before it.
    ///   - countIncludePad: Whether the zeros of the padding count as elements; what lies beyond the padding never
    ///     does.
    public func avgPool2d(
        _ kernel: IntOrPair,
        stride: IntOrPair? = nil,
        padding: Padding = 0,
        dilation: IntOrPair = 1,
        ceilMode: Bool = false,
        countIncludePad: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let (rows, columns) = try imageWindows(
                name: "avgPool2d",
                kernel: kernel,
                stride: stride ?? kernel,
                padding: padding,
                dilation: dilation,
                ceilMode: ceilMode
            )
            let total = try real(at: origin).windowSums(rows, axis: 2, at: origin).windowSums(
                columns,
                axis: 3,
                at: origin
            )
            let (high, wide) = (
                rows.counts(includingPadding: countIncludePad), columns.counts(includingPadding: countIncludePad)
            )
            guard !high.contains(0), !wide.contains(0) else {
                throw CrypTenError(
                    .invalidArgument,
                    "avgPool2d of shape \(shape) has a window with no element inside: pad less"
                )
            }
            if Set(high).count == 1, Set(wide).count == 1 {
                return total.scaled(by: 1 / Double(high[0] * wide[0]), at: origin)
            }
            guard high.count * wide.count <= 1 << 22 else {
                throw CrypTenError(
                    .invalidArgument,
                    "avgPool2d of shape \(shape) has \(high.count) × \(wide.count) windows of different sizes: 2^22 are the most"
                )
            }
            let factors = high.flatMap { a in wide.map { b in 1 / Double(a * b) } }
            let constant = CrypTensor(constant: Tensor(factors, shape: [high.count, wide.count]), at: origin)
            return total.applying(.bilinear(.multiply), constant, at: origin)
        }
    }

    /// The mean of every window of a signal: `[N, C, L']`.
    ///
    /// Local up to the truncation.
    public func avgPool1d(
        _ kernel: Int,
        stride: Int? = nil,
        padding: Int = 0,
        paddingAfter: Int? = nil,
        ceilMode: Bool = false,
        countIncludePad: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard rank == 3 else {
                throw CrypTenError(.shapeMismatch, "avgPool1d can't take shape \(shape): it takes [N, C, L]")
            }
            let image = reshaped([shape[0], shape[1], 1, shape[2]], at: origin).avgPool2d(
                IntOrPair(1, kernel),
                stride: IntOrPair(1, stride ?? kernel),
                padding: Padding(top: 0, left: padding, bottom: 0, right: paddingAfter ?? padding),
                ceilMode: ceilMode,
                countIncludePad: countIncludePad,
                file: file,
                line: line
            )
            return image.error == nil ? image.reshaped([shape[0], shape[1], image.shape[3]], at: origin) : image
        }
    }

    /// The mean of every channel: `[N, C, …]` to `[N, C, 1, …]`.
    ///
    /// Local up to the truncation.
    public func globalAveragePool(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { _ in
            guard rank >= 3 else {
                throw CrypTenError(.shapeMismatch, "globalAveragePool can't take shape \(shape): it takes [N, C, …]")
            }
            return mean(axes: Array(2..<rank), keepDimensions: true, file: file, line: line)
        }
    }

    /// The largest of every channel: `[N, C, …]` to `[N, C, 1, …]`; 5 rounds for every factor of four, maskings included.
    public func globalMaxPool(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { _ in
            guard rank >= 3 else {
                throw CrypTenError(.shapeMismatch, "globalMaxPool can't take shape \(shape): it takes [N, C, …]")
            }
            return max(axes: Array(2..<rank), keepDimensions: true, file: file, line: line)
        }
    }

    // MARK: Windows

    private func imageWindows(
        name: String,
        kernel: IntOrPair,
        stride: IntOrPair,
        padding: Padding,
        dilation: IntOrPair,
        ceilMode: Bool
    ) throws -> (rows: PoolingWindows, columns: PoolingWindows) {
        guard rank == 4 else {
            throw CrypTenError(.shapeMismatch, "\(name) can't take shape \(shape): it takes [N, C, H, W]")
        }
        func windows(
            _ axis: Int,
            _ kernel: Int,
            _ stride: Int,
            _ before: Int,
            _ after: Int,
            _ dilation: Int
        ) throws
            -> PoolingWindows
        {
            let windows = PoolingWindows(
                input: shape[axis],
                kernel: kernel,
                stride: stride,
                before: before,
                after: after,
                dilation: dilation,
                ceilMode: ceilMode
            )
            guard let windows else {
                throw CrypTenError(
                    .invalidArgument,
                    "\(name) can't cut axis \(axis) of shape \(shape) into windows of \(kernel) with stride \(stride), padding "
                        + "\(before) and \(after), and dilation \(dilation): steps are from 1 on, one window must fit, and all have at "
                        + "most 2^18 elements"
                )
            }
            return windows
        }
        return (
            try windows(2, kernel.rows, stride.rows, padding.top, padding.bottom, dilation.rows),
            try windows(3, kernel.columns, stride.columns, padding.left, padding.right, dilation.columns)
        )
    }

    private func largest(
        over windows: (rows: PoolingWindows, columns: PoolingWindows),
        at origin: SourceOrigin
    ) throws
        -> CrypTensor
    {
        guard let rows = windows.rows.indicesInside, let columns = windows.columns.indicesInside else {
            throw CrypTenError(
                .invalidArgument,
                "maxPool2d of shape \(shape) has a window with no element inside: pad less"
            )
        }
        let values = number(at: origin)
        if PoolingWindows.areCheaperOneByOne(windows.rows, windows.columns) {
            // The largest of the rows' largest: overlapping windows share those.
            return try values.largest(over: windows.rows, rows, axis: 2, at: origin)
                .largest(over: windows.columns, columns, axis: 3, at: origin)
        }
        let (high, wide) = (windows.rows, windows.columns)
        // [N, C, KH, H', KW, W'] or, from reshaping alone, [N, C, H', KH, W', KW]; then the window's axes go in front.
        let extents = [high.kernel * wide.kernel, shape[0], shape[1], high.output, wide.output]
        let stacked = try checkedShape(extents, in: "maxPool2d")
        let (spread, order): (CrypTensor, [Int])
        if high.tiles, wide.tiles {
            spread = values.reshaped(
                [shape[0], shape[1], high.output, high.kernel, wide.output, wide.kernel],
                at: origin
            )
            order = [3, 5, 0, 1, 2, 4]
        } else {
            spread = values.applying(.take(axis: 2, indices: rows), at: origin)
                .applying(.take(axis: 3, indices: columns), at: origin)
                .reshaped([shape[0], shape[1], high.kernel, high.output, wide.kernel, wide.output], at: origin)
            order = [2, 4, 0, 1, 3, 5]
        }
        return spread.permuted(positions: order, at: origin)
            .reshaped(stacked, at: origin)
            .applying(.maximum(axis: 0), at: origin)
    }

    /// The largest of every window along one axis, whose elements are at `indices`.
    private func largest(
        over windows: PoolingWindows,
        _ indices: [Int],
        axis: Int,
        at origin: SourceOrigin
    ) throws -> CrypTensor {
        var extents = shape.dimensions
        extents.replaceSubrange(axis...axis, with: [windows.kernel, windows.output])
        let spread = try checkedShape(extents, in: "maxPool2d")
        return applying(.take(axis: axis, indices: indices), at: origin)
            .reshaped(spread, at: origin)
            .applying(.maximum(axis: axis), at: origin)
    }

    /// The sum of every window along one axis.
    private func windowSums(_ windows: PoolingWindows, axis: Int, at origin: SourceOrigin) throws -> CrypTensor {
        if windows.kernel == 1, windows.tiles { return self }
        var extents = shape.dimensions
        if windows.tiles {
            extents.replaceSubrange(axis...axis, with: [windows.output, windows.kernel])
            return reshaped(Shape(extents), at: origin).applying(.sum(axes: [axis + 1]), at: origin)
        }
        var (before, after) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
        (before[axis], after[axis]) = (windows.before, windows.reachBeyondInput)
        let padded = before[axis] + after[axis] == 0 ? self : applying(.pad(before: before, after: after), at: origin)
        extents.replaceSubrange(axis...axis, with: [windows.kernel, windows.output])
        let spread = try checkedShape(extents, in: "avgPool2d")
        return padded.applying(.take(axis: axis, indices: windows.positions.map { $0 + windows.before }), at: origin)
            .reshaped(spread, at: origin).applying(.sum(axes: [axis]), at: origin)
    }
}

/// The largest of every window of images; 5 rounds for every factor of four, maskings included in the window.
public func maxPool2d(
    _ x: CrypTensor,
    _ kernel: IntOrPair,
    stride: IntOrPair? = nil,
    padding: Padding = 0,
    dilation: IntOrPair = 1,
    ceilMode: Bool = false,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.maxPool2d(
        kernel,
        stride: stride,
        padding: padding,
        dilation: dilation,
        ceilMode: ceilMode,
        file: file,
        line: line
    )
}

/// The mean of every window of images.
///
/// Local up to the truncation.
public func avgPool2d(
    _ x: CrypTensor,
    _ kernel: IntOrPair,
    stride: IntOrPair? = nil,
    padding: Padding = 0,
    ceilMode: Bool = false,
    countIncludePad: Bool = true,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.avgPool2d(
        kernel,
        stride: stride,
        padding: padding,
        ceilMode: ceilMode,
        countIncludePad: countIncludePad,
        file: file,
        line: line
    )
}
