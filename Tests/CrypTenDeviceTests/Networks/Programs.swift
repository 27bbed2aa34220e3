import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRuntime

/// What sessions on devices run: programs whose every number follows from a seed.
enum Programs {
    /// Numbers in [−1, 1].
    static func numbers(_ shape: Shape, seed: UInt64) -> Tensor {
        var random = SeededNumbers(seed)
        return Tensor((0..<shape.count).map { _ in Double(random.next() >> 40) / 8_388_608 - 1 }, shape: shape)
    }

    private static func input(_ session: Session, _ shape: Shape, seed: UInt64 = 1) async throws -> CrypTensor {
        try await session.input(from: .party(0)) { numbers(shape, seed: seed) }
    }

    /// Gives a network its first weights, and computes with it.
    private static func infer<Model: Module & Layer>(
        _ session: Session,
        _ network: Model,
        _ x: CrypTensor
    ) async throws -> [Double] {
        var network = network
        try await session.initialize(&network, owner: .party(1), seed: 3)
        return try await session.reveal(network.eval()(x), to: .all)?.doubles ?? []
    }

    /// LeNet with one image.
    @Sendable static func oneImage(_ session: Session) async throws -> [Double] {
        try await infer(session, LeNet(), try await input(session, [1, 1, 28, 28]))
    }

    @Sendable static func leNet(_ session: Session) async throws -> [Double] {
        try await infer(session, LeNet(), try await input(session, [2, 1, 28, 28]))
    }

    /// Of ResNet's blocks, widths and strides, one block each, on small images.
    @Sendable static func resNet(_ session: Session) async throws -> [Double] {
        let network = ResNet(blocks: [1, 1, 1, 1], isBottleneck: false, classes: 5, smallImages: true)
        return try await infer(session, network, try await input(session, [1, 3, 8, 8]))
    }

    /// Of two layers and two heads, on secret words.
    @Sendable static func bert(_ session: Session) async throws -> [Double] {
        var network = BERT(words: 11, width: 8, layers: 2, heads: 2, feedForwardWidth: 16, positions: 16)
        try await session.initialize(&network, owner: .party(1), seed: 3)
        let words = try await session.input(from: .party(0)) {
            Tensor((0..<12).map { $0 * 5 % 11 }, shape: [2, 6])
        }
        return try await session.reveal(network.eval()(words.oneHot(11)), to: .all)?.doubles ?? []
    }

    /// ResNet's weights with normalisations folded into them, as files have them, and what computes with them.
    private struct FoldedResNet {
        var blocks: [Int]
        var isBottleneck: Bool
        private var held: [CrypTensor] = []

        /// Extents of kernels, in order: outputs, inputs, windows.
        private var kernels: [(outputs: Int, inputs: Int, window: Int)] {
            var channels = 64
            var kernels = [(outputs: 64, inputs: 3, window: 7)]
            for (layer, count) in blocks.enumerated() {
                let width = 64 << layer
                let outputs = isBottleneck ? 4 * width : width
                for block in 0..<count {
                    if isBottleneck { kernels.append((width, channels, 1)) }
                    kernels.append((width, isBottleneck ? width : channels, 3))
                    kernels.append((outputs, width, isBottleneck ? 1 : 3))
                    if block == 0, layer > 0 || isBottleneck { kernels.append((outputs, channels, 1)) }
                    channels = outputs
                }
            }
            return kernels
        }

        init(blocks: [Int], isBottleneck: Bool, on session: Session) async throws {
            (self.blocks, self.isBottleneck) = (blocks, isBottleneck)
            var tensors: [CrypTensor] = []
            for (number, shape) in shapes.enumerated() {
                tensors.append(try await Self.weights(session, shape, seed: UInt64(number)))
            }
            held = try await session.hold(tensors)
        }

        /// Of a session that there isn't.
        init(blocks: [Int], isBottleneck: Bool, on rehearsal: inout Rehearsal) throws {
            (self.blocks, self.isBottleneck) = (blocks, isBottleneck)
            held = try rehearsal.hold(shapes.map { rehearsal.input(from: .party(1), shape: $0) }).kept
        }

        private var shapes: [Shape] {
            kernels.flatMap { [[$0.outputs, $0.inputs, $0.window, $0.window], [$0.outputs]] as [Shape] }
                + [[1000, isBottleneck ? 2048 : 512]]
        }

        private static func weights(_ session: Session, _ shape: Shape, seed: UInt64) async throws -> CrypTensor {
            try await session.input(from: .party(1), shape: shape) { Programs.numbers(shape, seed: seed) }
        }

