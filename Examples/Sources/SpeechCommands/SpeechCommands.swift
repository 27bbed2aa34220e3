import ArgumentParser
import CrypTen
import ExampleSupport

/// Two parties' recordings train a Wav2Letter that tells commands apart; nobody hears the other's, and nobody sees the network.
@main
struct SpeechCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "SpeechCommands",
        abstract: "Speech commands, trained with Wav2Letter on the recordings of two parties.",
        discussion: """
            Parties 0 and 1 have half of the recordings each and make features of their own; which command a recording is, its owner knows. The
            same network is trained in the clear, and both runs' losses and accuracies are compared.
            """
    )

    @Option(help: "How many parties; those beyond two only compute.")
    var parties = 2
    @Option(help: "How many recordings to train on; half as many are for the test.")
    var rows = 192
    @Option(help: "How often each recording is heard.")
    var epochs = 6
    @Option(help: "Recordings in a step.")
    var batchSize = 16
    @Option(help: "Channels of the network's convolutions; the last but one has eight times as many.")
    var width = 8
    @Option(help: "Adam's learning rate.")
    var learningRate = 0.001
    @Option(help: "What made-up recordings, first weights and the batches' order follow from.")
    var seed: UInt64 = 1
    @Option(
        help: "A folder with x_train_i8.npy, y_train.npy, x_test_i8.npy and y_test.npy instead of made-up recordings."
    )
    var data: String?

    func validate() throws {
        guard rows >= 4, epochs > 0, batchSize > 0 else {
            throw ValidationError(
                "there are four recordings or more to train on, one epoch or more, and one of them or more in a step"
            )
        }
    }

    func run() async throws {
        let commands = try data.map { try Commands(folder: $0, rows: rows) } ?? Commands(seed: seed, rows: rows)
        let shape = commands.train.shape
        let order = BatchOrder(count: shape[0], batchSize: batchSize, seed: seed)
        print(
            """
            Parties 0 and 1 have \(shape[0] / 2) and \(shape[0] - shape[0] / 2) recordings of \(commands.count) commands, each \(shape[1]) bands at \(shape[2]) times,
            and know which command each of their own is. Nobody sees the trained network.

            """
        )
        let plain = try trainInTheClear(commands, order)
        let moved = try trainInTheClear(commands, order, weightsMovedBy: 0x1p-17)
        let change = zip(plain.losses, moved.losses).reduce(0) { max($0, abs($1.0 - $1.1)) }
        let told = try await withLocalParties(parties) { try await trainInSecret(commands, order, $0) }
        let secret = told[0]
        print("Losses:")
        var comparison = Comparison()
        comparison.losses(secret: secret.losses, plain: plain.losses, within: max(0.25, 10 * change))
        print("  in the clear, first weights that are larger by 2^-17 change losses by up to \(fixed(change, 5))")
        let right = { share(of: $0, equalTo: commands.testLabels) }
        comparison.shares("test accuracy", secret: right(secret.answers), plain: right(plain.answers), within: 0.2)
        print("Training: \(summary(of: told.map(\.training)))")
        print("A step: \(summary(of: told.map(\.training), perStepOf: secret.losses.count))")
        print("\(commands.testLabels.count) recordings of party 0 recognised: \(summary(of: told.map(\.inference)))")
        try comparison.finish()
    }

    /// What one party learns, and what it cost.
    struct Outcome: Sendable {
        var losses: [Double]
        var answers: [Int]
        var training: SessionStatistics
        var inference: SessionStatistics
    }

    /// The network as party 0 begins it; it says at each time how likely each command is, and the loss is that of the mean of the times' logarithms.
    func begun(_ commands: Commands) throws -> Trainer<Wav2Letter> {
        let model = Wav2Letter(classes: commands.count, input: .features(commands.train.shape[1]), width: width)
        var trainer = Trainer(model, Adam(learningRate: learningRate)) { model, batch in
            crossEntropy(model(batch[0]).mean(axis: 2), labels: batch[1])
        }
        try trainer.model.initializeInTheClear(seed: seed)
        // Weights √6 times as large as PyTorch's keep the size of values from one ReLU to the next, and there are eleven (He and others 2015). The
        // scores pass the last one: they begin above its edge, so that no command is lost at once.
        let scores = trainer.model.parameters.names.last
        trainer.model.parameters = trainer.model.parameters.mapTensors { name, tensor in
            name.hasSuffix("weight") ? tensor * 6.0.squareRoot() : tensor * 0.0 + (name == scores ? 2.0 : 0.0)
        }
        return trainer
    }

    func trainInSecret(_ commands: Commands, _ order: BatchOrder, _ session: Session) async throws -> Outcome {
        var (features, labels): ([CrypTensor], [CrypTensor]) = ([], [])
        let half = commands.train.shape[0] / 2
        for (owner, rows) in [(0, 0..<half), (1, half..<commands.train.shape[0])] {
            features.append(
                try await session.input(from: PartyID(owner), name: "features") { commands.train.rows(rows) }
            )
            labels.append(
                try await session.input(from: PartyID(owner), name: "labels") {
                    commands.oneHot(Array(commands.trainLabels[rows]))
                }
            )
        }
        let data = try await TensorDataset(joined(rows: features), joined(rows: labels), on: session)
        var trainer = try begun(commands)
        trainer.model = try await trainer.model.shared(from: .party(0), on: session)
        try await trainer.begin(on: session)
        var losses: [Double] = []
        for epoch in 0..<epochs {
            for batch in order.batches(ofEpoch: epoch) {
                losses.append(try await trainer.step(on: data[batch], session, revealingLossTo: .all) ?? .nan)
            }
        }
        let training = try await session.statistics
        let heard = try await session.input(from: .party(0), name: "heard") { commands.test }
        let answers = argmax(trainer.model.eval()(heard).mean(axis: 2), axis: 1)
        let told = try await session.reveal(answers, to: .party(0))
        return Outcome(
            losses: losses,
            answers: told?.integers?.map { Int($0) } ?? [],
            training: training,
            inference: try await session.statistics - training
        )
    }

    func trainInTheClear(
        _ commands: Commands,
        _ order: BatchOrder,
        weightsMovedBy shift: Double = 0
    ) throws -> (losses: [Double], answers: [Int]) {
        let features = CrypTensor(constant: commands.train)
        let labels = CrypTensor(constant: commands.oneHot(commands.trainLabels))
        var trainer = try begun(commands)
        trainer.model.parameters = trainer.model.parameters.mapTensors { $0.tensor + shift }
        var losses: [Double] = []
        for epoch in 0..<epochs {
            for batch in order.batches(ofEpoch: epoch) {
                losses.append(try trainer.stepInTheClear(on: [features.rows(batch), labels.rows(batch)]))
            }
        }
        let answers = argmax(trainer.model.eval()(CrypTensor(constant: commands.test)).mean(axis: 2), axis: 1)
        let told = try valuesInTheClear(of: [answers])[0].integers?.map { Int($0) } ?? []
        return (losses, told)
    }
}
