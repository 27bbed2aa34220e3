import ArgumentParser
import CrypTen
import ExampleSupport

/// Logistic regression on columns that several parties have of the same people.
@main
struct VerticalLogisticRegression: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "VerticalLogisticRegression",
        abstract: "A bank and shops score people of whom each has other columns.",
        discussion: """
            Party 0, the bank, has some columns and who didn't pay; the other parties, shops, have the rest of the columns, of the same people \
            in the same order. The bank alone learns the losses and the area under the curve of people who were kept apart.
            """
    )

    enum Method: String, CaseIterable, ExpressibleByArgument {
        case adam, sgd

        var optimizer: any Optimizer {
            switch self {
            case .adam: Adam(learningRate: 0.05)
            case .sgd: SGD(learningRate: 0.5, momentum: 0.9)
            }
        }
    }

    @Option(help: "How many parties there are: the bank and shops.")
    var parties = 2

    @Option(help: "How many people are learnt from.")
    var training = 320

    @Option(help: "How many are for the test.")
    var test = 120

    @Option(help: "How many columns all parties have together.")
    var columns = 12

    @Option(help: "How steps are taken: adam or sgd.")
    var optimizer = Method.adam

    @Option(help: "How often all people are seen.")
    var epochs = 8

    @Option(help: "How many people a step sees.")
    var batchSize = 40

    @Option(help: "What the people, the first weights and the batches follow from.")
    var seed: UInt64 = 5

    func validate() throws {
        guard parties >= 2, columns >= parties, batchSize >= 1, training >= batchSize, test >= 1, epochs >= 1 else {
            throw ValidationError(
                "there are two parties or more, a column for each, a batch of people, one for the test, and an epoch"
            )
        }
    }

    func run() async throws {
        let people = People(count: training + test, columns: columns, seed: seed)
        let order = BatchOrder(count: training, batchSize: batchSize, seed: seed, dropsLast: true)
        for (party, part) in evenParts(of: columns, among: parties).enumerated() {
            let more = party == 0 ? ", the bank, and who didn't pay" : ", a shop"
            print(
                "party \(party) has columns \(part.lowerBound + 1) to \(part.upperBound) of \(training + test) people\(more)"
            )
        }
        let clear = try trainInTheClear(on: people, order)
        let told = try await withLocalParties(parties) { session in
            let course = try await train(on: people, order, on: session)
            return (course: course, spent: try await session.statistics)
        }
        guard let bank = told[0].course else { throw Failure("the bank was told nothing") }
        let headings = ["epoch", "loss the bank learns", "in the clear"]
        print(headings.map { "  " + $0 }.joined())
        for (epoch, (secret, plain)) in zip(bank.losses, clear.losses).enumerated() {
            print(row(["\(epoch + 1)", fixed(secret, 4), fixed(plain, 4)], under: headings))
        }
        print(
            "area under the curve that the bank learns: \(fixed(bank.area, 4)); in the clear: \(fixed(clear.area, 4))"
        )
        print(summary(of: told.map(\.spent)))
        try require(told.dropFirst().allSatisfy { $0.course == nil }, "a shop was told what is the bank's")
        let worst = zip(bank.losses, clear.losses).map { abs($0 - $1) }.max() ?? .nan
        try require(worst < 0.001, "a loss is \(worst) from the clear one")
        try require(abs(bank.area - clear.area) < 0.002, "the area isn't the clear one")
    }

    /// Losses, on average of an epoch's steps, and the area under the curve after the last.
    struct Course: Sendable {
        var losses: [Double]
        var area: Double
    }

    /// Training between parties; nil at those that aren't the bank.
    private func train(on people: People, _ order: BatchOrder, on session: Session) async throws -> Course? {
        let bank = PartyID.party(0)
        var parts: [CrypTensor] = []
        for (party, columns) in evenParts(of: columns, among: session.partyCount).enumerated() {
            parts.append(
                try await session.input(from: PartyID(party), name: "columns of party \(party)") {
                    people.columns.columns(columns)
                }
            )
        }
        let unpaid = try await session.input(from: bank, name: "unpaid") { people.unpaid }
        let data = try await TensorDataset(joined(columns: parts), unpaid, on: session)

        var trainer = trainer
        try await session.initialize(&trainer.model, owner: bank, seed: seed)
        try await trainer.begin(on: session)
        var losses: [Double] = []
        for epoch in 0..<epochs {
            var ofSteps: [Double] = []
            for rows in order.batches(ofEpoch: epoch) {
                let told = try await trainer.step(on: data[rows], session, revealingLossTo: .party(0))
                if let told { ofSteps.append(told) }
            }
            losses.append(ofSteps.reduce(0, +) / Double(order.batchesPerEpoch))
        }
        let tests = data[Array(training..<training + test)]
        let area = areaUnderROC(trainer.model.eval()(tests[0]), labels: tests[1])
        return try await session.reveal(area, to: .party(0)).map { Course(losses: losses, area: $0.doubles[0]) }
    }

    /// The same steps by somebody who sees all columns.
    private func trainInTheClear(on people: People, _ order: BatchOrder) throws -> Course {
        let (columns, unpaid) = (CrypTensor(constant: people.columns), CrypTensor(constant: people.unpaid))
        var trainer = trainer
        try trainer.model.initializeInTheClear(seed: seed)
        var losses: [Double] = []
        for epoch in 0..<epochs {
            let ofSteps = try order.batches(ofEpoch: epoch).map { rows in
                try trainer.stepInTheClear(on: [columns.rows(rows), unpaid.rows(rows)])
            }
            losses.append(ofSteps.reduce(0, +) / Double(order.batchesPerEpoch))
        }
        let tests = Array(training..<training + test)
        let scores = try valuesInTheClear(of: [trainer.model.eval()(columns.rows(tests))])[0]
        return Course(losses: losses, area: people.unpaid.rows(tests).areaUnderCurve(of: scores))
    }

    /// Of scores the loss is how far they are from telling who doesn't pay.
    private var trainer: Trainer<Linear> {
        Trainer(Linear(columns, 1), optimizer.optimizer) { scores, batch in
            binaryCrossEntropyWithLogits(scores(batch[0]).flatten(), batch[1])
        }
    }
}
