/// A convolution of signals: `[N, I, L]` to `[N, O, L']`; state `weight [O, I / groups, K]`, `bias [O]`.
///
/// 1 round; both tensors are uniform within `1 / √(fan in)` at first, as PyTorch's.
public struct Conv1d: StatefulModule, Layer {
    /// The weight and the bias.
    public var state: ModuleState
    private let stride: Int
    private let padding: Int
    private let dilation: Int
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
        kernelSize: Int,
        stride: Int = 1,
        padding: Int = 0,
        dilation: Int = 1,
        groups: Int = 1,
        bias: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        (self.stride, self.padding, self.dilation, self.groups) = (stride, padding, dilation, groups)
        state = ModuleState(of: "Conv1d", file: file, line: line)
        let kernel = [kernelSize]
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
        x.conv1d(
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
