/// Residual networks on images of 32 × 32 or more, 224 × 224 by design, `[N, 3, H, W]` to `[N, classes]`; He, Zhang, Ren and Sun 2016.
///
/// State as torchvision's: `conv1`, `bn1`, `layer1.0.conv1` … `layer4`, `fc`. For 1,000 classes 11,689,512, 21,797,672 and 25,557,032 numbers
/// are trained in 18, 34 and 50 layers.
public struct ResNet: CompositeModule, Layer {
    /// The 7 × 7 convolution, or 3 × 3 one of small images.
    public var conv1: Conv2d
    /// Its normalisation.
    public var bn1: BatchNorm2d
    /// Blocks of 64 channels.
    public var layer1: ModuleList<ResidualBlock>
    /// Blocks of 128 channels.
    public var layer2: ModuleList<ResidualBlock>
    /// Blocks of 256 channels.
    public var layer3: ModuleList<ResidualBlock>
    /// Blocks of 512 channels.
    public var layer4: ModuleList<ResidualBlock>
    /// A unit for each class.
    public var fc: Linear
    private let isSmall: Bool

    /// The parts, by torchvision's names.
    public static var children: [Child<Self>] {
        [
            Child("conv1", \.conv1), Child("bn1", \.bn1), Child("layer1", \.layer1), Child("layer2", \.layer2),
            Child("layer3", \.layer3), Child("layer4", \.layer4), Child("fc", \.fc),
        ]
    }

    /// A network without values yet.
    ///
    /// - Parameters:
    ///   - blocks: How many blocks each of the four layers has.
    ///   - isBottleneck: Whether blocks are bottlenecks.
    ///   - classes: How many.
    ///   - smallImages: Whether the images are as small as CIFAR's: a 3 × 3 convolution of stride 1 and no pool at first.
    public init(
        blocks: [Int],
        isBottleneck: Bool,
        classes: Int = 1000,
        smallImages: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        isSmall = smallImages
        conv1 = Conv2d(
            3,
            64,
            kernelSize: smallImages ? 3 : 7,
            stride: smallImages ? 1 : 2,
            padding: smallImages ? 1 : 3,
            bias: false,
            file: file,
            line: line
        )
        .initializing("weight", .kaimingNormal(mode: .fanOut, nonlinearity: .relu))
        bn1 = BatchNorm2d(64, file: file, line: line)
        var channels = 64
        func layer(_ position: Int) -> ModuleList<ResidualBlock> {
            let width = 64 << position
            let count = position < blocks.count ? max(0, blocks[position]) : 0
            return ModuleList(
                (0..<count).map { index in
                    let block = ResidualBlock(
                        channels,
                        width,
                        stride: position > 0 && index == 0 ? 2 : 1,
                        isBottleneck: isBottleneck,
                        file: file,
                        line: line
                    )
                    channels = isBottleneck ? 4 * width : width
                    return block
                }
            )
        }
        (layer1, layer2, layer3, layer4) = (layer(0), layer(1), layer(2), layer(3))
        fc = Linear(channels, classes, file: file, line: line)
    }

    /// 18 layers.
    public static func resNet18(
        classes: Int = 1000,
        smallImages: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> ResNet {
        ResNet(
            blocks: [2, 2, 2, 2],
            isBottleneck: false,
            classes: classes,
            smallImages: smallImages,
            file: file,
            line: line
        )
    }

    /// 34 layers.
    public static func resNet34(
        classes: Int = 1000,
        smallImages: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> ResNet {
        ResNet(
            blocks: [3, 4, 6, 3],
            isBottleneck: false,
            classes: classes,
            smallImages: smallImages,
            file: file,
            line: line
        )
    }

    /// 50 layers.
    public static func resNet50(
        classes: Int = 1000,
        smallImages: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> ResNet {
        ResNet(
            blocks: [3, 4, 6, 3],
            isBottleneck: true,
            classes: classes,
            smallImages: smallImages,
            file: file,
            line: line
        )
    }

    /// A score for each class.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let stem = withLayer("conv1") { bn1(conv1(x)).relu() }
        let first = isSmall ? stem : withLayer("maxpool") { stem.maxPool2d(3, stride: 2, padding: 1) }
        let features = [layer1, layer2, layer3, layer4].enumerated().reduce(first) { value, next in
            withLayer("layer\(next.offset + 1)") { next.element(value) }
        }
        let means = withLayer("avgpool") { features.globalAveragePool().flatten(start: 1) }
        return withLayer("fc") { fc(means) }
    }
}
