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
            let windows = AxisWindow.ofImage(kernel, stride ?? kernel, padding, dilation)
            return try maxPooled(windows, ceilMode: ceilMode, name: "maxPool2d", at: origin)
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
            let window = AxisWindow(
                kernel: kernel,
                stride: stride ?? kernel,
                before: padding,
                after: paddingAfter ?? padding,
                dilation: dilation
            )
            return try maxPooled([window], ceilMode: ceilMode, name: "maxPool1d", at: origin)
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
            try averagePooled(
                AxisWindow.ofImage(kernel, stride ?? kernel, padding, dilation),
                ceilMode: ceilMode,
                countIncludePad: countIncludePad,
                name: "avgPool2d",
                at: origin
            )
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
            let window = AxisWindow(
                kernel: kernel,
                stride: stride ?? kernel,
                before: padding,
                after: paddingAfter ?? padding
            )
            return try averagePooled(
                [window],
                ceilMode: ceilMode,
                countIncludePad: countIncludePad,
                name: "avgPool1d",
                at: origin
            )
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
