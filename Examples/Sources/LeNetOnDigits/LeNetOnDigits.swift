import ArgumentParser
import CrypTen
import ExampleSupport

/// LeNet, trained on digits that one party has and labels that another has.
@main
struct LeNetOnDigits: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "LeNetOnDigits",
        abstract: "LeNet, trained on digits of one party and labels of another.",
        discussion: """
            Party 0 has the images, party 1 the labels; nobody has the weights. All learn the loss of each step and, after each epoch, \
            how many test images are recognised. The same training in the clear runs beside it.
            """
    )

    @Option(help: "Images (.npy) of 8 × 8 or 28 × 28 points, whole numbers up to 255 or reals up to 1; party 0's.")
    var images = repositoryFile("Sources/CrypTenTool/Resources/digits/x_test.npy")

    @Option(help: "Their labels (.npy), whole numbers 0 to 9; party 1's.")
    var labels = repositoryFile("Sources/CrypTenTool/Resources/digits/y_test.npy")

    @Option(help: "How many of the images are learnt from: the first ones.")
    var training = 256

    @Option(help: "How many of the images after those are for tests.")
    var test = 104

    @Option(help: "How many parties there are.")
    var parties = 2

    @Option(help: "How often all images are seen.")
    var epochs = 6

    @Option(help: "How many images a step sees.")
    var batchSize = 32

    @Option(help: "How long steps are.")
    var learningRate = 0.003

    @Option(help: "What the first weights and the batches follow from.")
    var seed: UInt64 = 3

    func validate() throws {
        guard parties >= 2, epochs >= 1, training >= batchSize, batchSize >= 1, test >= 1 else {
            throw ValidationError(
                "there are two parties or more, an epoch, a batch of images to learn from, and one to test with"
            )
        }
    }

    func run() async throws {
        let digits = try Digits(images: images, labels: labels, training: training, test: test)
        let order = BatchOrder(count: training, batchSize: batchSize, seed: seed, dropsLast: true)
        print(
            "party 0 has \(training + test) images, party 1 their labels; the weights are shared among \(parties) parties"
        )
        print(
            "a batch is \(batchSize) images, an epoch \(order.batchesPerEpoch) batches, and \(test) images are for tests"
        )

        let clear = try trainInTheClear(digits, order)
        let headings = ["epoch", "loss between parties", "in the clear", "recognised between parties", "in the clear"]
        print(headings.map { "  " + $0 }.joined())
        let told = try await withLocalParties(parties) { session in
            let course = try await train(digits, order, on: session) { epoch, loss, right in
                let cells = ["\(epoch + 1)", fixed(loss, 3), fixed(clear.losses[epoch], 3), percent(right)]
                if session.party == .party(0) {
                    print(row(cells + [percent(clear.recognised[epoch])], under: headings))
                }
            }
            return (course: course, spent: try await session.statistics)
        }
        print(summary(of: told.map(\.spent)))
        try check(told[0].course, against: clear)
    }

    /// Losses, on average of an epoch's steps, and which parts of the test images are recognised after the epochs.
    struct Course: Sendable {
        var firstLoss = 0.0
        var losses: [Double] = []
        var recognised: [Double] = []
    }

    /// Training between parties.
    private func train(
        _ digits: Digits,
        _ order: BatchOrder,
        on session: Session,
        _ report: (_ epoch: Int, _ loss: Double, _ recognised: Double) -> Void
    ) async throws -> Course {
        func input(_ owner: PartyID, _ tensor: Tensor) async throws -> CrypTensor {
            try await session.input(from: owner) { tensor }
        }
        let data = try await TensorDataset(
            input(.party(0), digits.trainingImages),
            input(.party(1), digits.trainingLabels),
            on: session
        )
        let tests = try await TensorDataset(
            input(.party(0), digits.testImages),
            input(.party(1), digits.testLabels),
            on: session
        )
        var trainer = trainer
        try await session.initialize(&trainer.model, owner: .party(0), seed: seed)
        try await trainer.begin(on: session)
        var course = Course()
        for epoch in 0..<epochs {
            var losses: [Double] = []
            for rows in order.batches(ofEpoch: epoch) {
                losses.append(try await trainer.step(on: data[rows], session, revealingLossTo: .all) ?? .nan)
            }
            let right = accuracy(trainer.model.eval()(tests.tensors[0]), labels: tests.tensors[1])
            let recognised = try await session.reveal(right, to: .all)?.doubles[0] ?? .nan
            course.add(losses, recognised)
            report(epoch, course.losses[epoch], recognised)
        }
        return course
    }

    /// The same steps by somebody who sees all of it.
    private func trainInTheClear(_ digits: Digits, _ order: BatchOrder) throws -> Course {
        let (images, labels) = (
            CrypTensor(constant: digits.trainingImages), CrypTensor(constant: digits.trainingLabels)
        )
        var trainer = trainer
        try trainer.model.initializeInTheClear(seed: seed)
        var course = Course()
        for epoch in 0..<epochs {
            let losses = try order.batches(ofEpoch: epoch).map { rows in
                try trainer.stepInTheClear(on: [images.rows(rows), labels.rows(rows)])
            }
            let scores = trainer.model.eval()(CrypTensor(constant: digits.testImages))
            course.add(losses, digits.recognised(by: try valuesInTheClear(of: [scores])[0]))
        }
        return course
    }

    private var trainer: Trainer<LeNet> {
        Trainer(LeNet(), Adam(learningRate: learningRate)) { network, batch in
            crossEntropy(network(batch[0]), labels: batch[1])
        }
    }

    /// The first loss is of the same weights and images. Later ones drift apart, for steps amplify every rounding, as they do in the clear.
    private func check(_ course: Course, against clear: Course) throws {
        try require(abs(course.firstLoss - clear.firstLoss) < 0.005, "the first step's loss isn't the clear one's")
        let (last, expected) = (course.recognised[epochs - 1], clear.recognised[epochs - 1])
        try require(
            abs(last - expected) <= 0.08,
            "\(percent(last)) are recognised, and \(percent(expected)) in the clear"
        )
    }
}

extension LeNetOnDigits.Course {
    /// An epoch's steps, and its test.
    fileprivate mutating func add(_ losses: [Double], _ recognised: Double) {
        if self.losses.isEmpty { firstLoss = losses[0] }
        self.losses.append(losses.reduce(0, +) / Double(losses.count))
        self.recognised.append(recognised)
    }
}
