import CrypTen

/// Networks whose weights are party 0's and whose images are party 1's.
extension Workload {
    static let networks: [Workload] = [leNet(batch: 1), leNet(batch: 32), resNet18]

    /// Two 5×5 convolutions with ReLU and 2×2 max-pooling, two linear layers.
    static func leNet(batch: Int) -> Workload {
        Workload(
            name: "lenet_b\(batch)",
            summary: "LeNet, \(batch) image\(batch == 1 ? "" : "s") of 28×28",
            inputs: [Operand(name: "x", owner: 1, shape: [batch, 1, 28, 28], numbers: .uniform(0...1))],
            weights: [
                .convolutionWeight("conv1.weight", owner: 0, [16, 1, 5, 5]), .bias("conv1.bias", owner: 0, 16),
                .convolutionWeight("conv2.weight", owner: 0, [16, 16, 5, 5]), .bias("conv2.bias", owner: 0, 16),
                .linearWeight("fc1.weight", owner: 0, [100, 256]), .bias("fc1.bias", owner: 0, 100),
                .linearWeight("fc2.weight", owner: 0, [10, 100]), .bias("fc2.bias", owner: 0, 10),
            ]
        ) { operands in
            func convolution(_ name: String, _ x: CrypTensor) -> CrypTensor {
                withLayer(name) {
                    x.conv2d(operands[name + ".weight"]!, bias: operands[name + ".bias"]!).relu().maxPool2d(2)
                }
            }
            func linear(_ name: String, _ x: CrypTensor) -> CrypTensor {
                x.linear(operands[name + ".weight"]!, bias: operands[name + ".bias"]!)
            }
            let features = convolution("conv2", convolution("conv1", operands["x"]!)).flatten(start: 1)
            let hidden = withLayer("fc1") { linear("fc1", features).relu() }
            return withLayer("fc2") { linear("fc2", hidden) }
        }
    }

    /// He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR '16: 18 layers, 224×224, 1000 classes.
    ///
    /// Weights carry torchvision's names. Batch normalisations are folded into the convolutions before them, as they are
    /// in a model that is served: their owner does that in the clear.
    private static let resNet18: Workload = {
        let blocks = ResNetBlock.eighteen
        var weights: [Operand] = Operand.normalizedConvolution("conv1", "bn1", owner: 0, [64, 3, 7, 7])
        for block in blocks {
            let (name, from, to) = (block.name, block.inputs, block.outputs)
            weights += Operand.normalizedConvolution(name + ".conv1", name + ".bn1", owner: 0, [to, from, 3, 3])
            weights += Operand.normalizedConvolution(name + ".conv2", name + ".bn2", owner: 0, [to, to, 3, 3])
            guard block.changesShape else { continue }
            weights += Operand.normalizedConvolution(
                name + ".downsample.0",
                name + ".downsample.1",
                owner: 0,
                [to, from, 1, 1]
            )
        }
        weights += [.linearWeight("fc.weight", owner: 0, [1000, 512]), .bias("fc.bias", owner: 0, 1000)]
        return Workload(
            name: "resnet18_b1",
            summary: "ResNet-18, one image of 224×224",
            inputs: [Operand(name: "rn-x", owner: 1, shape: [1, 3, 224, 224], numbers: .normal(deviation: 1))],
            weights: weights
        ) { operands in
            var x = withLayer("conv1") {
                operands["rn-x"]!.conv2d(operands["conv1.weight"]!, bias: operands["bn1"]!, stride: 2, padding: 3)
                    .relu().maxPool2d(3, stride: 2, padding: 1)
            }
            for block in blocks { x = withLayer(block.name) { block(x, operands) } }
            return withLayer("fc") {
                x.globalAveragePool().flatten(start: 1).linear(operands["fc.weight"]!, bias: operands["fc.bias"]!)
            }
        }
    }()
}

/// Two 3×3 convolutions and a way around them.
private struct ResNetBlock: Sendable {
    var name: String
    var inputs: Int
    var outputs: Int
    var stride: Int

    var changesShape: Bool {
        stride != 1 || inputs != outputs
    }

    /// The eight blocks of ResNet-18.
    static let eighteen: [ResNetBlock] = {
        var blocks: [ResNetBlock] = []
        var channels = 64
        for (stage, (outputs, stride)) in [(64, 1), (128, 2), (256, 2), (512, 2)].enumerated() {
            for index in 0..<2 {
                blocks.append(
                    ResNetBlock(
                        name: "layer\(stage + 1).\(index)",
                        inputs: channels,
                        outputs: outputs,
                        stride: index == 0 ? stride : 1
                    )
                )
                channels = outputs
            }
        }
        return blocks
    }()

    func callAsFunction(_ x: CrypTensor, _ operands: [String: CrypTensor]) -> CrypTensor {
        func convolution(_ x: CrypTensor, _ weight: String, _ bias: String, stride: Int, padding: Padding) -> CrypTensor
        {
            x.conv2d(
                operands["\(name).\(weight)"]!,
                bias: operands["\(name).\(bias)"]!,
                stride: .init(stride),
                padding: padding
            )
        }
        let inner = convolution(x, "conv1.weight", "bn1", stride: stride, padding: 1).relu()
        let outer = convolution(inner, "conv2.weight", "bn2", stride: 1, padding: 1)
        let around =
            changesShape ? convolution(x, "downsample.0.weight", "downsample.1", stride: stride, padding: 0) : x
        return (outer + around).relu()
    }
}
