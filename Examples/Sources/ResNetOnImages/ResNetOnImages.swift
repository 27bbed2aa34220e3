import ArgumentParser
import CrypTen
import ExampleSupport

/// Steps of training ResNet-18 on one party's images with another's labels, beside the same steps in the clear.
@main
struct ResNetOnImages: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ResNetOnImages",
        abstract: "ResNet-18 on images of 32 × 32 pixels, trained step by step.",
        discussion: """
            Party 0 has images, party 1 their labels and the network's first weights: 11 million of them in ResNet-18, fewer with --width. Each
            step's loss is told to both, and compared with the loss of the same step in the clear.
            """
    )

    @Option(help: "How many parties; those beyond two only compute.")
    var parties = 2
    @Option(help: "How many steps.")
    var steps = 2
    @Option(help: "Images in a step.")
    var batchSize = 4
    @Option(help: "Channels of the first layer: 64 are ResNet-18's, 8 a network of 175,000 weights.")
    var width = 64
    @Option(help: "The learning rate of gradient descent with momentum 0.9.")
    var learningRate = 0.01
    @Option(help: "What images, labels and first weights follow from.")
    var seed: UInt64 = 1

    func validate() throws {
        guard batchSize > 1, steps > 0, width > 0 else {
            throw ValidationError(
                "a step takes two images or more, for batch normalisation, and there is one step or more"
            )
        }
    }

    func run() async throws {
        // One batch after the other, each seen once.
        let images = Images(count: steps * batchSize, seed: seed)
        if width == 64 {
            try await train(ResNet.resNet18(classes: images.classes, smallImages: true), on: images)
        } else {
            try await train(ThinResNet(width: width, classes: images.classes), on: images)
        }
    }

    /// Trains a network in the clear and in secret, and compares.
    func train<Network: Layer>(_ network: Network, on images: Images) async throws {
        var first = trainer(network)
        try first.model.initializeInTheClear(seed: seed)
        let weights = first.model.parameters.elementCount
        print(
            """
            Party 0 has \(images.pixels.shape[0]) images of 3 × 32 × 32 pixels, party 1 their labels and a network of \(weights) weights.

            """
        )
        var clear = first
        let batches = (0..<steps).map { step in Array(step * batchSize..<(step + 1) * batchSize) }
        let (pixels, labels) = (CrypTensor(constant: images.pixels), CrypTensor(constant: images.labels))
        let start = ContinuousClock.now
        let plain = try batches.map { try clear.stepInTheClear(on: [pixels.rows($0), labels.rows($0)]) }
        print("In the clear: \(plain.count) steps in \(ContinuousClock.now - start)")

        let begun = first
        let told = try await withLocalParties(parties) { session in
            var trainer = begun
            trainer.model = try await begun.model.shared(from: .party(1), on: session)
            let data = try await TensorDataset(
                try await session.input(from: .party(0), name: "images") { images.pixels },
                try await session.input(from: .party(1), name: "labels") { images.labels },
                on: session
            )
            try await trainer.begin(on: session)
            let setup = try await session.statistics
            var losses: [Double] = []
            for rows in batches {
                losses.append(try await trainer.step(on: data[rows], session, revealingLossTo: .all) ?? .nan)
                if session.party == .party(0) {
                    print("In secret: step \(losses.count), loss \(fixed(losses.last!, 4))")
                }
            }
            return (losses: losses, setup: setup, training: try await session.statistics - setup)
        }
        print("\nLosses:")
        var comparison = Comparison()
        comparison.losses(secret: told[0].losses, plain: plain, within: 0.05)
        print("Weights and data, once: \(summary(of: told.map(\.setup)))")
        print("Training: \(summary(of: told.map(\.training)))")
        print("A step: \(summary(of: told.map(\.training), perStepOf: steps))")
        try comparison.finish()
    }

    func trainer<Network: Layer>(_ network: Network) -> Trainer<Network> {
        Trainer(network, SGD(learningRate: learningRate, momentum: 0.9)) { model, batch in
            crossEntropy(model(batch[0]), labels: batch[1])
        }
    }
}

/// Made-up images, shaped as CIFAR-10's: a bright square on noise, whose place is the class.
struct Images: Sendable {
    let classes = 10
    let pixels: Tensor
    let labels: Tensor

    init(count: Int, seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        let classOf = (0..<count).map { _ in numbers.index(below: 10) }
        let values = classOf.flatMap { label in
            (0..<3 * 32 * 32).map { place in
                let (row, column) = (place / 32 % 32, place % 32)
                let isInside = (row / 16, column / 7) == (label / 5, min(label % 5, 4))
                return (isInside ? 1 : 0) + 0.5 * numbers.normal()
            }
        }
        pixels = Tensor(values, shape: [count, 3, 32, 32])
        labels = Tensor(classOf.flatMap { label in (0..<10).map { $0 == label ? 1 : 0 } }, shape: [count, 10])
    }
}
