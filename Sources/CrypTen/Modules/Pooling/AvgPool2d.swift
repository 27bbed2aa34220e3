/// The mean of every window of images `[N, C, H, W]`.
///
/// Local up to the truncation.
public struct AvgPool2d: ParameterlessLayer {
    private let kernelSize: IntOrPair
    private let stride: IntOrPair?
    private let padding: Padding
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
        _ kernelSize: IntOrPair,
        stride: IntOrPair? = nil,
        padding: Padding = 0,
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
        x.avgPool2d(
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
