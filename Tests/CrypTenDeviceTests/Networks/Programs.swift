import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRuntime

/// What sessions on devices run: programs whose every number follows from a seed.
enum Programs {
    /// Numbers in [−1, 1].
    private static func numbers(_ shape: Shape, seed: UInt64) -> Tensor {
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

    /// ResNet-50 with one image of 224 × 224, of weights that are held.
    @Sendable static func resNet50(_ session: Session) async throws -> [Double] {
        try await infer(session, ResNet.resNet50(), try await input(session, [1, 3, 224, 224]))
    }

    @Sendable static func resNet18(_ session: Session) async throws -> [Double] {
        try await infer(session, ResNet.resNet18(), try await input(session, [1, 3, 224, 224]))
    }

    /// BERT-base with a text of 128 words, whose vectors are an input.
    @Sendable static func bertBase(_ session: Session) async throws -> [Double] {
        var network = BERT()
        try await session.initialize(&network, owner: .party(1), seed: 3)
        let words = CrypTensor(constant: Tensor((0..<128).map { $0 * 37 % 30_522 }, shape: [1, 128]))
        return try await session.reveal(network.eval()(words), to: .all)?.doubles ?? []
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
