import ArgumentParser
import CrypTen
import ExampleSupport

/// A linear support vector machine whose labels, columns, rows or weights one party hides from the other.
@main
struct LinearSVM: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "LinearSVM",
        abstract: "A linear support vector machine whose labels, columns, rows or weights are hidden.",
        discussion: "The accuracy of every epoch is told to all, beside that of the same training in the clear."
    )

    @Option(help: "What is hidden: labels, features, rows or model.")
    var hidden = Hidden.labels

    @Option(help: "How many parties there are.")
    var parties = 2

    @Option(help: "How many examples there are.")
    var examples = 100

    @Option(help: "How many numbers an example has.")
    var features = 100

    @Option(help: "How often all examples are seen.")
    var epochs = 50

    @Option(help: "How long steps are.")
    var learningRate = 0.5

    @Option(help: "What the data and the first weights follow from.")
    var seed: UInt64 = 1

    func validate() throws {
        guard examples >= parties, features >= parties, parties >= 2, epochs >= 1 else {
            throw ValidationError("there are two parties or more, an example and a feature for each, and an epoch")
        }
    }

    func run() async throws {
        print(hidden.roles(of: parties))
        let points = LabelledPoints(count: examples, features: features, seed: seed)
        if hidden == .model { try await evaluate(on: points) } else { try await train(on: points) }
    }

    /// Training on what no party has alone.
    private func train(on points: LabelledPoints) async throws {
        let plain = try trainInTheClear(on: points).accuracies
        let told = try await withLocalParties(parties) { session in
            let data = try await hidden.data(of: points, on: session)
            var trainer = trainer
            try await session.initialize(&trainer.model, owner: .party(0), seed: seed)
            try await trainer.begin(on: session)
            var accuracies: [Double] = []
            for _ in 0..<epochs {
                _ = try await trainer.step(on: data.tensors, session)
                let right = binaryAccuracy(trainer.model(data.tensors[0]), labels: data.tensors[1])
                accuracies.append(try await session.reveal(right, to: .all)?.doubles[0] ?? .nan)
            }
            return (accuracies: accuracies, spent: try await session.statistics)
        }
        let headings = ["epoch", "between parties", "in the clear"]
        print(headings.map { "  " + $0 }.joined())
        for (epoch, (secret, clear)) in zip(told[0].accuracies, plain).enumerated() {
            print(row(["\(epoch + 1)", percent(secret), percent(clear)], under: headings))
        }
        print(summary(of: told.map(\.spent)))
        let worst = zip(told[0].accuracies, plain).map { abs($0 - $1) }.max() ?? .nan
        // One example may lie so near to the plane that a rounding decides.
        try require(
            worst < 1.5 / Double(examples),
            "an epoch's accuracy differs by \(percent(worst)) from the clear one"
        )
    }

    /// One party's machine, which it has trained on its own, on another's examples: the last third of all.
    private func evaluate(on points: LabelledPoints) async throws {
        let (known, unknown) = points.split(at: examples * 2 / 3)
        let machine = try trainInTheClear(on: known).machine
        let told = try await withLocalParties(parties) { session in
            let secret = try await machine.shared(from: .party(0), on: session)
            let x = try await session.input(from: .party(1), name: "examples") { unknown.features }
            let y = try await session.input(from: .party(1), name: "labels") { unknown.labels }
            let right = try await session.reveal(binaryAccuracy(secret(x), labels: y), to: .party(1))
            return (right: right?.doubles[0], spent: try await session.statistics)
        }
        let (secret, clear) = (told[1].right ?? .nan, try unknown.accuracy(of: machine))
        print("accuracy that party 1 learns: \(percent(secret)); in the clear: \(percent(clear))")
        print(summary(of: told.map(\.spent)))
        try require(told[0].right == nil, "party 0 was told what is party 1's")
        try require(abs(secret - clear) < 1.5 / Double(unknown.labels.shape[0]), "the accuracies differ")
    }

    /// The same training by somebody who sees all of it.
    private func trainInTheClear(on points: LabelledPoints) throws -> (machine: Linear, accuracies: [Double]) {
        var trainer = trainer
        try trainer.model.initializeInTheClear(seed: seed)
        let batch = [CrypTensor(constant: points.features), CrypTensor(constant: points.labels)]
        var accuracies: [Double] = []
        for _ in 0..<epochs {
            try trainer.stepInTheClear(on: batch)
            accuracies.append(try points.accuracy(of: trainer.model))
        }
        return (trainer.model, accuracies)
    }

    /// Of a machine's scores the loss is how far they are from right by a margin, on average.
    private var trainer: Trainer<Linear> {
        Trainer(Linear(features, 1), SGD(learningRate: learningRate)) { machine, batch in
            hingeLoss(machine(batch[0]).flatten(), labels: batch[1])
        }
    }
}
