/// A convolution of images: `[N, I, H, W]` to `[N, O, H', W']`; state `weight [O, I / groups, KH, KW]`, `bias [O]`.
///
/// 1 round; both tensors are uniform within `1 / √(fan in)` at first, as PyTorch's.
public struct Conv2d: StatefulModule, Layer {
    /// The weight and the bias.
    public var state: ModuleState
    private let stride: IntOrPair
    private let padding: Padding
    private let dilation: IntOrPair
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
        kernelSize: IntOrPair,
        stride: IntOrPair = 1,
        padding: Padding = 0,
        dilation: IntOrPair = 1,
        groups: Int = 1,
        bias: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        (self.stride, self.padding, self.dilation, self.groups) = (stride, padding, dilation, groups)
        state = ModuleState(of: "Conv2d", file: file, line: line)
        let kernel = [kernelSize.rows, kernelSize.columns]
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
        x.conv2d(
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
