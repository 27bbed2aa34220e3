import CrypTen

/// ResNet-18's layers for small images, with fewer channels: `width`, twice, four and eight times as many.
struct ThinResNet: CompositeModule, Layer {
    var stem: Sequential
    var blocks: Sequential
    var output: Linear

    static var children: [Child<Self>] {
        [Child("stem", \.stem), Child("blocks", \.blocks), Child("output", \.output)]
    }

    init(width: Int, classes: Int) {
        stem = Sequential {
            Conv2d(3, width, kernelSize: 3, padding: 1, bias: false)
            BatchNorm2d(width)
            ReLU()
        }
        blocks = Sequential {
            for stage in 0..<4 {
                ResidualBlock(stage == 0 ? width : width << (stage - 1), width << stage, stride: stage == 0 ? 1 : 2)
                ResidualBlock(width << stage, width << stage)
            }
        }
        output = Linear(8 * width, classes)
    }

    /// A score for each class, of images `[N, 3, H, W]`.
    func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let features = withLayer("blocks") { blocks(withLayer("stem") { stem(x) }) }
        return withLayer("output") { output(features.globalAveragePool().flatten(start: 1)) }
    }
}
