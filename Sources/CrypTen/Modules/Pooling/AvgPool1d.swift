/// The mean of every window of signals `[N, C, L]`.
///
/// Local up to the truncation.
public struct AvgPool1d: ParameterlessLayer {
    private let kernelSize: Int
    private let stride: Int?
    private let padding: Int
    private let countIncludePad: Bool
    private let ceilMode: Bool
    private let place: LayerPlace

    /// A layer of windows.
    ///
    /// - Parameters:
    ///   - kernelSize: The window's extents.
    ///   - stride: Steps between windows; nil: the window's extents.
    ///   - padding: Zeros around the operand.
    ///   - ceilMode: Whether a last window may reach over the end.
    ///   - countIncludePad: Whether the zeros around count in a mean.
    public init(
        _ kernelSize: Int,
        stride: Int? = nil,
        padding: Int = 0,
        ceilMode: Bool = false,
        countIncludePad: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        (self.kernelSize, self.stride, self.padding, self.ceilMode) = (kernelSize, stride, padding, ceilMode)
        self.countIncludePad = countIncludePad
        place = LayerPlace(file, line)
    }

    /// The windows' means.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.avgPool1d(
            kernelSize,
            stride: stride,
            padding: padding,
            ceilMode: ceilMode,
            countIncludePad: countIncludePad,
            file: place.file,
            line: place.line
        )
    }
}
