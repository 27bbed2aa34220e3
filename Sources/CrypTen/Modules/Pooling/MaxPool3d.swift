/// The largest of every window of volumes `[N, C, D, H, W]`.
///
/// 5 rounds for every factor of four of the window, maskings included.
public struct MaxPool3d: ParameterlessLayer {
    private let kernelSize: IntOrTriple
    private let stride: IntOrTriple?
    private let padding: IntOrTriple
    private let dilation: IntOrTriple
    private let ceilMode: Bool
    private let place: LayerPlace

    /// A layer of windows.
    ///
    /// - Parameters:
    ///   - kernelSize: The window's extents.
    ///   - stride: Steps between windows; nil: the window's extents.
    ///   - padding: What lies around the operand and is never the largest.
    ///   - dilation: Steps between a window's elements.
    ///   - ceilMode: Whether a last window may reach over the end.
    public init(
        _ kernelSize: IntOrTriple,
        stride: IntOrTriple? = nil,
        padding: IntOrTriple = 0,
        dilation: IntOrTriple = 1,
        ceilMode: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        (self.kernelSize, self.stride, self.padding, self.ceilMode) = (kernelSize, stride, padding, ceilMode)
        self.dilation = dilation
        place = LayerPlace(file, line)
    }

    /// The windows' largest elements.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.maxPool3d(
            kernelSize,
            stride: stride,
            padding: padding,
            dilation: dilation,
            ceilMode: ceilMode,
            file: place.file,
            line: place.line
        )
    }
}
