import ArgumentParser
import CrypTen
import ExampleSupport

/// One party's transformer learns another's task: its last layers are trained on data that its owner doesn't see.
@main
struct FineTuning: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "FineTuning",
        abstract: "Fine-tuning of a transformer's last layers.",
        discussion: """
            Party 0 has a vision transformer that it has trained on images of its own. Party 1 has images of another task. The last layer,
            its normalisation and the scores are trained on these in secret; the layers before stay what they are.
            """
    )

    @Option(help: "How many parties; those beyond two only compute.")
    var parties = 2
    @Option(help: "How many images party 1 has; half as many more are for the test.")
    var rows = 160
    @Option(help: "How often each is seen.")
    var epochs = 6
    @Option(help: "Images in a step.")
    var batchSize = 16
    @Option(help: "Adam's learning rate.")
    var learningRate = 0.01
    @Option(help: "What images, first weights and the batches' order follow from.")
    var seed: UInt64 = 1

    /// The names of what is trained; all other weights stay what they are, and no gradient of theirs is computed.
    func isTrained(_ name: String) -> Bool {
        ["heads.head.", "encoder.ln.", "encoder.layers.encoder_layer_1.mlp."].contains { name.hasPrefix($0) }
    }

    func validate() throws {
        guard rows >= 4, epochs > 0, batchSize > 0 else {
            throw ValidationError(
                "there are four images or more to train on, one epoch or more, and one of them or more in a step"
            )
        }
    }

    func run() async throws {
        let pretrained = try pretrain()
        let (own, test) = (
            Stripes(.between, count: rows, seed: seed + 1),
            Stripes(.between, count: rows / 2, seed: seed + 2)
        )
        let trainer = trainer(pretrained)
        let (all, some) = (pretrained.parameters, pretrained.parameters.filter { isTrained($0.name) })
        print(
            """
            Party 1 has \(rows) images of another task. Of party 0's \(all.count) tensors \(some.count) are trained on them, which are
            \(some.reduce(0) { $0 + $1.tensor.count }) of \(all.elementCount) weights. Nobody sees the trained ones.

            """
        )
        let plain = try trainInTheClear(trainer, own, test)
        let told = try await withLocalParties(parties) { session in
            try await trainInSecret(trainer, own, test, session)
        }
        let secret = told[1].outcome
        print("Losses:")
        var comparison = Comparison()
        comparison.losses(secret: secret.losses, plain: plain.losses, within: 0.05)
        comparison.shares("test accuracy before", secret: secret.before, plain: plain.before, within: 0.03)
        comparison.shares("test accuracy after", secret: secret.after, plain: plain.after, within: 0.05)
        print("Weights and data, once, and a first test: \(summary(of: told.map(\.setup)))")
        print("Training: \(summary(of: told.map(\.training)))")
        print("A step: \(summary(of: told.map(\.training), perStepOf: secret.losses.count))")
        try comparison.finish()
    }

    /// Losses, and accuracies on the test images before and after.
    struct Outcome: Sendable {
        var losses: [Double] = []
        var (before, after) = (0.0, 0.0)
    }

    /// What party 0 did beforehand, on its own: a transformer of two layers that tells the directions of stripes.
    func pretrain() throws -> VisionTransformer {
        let network = VisionTransformer(
            imageSize: 16,
            patchSize: 4,
            layers: 2,
            heads: 2,
            width: 16,
            feedForwardWidth: 32,
            classes: Stripes.classes
        )
        var trainer = Trainer(network, Adam(learningRate: 0.005)) { model, batch in
            crossEntropy(model(batch[0]), labels: batch[1])
        }
        try trainer.model.initializeInTheClear(seed: seed)
        let images = Stripes(.main, count: 256, seed: seed)
        let (pixels, labels) = (CrypTensor(constant: images.images), CrypTensor(constant: images.oneHot))
        let order = BatchOrder(count: 256, batchSize: 32, seed: seed)
        for batch in (0..<8).flatMap({ order.batches(ofEpoch: $0) }) {
            try trainer.stepInTheClear(on: [pixels.rows(batch), labels.rows(batch)])
        }
        let scores = try valuesInTheClear(of: [trainer.model.eval()(pixels)])[0]
        print(
            "Party 0 has trained a transformer on images of its own: \(Int(100 * images.accuracy(of: scores))) % of them are right."
        )
        return trainer.model
    }

    func trainer(_ model: VisionTransformer) -> Trainer<VisionTransformer> {
        var trainer = Trainer(model, Adam(learningRate: learningRate)) { model, batch in
            crossEntropy(model(batch[0]), labels: batch[1])
        }
        trainer.trained = Set(model.parameters.names.filter(isTrained))
        return trainer
    }

    var batches: [[Int]] {
        let order = BatchOrder(count: rows, batchSize: batchSize, seed: seed)
        return (0..<epochs).flatMap { order.batches(ofEpoch: $0) }
    }

    func trainInSecret(
        _ first: Trainer<VisionTransformer>,
        _ own: Stripes,
        _ test: Stripes,
        _ session: Session
    ) async throws -> (outcome: Outcome, setup: SessionStatistics, training: SessionStatistics) {
        var (outcome, trainer) = (Outcome(), first)
        // Read at party 0 alone: the others take part with their shares of it.
        trainer.model = try await first.model.shared(from: .party(0), on: session)
        let data = try await TensorDataset(
            try await session.input(from: .party(1), name: "images") { own.images },
            try await session.input(from: .party(1), name: "labels") { own.oneHot },
            on: session
        )
        let held = try await session.hold([try await session.input(from: .party(1), name: "test") { test.images }])
        try await trainer.begin(on: session)
        func accuracy() async throws -> Double {
            let scores = try await session.reveal(trainer.model.eval()(held[0]), to: .party(1))
            return scores.map { test.accuracy(of: $0) } ?? .nan
        }
        outcome.before = try await accuracy()
        let setup = try await session.statistics
        for batch in batches {
            let loss = try await trainer.step(on: data[batch], session, revealingLossTo: .party(1))
            outcome.losses.append(loss ?? .nan)
        }
        let training = try await session.statistics - setup
        outcome.after = try await accuracy()
        return (outcome, setup, training)
    }

    func trainInTheClear(_ first: Trainer<VisionTransformer>, _ own: Stripes, _ test: Stripes) throws -> Outcome {
        var (outcome, trainer) = (Outcome(), first)
        let (pixels, labels) = (CrypTensor(constant: own.images), CrypTensor(constant: own.oneHot))
        func accuracy() throws -> Double {
            test.accuracy(of: try valuesInTheClear(of: [trainer.model.eval()(CrypTensor(constant: test.images))])[0])
        }
        outcome.before = try accuracy()
        for batch in batches {
            outcome.losses.append(try trainer.stepInTheClear(on: [pixels.rows(batch), labels.rows(batch)]))
        }
        outcome.after = try accuracy()
        return outcome
    }
}
