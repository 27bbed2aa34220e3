import ArgumentParser
import CrypTen
import ExampleSupport

/// A network is trained by the party that has features and another that has labels; of the labels no more gets out than a differentially private gradient.
@main
struct PrivateTraining: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "PrivateTraining",
        abstract: "Differentially private training of a network that is split between the parties.",
        discussion: """
            Party 0 has features and computes the network and its derivatives in the clear. Party 1 has the labels. In secret is what joins both:
            each step's examples, drawn so that nobody knows which, their gradients' sum, and noise of every party. Party 0 learns the noisy sum.
            """
    )

    @Option(help: "How many parties; those beyond two add noise and compute.")
    var parties = 2
    @Option(help: "How many examples; half as many are for the test.")
    var rows = 2000
    @Option(help: "How many steps.")
    var steps = 100
    @Option(help: "With which probability an example is in a step: k / 2^16 for a whole k.")
    var samplingRate = 0.125
    @Option(help: "ε, which all steps together may spend.")
    var epsilon = 2.0
    @Option(help: "δ, the probability with which ε may fail to hold.")
    var delta = 1e-5
    @Option(help: "How long an example's gradient may be; longer ones are shortened.")
    var clip = 1.5
    @Option(help: "The learning rate of gradient descent.")
    var learningRate = 6.0
    @Option(help: "Units of the hidden layer.")
    var hidden = 8
    @Option(help: "What examples and first weights follow from; noise and samples are drawn anew in each run.")
    var seed: UInt64 = 1

    func validate() throws {
        guard samplingRate * 65536 == (samplingRate * 65536).rounded() else {
            throw ValidationError("examples are drawn with 16 bits: a sampling rate is a multiple of 2^-16, as 0.125")
        }
        guard rows >= 4, steps > 0, hidden > 0, samplingRate > 0, samplingRate <= 1 else {
            throw ValidationError(
                "there are four examples or more, steps and hidden units, and a sampling rate above 0, at most 1"
            )
        }
        guard clip > 0, clip <= 100, learningRate > 0, learningRate <= 1000 else {
            throw ValidationError(
                "the bound of a gradient lies between 0 and 100, and the learning rate between 0 and 1000"
            )
        }
    }

    func run() async throws {
        let examples = Moons(count: rows, seed: seed)
        let test = Moons(count: rows / 2, seed: seed + 1)
        let multiplier = try PrivacyAccountant.noiseMultiplier(
            epsilon: epsilon,
            delta: delta,
            samplingRate: samplingRate,
            steps: steps
        )
        print(
            """
            Party 0 has \(rows) points, party 1 their labels. Party 0 gets noisy sums of gradients: each party's noise is
            \(fixed(multiplier, 2)) times as large as the longest gradient, for ε = \(epsilon) at δ = \(delta) after \(steps) steps.

            """
        )
        let plain = trainInTheClear(examples)
        let exact = try await withLocalParties(parties) { try await train(examples, privately: nil, $0) }[0]
        let told = try await withLocalParties(parties) { try await train(examples, privately: multiplier, $0) }
        let noisy = told[0].network

        var accountant = PrivacyAccountant()
        print("   step   ε spent")
        for part in 1...4 {
            let count = steps * part / 4 - steps * (part - 1) / 4
            try accountant.addSteps(count, samplingRate: samplingRate, noiseMultiplier: multiplier)
            let spent = fixed(try accountant.epsilon(delta: delta), 2)
            print(row(["\(steps * part / 4)", spent], under: ["step ", "ε spent"]))
        }
        var comparison = Comparison()
        let accuracies = [plain, exact.network, noisy].map { $0.accuracy(test) }
        print("Test accuracy, all examples in each step, no noise:")
        comparison.shares("without privacy", secret: accuracies[1], plain: accuracies[0], within: 0)
        comparison.require(exact.network.parameters == plain.parameters, "weights without noise aren't the plain ones")
        print("Test accuracy, differentially private:")
        comparison.shares("with ε = \(epsilon)", secret: accuracies[2], plain: accuracies[0], within: 0.2)
        comparison.require(noisy.parameters != plain.parameters, "there was no noise")
        comparison.require(try accountant.epsilon(delta: delta) <= epsilon, "more than ε = \(epsilon) was spent")
        print("Private training: \(summary(of: told.map(\.spent)))")
        print("A step: \(summary(of: told.map(\.spent), perStepOf: steps))")
        try comparison.finish()
    }

    /// Trains, and gives party 0 the network; at the others it stays as it began.
    ///
    /// The multiplier is each party's noise, in bounds of a gradient; without one there is no noise, and all examples are in each step.
    func train(
        _ examples: Moons,
        privately multiplier: Double?,
        _ session: Session
    ) async throws -> (network: SmallNetwork, spent: SessionStatistics) {
        var network = SmallNetwork(inputs: 2, hidden: hidden, seed: seed)
        let (rows, width, clip) = (examples.labels.count, network.parameters.count, clip)
        let given = try await session.input(from: .party(1), name: "labels") {
            Tensor(examples.labels.map { $0 ? 1 : 0 }, shape: [rows])
        }
        let labels = try await session.hold([given])[0]
        for _ in 0..<steps {
            // Forward and backward up to the score, by party 0 on its own.
            let now = network
            let probabilities = try await session.input(from: .party(0), shape: [rows], kind: .integer, name: "p") {
                Tensor(SplitStep(now, examples.points, clip: clip).probabilities, shape: [rows])
            }
            let derivatives = try await session.input(from: .party(0), shape: [rows, width], kind: .integer, name: "d")
            {
                Tensor(SplitStep(now, examples.points, clip: clip).derivatives, shape: [rows, width])
            }
            // In secret: what the loss has as gradient by the scores, which examples take part, and the sum of their gradients.
            var errors = probabilities - labels * SplitStep.one
            if multiplier != nil {
                errors = errors * (try await session.bernoulli(samplingRate, [rows], drawnBy: .everyone)).toInteger()
            }
            var sum = errors.reshape([1, rows]).matmul(derivatives)
            if let multiplier {
                let deviation = multiplier * SplitStep.bound(clip: clip)
                sum = sum + (try await session.discreteGaussianNoise([1, width], deviation: deviation))
            }
            if let told = try await session.reveal(sum, to: .party(0))?.integers {
                network.descend(told, of: Double(rows) * (multiplier == nil ? 1 : samplingRate), learningRate)
            }
        }
        return (network, try await session.statistics)
    }

    /// The same of one who has features and labels, without noise.
    func trainInTheClear(_ examples: Moons) -> SmallNetwork {
        var network = SmallNetwork(inputs: 2, hidden: hidden, seed: seed)
        for _ in 0..<steps {
            let step = SplitStep(network, examples.points, clip: clip)
            var sum = [Int64](repeating: 0, count: network.parameters.count)
            for (row, label) in examples.labels.enumerated() {
                let error = step.probabilities[row] - (label ? SplitStep.one : 0)
                for column in sum.indices { sum[column] += Int64(error * step.derivatives[row * sum.count + column]) }
            }
            network.descend(sum, of: Double(rows), learningRate)
        }
        return network
    }
}

extension SmallNetwork {
    /// A step against the mean gradient that a published sum stands for.
    fileprivate mutating func descend(_ sum: [Int64], of count: Double, _ learningRate: Double) {
        for (index, slope) in SplitStep.gradient(sum, of: count).enumerated() {
            parameters[index] -= learningRate * slope
        }
    }
}
