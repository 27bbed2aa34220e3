/// A residual network's block of two 3 × 3 convolutions, or of one between two that change the number of channels; He, Zhang, Ren and Sun 2016,
/// as torchvision has it: the stride is the 3 × 3 convolution's.
///
/// State: `conv1`, `bn1`, `conv2`, `bn2`, in a bottleneck `conv3`, `bn3`, and `downsample.0`, `downsample.1` where the shape changes.
public struct ResidualBlock: CompositeModule, Layer {
    /// The first convolution.
    public var conv1: Conv2d
    /// Its normalisation.
    public var bn1: BatchNorm2d
    /// The second convolution.
    public var conv2: Conv2d
    /// Its normalisation.
    public var bn2: BatchNorm2d
    /// A bottleneck's third convolution.
    public var conv3: Conv2d?
    /// Its normalisation.
    public var bn3: BatchNorm2d?
    /// What gives the operand the result's shape.
    public var downsample: Sequential?

    /// The parts, by torchvision's names.
    public static var children: [Child<Self>] {
        [
            Child("conv1", \.conv1), Child("bn1", \.bn1), Child("conv2", \.conv2), Child("bn2", \.bn2),
            Child("conv3", \.conv3), Child("bn3", \.bn3), Child("downsample", \.downsample),
        ]
    }

    /// A block without values yet.
    ///
    /// - Parameters:
    ///   - inChannels: Channels of the operands.
    ///   - width: Channels of the 3 × 3 convolutions.
    ///   - stride: Steps between windows.
    ///   - isBottleneck: Whether the results have four times as many channels.
    public init(
        _ inChannels: Int,
        _ width: Int,
        stride: Int = 1,
        isBottleneck: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        func convolution(_ from: Int, _ to: Int, size: Int, stride: Int = 1) -> Conv2d {
            Conv2d(
                from,
                to,
                kernelSize: IntOrPair(size),
                stride: IntOrPair(stride),
                padding: Padding(size / 2),
                bias: false,
                file: file,
                line: line
            )
            .initializing("weight", .kaimingNormal(mode: .fanOut, nonlinearity: .relu))
        }
        func norm(_ channels: Int) -> BatchNorm2d { BatchNorm2d(channels, file: file, line: line) }
        let outChannels = isBottleneck ? 4.multipliedReportingOverflow(by: width).partialValue : width
        conv1 =
            isBottleneck
            ? convolution(inChannels, width, size: 1) : convolution(inChannels, width, size: 3, stride: stride)
        bn1 = norm(width)
        conv2 = convolution(width, width, size: 3, stride: isBottleneck ? stride : 1)
        bn2 = norm(width)
        if isBottleneck { (conv3, bn3) = (convolution(width, outChannels, size: 1), norm(outChannels)) }
        if stride != 1 || inChannels != outChannels {
            downsample = Sequential {
                convolution(inChannels, outChannels, size: 1, stride: stride)
                norm(outChannels)
            }
        }
    }

    /// The block's value.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let first = withLayer("conv1") { bn1(conv1(x)).relu() }
        var inner = withLayer("conv2") { bn2(conv2(first)) }
        if let conv3, let bn3 { inner = withLayer("conv3") { bn3(conv3(inner.relu())) } }
        let direct = downsample.map { layers in withLayer("downsample") { layers(x) } } ?? x
        return (inner + direct).relu()
    }
}
