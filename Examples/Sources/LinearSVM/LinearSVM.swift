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
        let plain = try await accuraciesInTheClear(of: points).accuracies
        let told = try await withLocalParties(parties) { session in
            let data = try await hidden.data(of: points, on: session)
            var machine = Linear(features, 1)
            try await session.initialize(&machine, owner: .party(0), seed: seed)
            var trainer = Trainer(machine, SGD(learningRate: learningRate), loss: loss)
            try await trainer.begin(on: session)
            var accuracies: [Double] = []
            for _ in 0..<epochs {
                _ = try await trainer.step(on: data.tensors, session)
                let right = binaryAccuracy(trainer.model(data.tensors[0]), labels: data.tensors[1])
                accuracies.append(try await session.reveal(right, to: .all)?.doubles[0] ?? 0)
            }
            return (accuracies: accuracies, spent: try await session.statistics)
        }
        let headings = ["epoch", "between parties", "in the clear"]
        print(headings.map { "  " + $0 }.joined())
        for (epoch, (secret, clear)) in zip(told[0].accuracies, plain).enumerated() {
            print(row(["\(epoch + 1)", percent(secret), percent(clear)], under: headings))
        }
        print(summary(of: told.map(\.spent)))
        let worst = zip(told[0].accuracies, plain).map { abs($0 - $1) }.max() ?? 1
        // One example may lie so near to the plane that a rounding decides.
        try require(
            worst < 1.5 / Double(examples),
            "an epoch's accuracy differs by \(percent(worst)) from the clear one"
        )
    }

    /// One party's machine, which it has trained on its own, on another's examples: the last third of all.
    private func evaluate(on points: LabelledPoints) async throws {
        let (known, unknown) = points.split(at: examples * 2 / 3)
        let trained = try await accuraciesInTheClear(of: known, tested: unknown)
        let told = try await withLocalParties(parties) { session in
            var weights = ParameterTree()
            for name in ["weight", "bias"] {
                weights[name] = try await session.input(from: .party(0), name: name) { trained.weights[name]! }
            }
            var machine = Linear(features, 1)
            try machine.load(weights)
            let x = try await session.input(from: .party(1), name: "examples") { unknown.features }
            let y = try await session.input(from: .party(1), name: "labels") { unknown.labels }
            let right = try await session.reveal(binaryAccuracy(machine(x), labels: y), to: .party(1))
            return (right: right?.doubles[0], spent: try await session.statistics)
        }
        let (secret, clear) = (told[1].right ?? 0, trained.accuracyOfTest)
        print("accuracy that party 1 learns: \(percent(secret)); in the clear: \(percent(clear))")
        print(summary(of: told.map(\.spent)))
        try require(abs(secret - clear) < 1.5 / Double(unknown.labels.shape[0]), "the accuracies differ")
    }

    /// The same training with numbers that all know.
    private func accuraciesInTheClear(
        of points: LabelledPoints,
        tested: LabelledPoints? = nil
    ) async throws -> (accuracies: [Double], weights: [String: Tensor], accuracyOfTest: Double) {
        try await withPublicNumbers { session in
            var trainer = try await PlainTrainer(
                Linear(features, 1),
                SGD(learningRate: learningRate),
                seed: seed,
                on: session,
                loss: loss
            )
            func accuracy(on points: LabelledPoints) async throws -> Double {
                points.accuracy(
                    of: try await trainer.value(on: [points.features]) { machine, batch in machine(batch[0]) }
                )
            }
            var accuracies: [Double] = []
            for _ in 0..<epochs {
                try await trainer.step(on: [points.features, points.labels])
                accuracies.append(try await accuracy(on: points))
            }
            return (accuracies, try await trainer.weights, try await accuracy(on: tested ?? points))
        }
    }
}

/// Of a machine on a batch of examples and their labels: how far its scores are from right by a margin, on average.
@Sendable
private func loss(_ machine: Linear, _ batch: [CrypTensor]) -> CrypTensor {
    hingeLoss(machine(batch[0]).flatten(), labels: batch[1])
}
