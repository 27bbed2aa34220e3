/// A transposed convolution of signals: `[N, I, L]` to `[N, O, L']`; state `weight [I, O / groups, K]`, `bias [O]`.
///
/// 1 round; both tensors are uniform within `1 / √(fan in)` at first, as PyTorch's.
public struct ConvTranspose1d: StatefulModule, Layer {
    /// The weight and the bias.
    public var state: ModuleState
    private let stride: Int
    private let padding: Int
    private let outputPadding: Int
    private let dilation: Int
    private let groups: Int

    /// A layer without values yet.
    ///
    /// - Parameters:
    ///   - inChannels: Channels of the operands.
    ///   - outChannels: Channels of the results.
    ///   - kernelSize: The window's extents.
    ///   - stride: Steps between windows.
    ///   - padding: Zeros around the operand; as many rows and columns less of the result.
    ///   - outputPadding: What is added at the ends of the results, less than the stride.
    ///   - dilation: Steps between a window's elements.
    ///   - groups: The channels are split into this many groups that don't mix; it divides both numbers of channels.
    ///   - bias: Whether one is added to each channel.
    public init(
        _ inChannels: Int,
        _ outChannels: Int,
        kernelSize: Int,
        stride: Int = 1,
        padding: Int = 0,
        outputPadding: Int = 0,
        dilation: Int = 1,
        groups: Int = 1,
        bias: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        (self.stride, self.padding, self.dilation, self.groups) = (stride, padding, dilation, groups)
        self.outputPadding = outputPadding
        state = ModuleState(of: "ConvTranspose1d", file: file, line: line)
        let kernel = [kernelSize]
        state.declareConvolution(
            inChannels,
            outChannels,
            kernel: kernel,
            groups: groups,
            isTransposed: true,
            bias: bias
        )
    }

    /// The convolution, and the bias added.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.convTransposed1d(
            state.tensor("weight"),
            bias: state["bias"],
            stride: stride,
            padding: padding,
            outputPadding: outputPadding,
            dilation: dilation,
            groups: groups,
            file: state.place.file,
            line: state.place.line
        )
    }
}