        func callAsFunction(_ image: CrypTensor) -> CrypTensor {
            var next = 0
            func convolution(_ x: CrypTensor, stride: IntOrPair = 1) -> CrypTensor {
                defer { next += 2 }
                let padding: Padding = held[next].shape[2] == 7 ? 3 : held[next].shape[2] == 3 ? 1 : 0
                return x.conv2d(held[next], bias: held[next + 1], stride: stride, padding: padding)
            }
            var x = convolution(image, stride: 2).maxPool2d(3, stride: 2, padding: 1).relu()
            for (layer, count) in blocks.enumerated() {
                for block in 0..<count {
                    let stride: IntOrPair = block == 0 && layer > 0 ? 2 : 1
                    var y = isBottleneck ? convolution(x).relu() : x
                    y = convolution(y, stride: stride).relu()
                    y = convolution(y)
                    let shortcut = block == 0 && (layer > 0 || isBottleneck) ? convolution(x, stride: stride) : x
                    x = (y + shortcut).relu()
                }
            }
            return x.mean(axes: [2, 3]).linear(held[held.count - 1])
        }
    }

    /// One image of 224 × 224; `ready` is called when the weights are held.
    static func resNet(
        _ blocks: [Int],
        isBottleneck: Bool,
        _ session: Session,
        ready: () -> Void
    ) async throws -> [Double] {
        let network = try await FoldedResNet(blocks: blocks, isBottleneck: isBottleneck, on: session)
        ready()
        return try await session.reveal(network(try await input(session, [1, 3, 224, 224])), to: .all)?.doubles ?? []
    }

    /// The same, planned.
    static func resNet(_ blocks: [Int], isBottleneck: Bool, _ rehearsal: inout Rehearsal) throws -> CrypTensor {
        let network = try FoldedResNet(blocks: blocks, isBottleneck: isBottleneck, on: &rehearsal)
        return network(rehearsal.input(from: .party(0), shape: [1, 3, 224, 224]))
    }

    /// ResNet-18 with one image, of weights that are no one's yet.
    @Sendable static func resNet18(_ session: Session) async throws -> [Double] {
        try await infer(session, ResNet.resNet18(), try await input(session, [1, 3, 224, 224]))
    }

    /// BERT-base with a text of 128 words; `ready` is called when the weights are held.
    static func bertBase(_ session: Session, ready: () -> Void) async throws -> [Double] {
        var network = BERT()
        try await session.initialize(&network, owner: .party(1), seed: 3)
        ready()
        return try await session.reveal(network.eval()(text), to: .all)?.doubles ?? []
    }

    private static var text: CrypTensor {
        CrypTensor(constant: Tensor((0..<128).map { $0 * 37 % 30_522 }, shape: [1, 128]))
    }

    /// The same, planned.
    static func bertBase(_ rehearsal: inout Rehearsal) throws -> CrypTensor {
        var network = BERT()
        try rehearsal.initialize(&network)
        return network.eval()(text)
    }

    /// LeNet with one image, planned.
    static func oneImage(_ rehearsal: inout Rehearsal) throws -> CrypTensor {
        var network = LeNet()
        try rehearsal.initialize(&network)
        return network.eval()(rehearsal.input(from: .party(0), shape: [1, 1, 28, 28]))
    }

    /// A step of Adam on a network with a convolution of stride 2, a normalisation and dropout.
    @Sendable static func training(_ session: Session) async throws -> [Double] {
        var network = Sequential {
            Conv2d(1, 4, kernelSize: 3, stride: 2, padding: 1)
            BatchNorm2d(4)
            ReLU()
            MaxPool2d(2)
            Flatten()
            Dropout(0.25)
            Linear(4 * 4, 3)
        }
        try await session.initialize(&network, owner: .party(1), seed: 3)
        var trainer = Trainer(network, Adam(learningRate: 0.01)) { model, batch in
            crossEntropy(model(batch[0]), labels: batch[1])
        }
        try await trainer.begin(on: session)
        let labels = try await session.input(from: .party(1)) {
            Tensor([0, 2, 1, 1, 0, 2, 2, 1].flatMap { label in (0..<3).map { $0 == label ? 1.0 : 0 } }, shape: [8, 3])
        }
        let data = try await TensorDataset(try await input(session, [8, 1, 8, 8]), labels, on: session)
        _ = try await trainer.step(on: data[[0, 3, 5, 6]], session)
        var numbers: [Double] = []
        for name in trainer.model.parameters.names {
            guard let parameter = trainer.model.parameters[name] else { continue }
            numbers += try await session.reveal(parameter, to: .all)?.doubles ?? []
        }
        return numbers
    }
}

extension Rehearsal {
    /// Gives a network weights of party 1.
    fileprivate mutating func initialize(_ network: inout some Module) throws {
        let specifications = network.specifications
        let inputs = specifications.map { input(from: .party(1), shape: $0.shape, kind: $0.kind, name: $0.name) }
        let tree = ParameterTree(zip(specifications.map(\.name), try hold(inputs).kept).map { ($0, $1) })
        (network.parameters, network.buffers) = (tree, tree)
    }
}
