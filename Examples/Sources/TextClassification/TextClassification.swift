import ArgumentParser
import CrypTen
import ExampleSupport

/// One party's texts and another's topics train a network that none of them sees, and that then says the topics of texts which nobody else can read.
@main
struct TextClassification: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "TextClassification",
        abstract: "Text classification, trained and used on secret word numbers.",
        discussion: """
            Party 0 has texts, party 1 their topics. Party 0 draws the network's first weights; after the first step nobody knows them. The
            same network is trained in the clear, and both runs' losses and accuracies are compared.
            """
    )

    @Option(help: "How many parties; those beyond two only compute.")
    var parties = 2
    @Option(help: "How many texts to train on; half as many are for the test.")
    var rows = 320
    @Option(help: "How often each text is read.")
    var epochs = 3
    @Option(help: "Texts in a step.")
    var batchSize = 32
    @Option(help: "Adam's learning rate.")
    var learningRate = 0.05
    @Option(help: "What made-up texts, first weights and the batches' order follow from.")
    var seed: UInt64 = 1
    @Option(help: "A folder with x_train.npy, y_train.npy, x_test.npy and y_test.npy instead of made-up texts.")
    var data: String?

    func validate() throws {
        guard rows >= 4, epochs > 0, batchSize > 0 else {
            throw ValidationError(
                "there are four texts or more to train on, one epoch or more, and one of them or more in a step"
            )
        }
    }

    func run() async throws {
        let texts = try data.map { try Texts(folder: $0, rows: rows) } ?? Texts(seed: seed, rows: rows)
        let order = BatchOrder(count: texts.train.count, batchSize: batchSize, seed: seed)
        print(
            """
            Party 0 has \(texts.train.count) texts of \(texts.length) words out of \(texts.wordCount), and enters how often each word is in a text.
            Party 1 has their topics, each 1 of \(texts.topicCount). Nobody sees the trained network.

            """
        )
        let plain = try trainInTheClear(texts, order)
        let told = try await withLocalParties(parties) { try await trainInSecret(texts, order, $0) }
        let secret = told[0]
        print("Losses:")
        var comparison = Comparison()
        comparison.losses(secret: secret.losses, plain: plain.losses, within: 0.01)
        let right = { share(of: $0, equalTo: texts.testTopics) }
        comparison.shares("test accuracy", secret: right(secret.topics), plain: right(plain.topics), within: 0.015)
        print("Topics of the first texts, which party 0 alone learns: \(secret.topics.prefix(8))")
        print("Training: \(summary(of: told.map(\.training)))")
        print("A step: \(summary(of: told.map(\.training), perStepOf: secret.losses.count))")
        print("\(texts.test.count) texts classified: \(summary(of: told.map(\.inference)))")
        try comparison.finish()
    }

    /// What one party learns, and what it cost.
    struct Outcome: Sendable {
        var losses: [Double]
        var topics: [Int]
        var training: SessionStatistics
        var inference: SessionStatistics
    }

    func trainer(_ texts: Texts) throws -> Trainer<MeanOfWords> {
        let model = MeanOfWords(words: texts.wordCount, length: texts.length, topics: texts.topicCount)
        return Trainer(model, Adam(learningRate: learningRate)) { model, batch in
            crossEntropy(model(batch[0]), labels: batch[1])
        }
    }

    func trainInSecret(_ texts: Texts, _ order: BatchOrder, _ session: Session) async throws -> Outcome {
        let counts = try await session.input(from: .party(0), name: "texts") { texts.counts(of: texts.train) }
        let topics = try await session.input(from: .party(1), name: "topics") { texts.labels(of: texts.trainTopics) }
        let rows = try await TensorDataset(counts, topics, on: session)
        var trainer = try trainer(texts)
        try await session.initialize(&trainer.model, owner: .party(0), seed: seed)
        try await trainer.begin(on: session)
        var losses: [Double] = []
        for epoch in 0..<epochs {
            for batch in order.batches(ofEpoch: epoch) {
                losses.append(try await trainer.step(on: rows[batch], session, revealingLossTo: .all) ?? .nan)
            }
        }
        let training = try await session.statistics
        let queries = try await session.input(from: .party(0), name: "queries") { texts.counts(of: texts.test) }
        let answers = argmax(trainer.model.eval()(queries), axis: 1)
        let told = try await session.reveal(answers, to: .party(0))
        return Outcome(
            losses: losses,
            topics: told?.integers?.map { Int($0) } ?? [],
            training: training,
            inference: try await session.statistics - training
        )
    }

    func trainInTheClear(_ texts: Texts, _ order: BatchOrder) throws -> (losses: [Double], topics: [Int]) {
        let counts = CrypTensor(constant: texts.counts(of: texts.train))
        let topics = CrypTensor(constant: texts.labels(of: texts.trainTopics))
        var trainer = try trainer(texts)
        try trainer.model.initializeInTheClear(seed: seed)
        var losses: [Double] = []
        for epoch in 0..<epochs {
            for batch in order.batches(ofEpoch: epoch) {
                losses.append(try trainer.stepInTheClear(on: [counts.rows(batch), topics.rows(batch)]))
            }
        }
        let answers = argmax(trainer.model.eval()(CrypTensor(constant: texts.counts(of: texts.test))), axis: 1)
        let told = try valuesInTheClear(of: [answers])[0].integers?.map { Int($0) } ?? []
        return (losses, told)
    }
}

/// A vector for each word; of a text's vectors the mean; and a score for each topic.
struct MeanOfWords: CompositeModule, Layer {
    var embedding: Embedding
    var output: Linear
    private let length: Int

    static var children: [Child<Self>] { [Child("embedding", \.embedding), Child("output", \.output)] }

    init(words: Int, length: Int, topics: Int, width: Int = 16) {
        embedding = Embedding(words, width)
        output = Linear(width, topics)
        self.length = length
    }

    /// Scores `[N, topics]` of how often each word is in a text, `[N, words]`: counts times vectors add up to the sum of the words' vectors.
    func callAsFunction(_ counts: CrypTensor) -> CrypTensor {
        let sums = withLayer("embedding") { embedding(oneHot: counts) }
        return withLayer("output") { output(sums * (1 / Double(length))) }
    }
}
