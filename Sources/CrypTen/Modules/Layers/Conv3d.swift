/// A convolution of volumes: `[N, I, D, H, W]` to `[N, O, D', H', W']`; state `weight [O, I / groups, KD, KH, KW]`, `bias [O]`.
///
/// 1 round; both tensors are uniform within `1 / √(fan in)` at first, as PyTorch's.
public struct Conv3d: StatefulModule, Layer {
    /// The weight and the bias.
    public var state: ModuleState
    private let stride: IntOrTriple
    private let padding: IntOrTriple
    private let dilation: IntOrTriple
    private let groups: Int

    /// A layer without values yet.
    ///
    /// - Parameters:
    ///   - inChannels: Channels of the operands.
    ///   - outChannels: Channels of the results.
    ///   - kernelSize: The window's extents.
    ///   - stride: Steps between windows.
    ///   - padding: Zeros around the operand.
    ///   - dilation: Steps between a window's elements.
    ///   - groups: The channels are split into this many groups that don't mix; it divides both numbers of channels.
    ///   - bias: Whether one is added to each channel.
    public init(
        _ inChannels: Int,
        _ outChannels: Int,
        kernelSize: IntOrTriple,
        stride: IntOrTriple = 1,
        padding: IntOrTriple = 0,
        dilation: IntOrTriple = 1,
        groups: Int = 1,
        bias: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        (self.stride, self.padding, self.dilation, self.groups) = (stride, padding, dilation, groups)
        state = ModuleState(of: "Conv3d", file: file, line: line)
        let kernel = [kernelSize.depth, kernelSize.rows, kernelSize.columns]
        state.declareConvolution(
            inChannels,
            outChannels,
            kernel: kernel,
            groups: groups,
            isTransposed: false,
            bias: bias
        )
    }

    /// The convolution, and the bias added.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.conv3d(
            state.tensor("weight"),
            bias: state["bias"],
            stride: stride,
            padding: padding,
            dilation: dilation,
            groups: groups,
            file: state.place.file,
            line: state.place.line
        )
    }
}
