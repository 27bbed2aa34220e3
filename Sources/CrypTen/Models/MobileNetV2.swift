extension FeatureClassifier {
    /// MobileNet V2 on images of 32 × 32 or more, 224 × 224 by design, as torchvision has it; Sandler, Howard, Zhu, Zhmoginov and Chen 2018.
    ///
    /// 3,504,872 numbers that are trained for 1,000 classes.
    ///
    /// - Parameters:
    ///   - classes: How many.
    ///   - dropout: The probability with which features are dropped in training.
    public static func mobileNetV2(
        classes: Int = 1000,
        dropout: Double = 0.2,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> FeatureClassifier {
        let place = LayerPlace(file, line)
        // Expansion, channels, repetitions and the first one's stride: the paper's table 2.
        let table = [
            (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
        ]
        var layers: [any Layer] = [normalizedConvolution(3, 32, size: 3, stride: 2, at: place)]
        var channels = 32
        for (expansion, width, count, stride) in table {
            for index in 0..<count {
                layers.append(
                    InvertedResidual(
                        channels,
                        width,
                        expansion: expansion,
                        stride: index == 0 ? stride : 1,
                        file: file,
                        line: line
                    )
                )
                channels = width
            }
        }
        layers.append(normalizedConvolution(channels, 1280, size: 1, at: place))
        return FeatureClassifier(
            Sequential(layers),
            pooledTo: [1, 1],
            classifier: Sequential {
                Dropout(dropout, file: file, line: line)
                Linear(1280, classes, file: file, line: line).initializing("weight", .normal(deviation: 0.01))
                    .initializing("bias", .zeros)
            }
        )
    }

    /// A convolution without a bias, its normalisation, and what keeps it between 0 and 6.
    fileprivate static func normalizedConvolution(
        _ from: Int,
        _ to: Int,
        size: Int,
        stride: Int = 1,
        groups: Int = 1,
        at place: LayerPlace
    ) -> Sequential {
        Sequential {
            plainConvolution(from, to, size: size, stride: stride, groups: groups, at: place)
            BatchNorm2d(to, file: place.file, line: place.line)
            ReLU6(file: place.file, line: place.line)
        }
    }

    fileprivate static func plainConvolution(
        _ from: Int,
        _ to: Int,
        size: Int,
        stride: Int = 1,
        groups: Int = 1,
        at place: LayerPlace
    ) -> Conv2d {
        Conv2d(
            from,
            to,
            kernelSize: IntOrPair(size),
            stride: IntOrPair(stride),
            padding: Padding((size - 1) / 2),
            groups: groups,
            bias: false,
            file: place.file,
            line: place.line
        )
        .initializing("weight", .kaimingNormal(mode: .fanOut, nonlinearity: .leakyReLU()))
    }
}

/// MobileNet's block: more channels, a convolution of each by itself, fewer channels, and the operand where it has their shape.
public struct InvertedResidual: CompositeModule, Layer {
    /// The convolutions.
    public var conv: Sequential
    private let isResidual: Bool

    /// The part.
    public static var children: [Child<Self>] { [Child("conv", \.conv)] }

    /// A block without values yet.
    ///
    /// - Parameters:
    ///   - inChannels: Channels of the operands.
    ///   - outChannels: Channels of the results.
    ///   - expansion: How many times as many channels there are between.
    ///   - stride: Steps between windows.
    public init(
        _ inChannels: Int,
        _ outChannels: Int,
        expansion: Int,
        stride: Int,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        let place = LayerPlace(file, line)
        let width = inChannels.multipliedReportingOverflow(by: expansion).partialValue
        isResidual = stride == 1 && inChannels == outChannels
        conv = Sequential {
            if expansion != 1 { FeatureClassifier.normalizedConvolution(inChannels, width, size: 1, at: place) }
            FeatureClassifier.normalizedConvolution(width, width, size: 3, stride: stride, groups: width, at: place)
            FeatureClassifier.plainConvolution(width, outChannels, size: 1, at: place)
            BatchNorm2d(outChannels, file: file, line: line)
        }
    }

    /// The block's value.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let inner = withLayer("conv") { conv(x) }
        return isResidual ? x + inner : inner
    }
}
