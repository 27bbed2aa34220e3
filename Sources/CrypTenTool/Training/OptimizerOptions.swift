import ArgumentParser
import CrypTen

/// Which optimiser takes the steps, with PyTorch's numbers.
struct OptimizerOptions: ParsableArguments {
    @Option(name: .long, help: "The optimiser: sgd, adam, adamw, rmsprop or adagrad.")
    var optimizer = OptimizerKind.sgd

    @Option(name: .long, help: ArgumentHelp("The length of steps.", valueName: "rate"))
    var learningRate: Double

    @Option(
        name: .long,
        help: ArgumentHelp("How much of the last step goes into the next; sgd, rmsprop.", valueName: "m")
    )
    var momentum: Double?

    @Option(name: .long, help: ArgumentHelp("How much less of a gradient goes into the momentum; sgd.", valueName: "d"))
    var dampening: Double?

    @Flag(name: .long, help: "Take the gradient where the momentum leads; sgd.")
    var nesterov = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "How much of a weight is added to its gradient; adamw takes it apart, 0.01 without this.",
            valueName: "d"
        )
    )
    var weightDecay: Double?

    @Option(
        name: .long,
        help: ArgumentHelp("How much of both moments stays; adam, adamw. 0.9,0.999 without this.", valueName: "b1,b2")
    )
    var betas: Betas?

    @Option(
        name: .long,
        help: ArgumentHelp("How much of the mean square stays; rmsprop. 0.99 without this.", valueName: "a")
    )
    var alpha: Double?

    @Option(name: .long, help: ArgumentHelp("What keeps steps of small gradients finite.", valueName: "e"))
    var epsilon: Double?

    @Option(
        name: .long,
        help: ArgumentHelp("What the sum of squares is at first; adagrad. 0 without this.", valueName: "v")
    )
    var initialAccumulator: Double?

    func validate() throws {
        guard (0...0x1p16).contains(learningRate) else {
            throw ValidationError("--learning-rate \(learningRate): choose 0 to 65536")
        }
        let factors: [(String, Double?)] = [
            ("--momentum", momentum), ("--dampening", dampening), ("--alpha", alpha), ("--betas", betas?.first),
            ("--betas", betas?.second),
        ]
        for (name, factor) in factors {
            if let factor, !(0..<1).contains(factor) {
                throw ValidationError("\(name) \(factor): choose from 0 to less than 1")
            }
        }
        for (name, number) in [("--weight-decay", weightDecay), ("--epsilon", epsilon)] {
            if let number, !(number >= 0 && number.isFinite) {
                throw ValidationError("\(name) \(number): choose 0 or more")
            }
        }
        if let initialAccumulator, !(0...1024).contains(initialAccumulator) {
            throw ValidationError("--initial-accumulator \(initialAccumulator): choose 0 to 1024")
        }
        let foreign: [(String, Bool, Set<OptimizerKind>)] = [
            ("--momentum", momentum != nil, [.sgd, .rmsprop]), ("--dampening", dampening != nil, [.sgd]),
            ("--nesterov", nesterov, [.sgd]), ("--betas", betas != nil, [.adam, .adamw]),
            ("--alpha", alpha != nil, [.rmsprop]), ("--epsilon", epsilon != nil, [.adam, .adamw, .rmsprop, .adagrad]),
            ("--initial-accumulator", initialAccumulator != nil, [.adagrad]),
        ]
        for (name, isGiven, takers) in foreign where isGiven && !takers.contains(optimizer) {
            throw ValidationError("\(name) is no number of \(optimizer.rawValue): leave it out")
        }
        if nesterov, (momentum ?? 0) == 0 || (dampening ?? 0) != 0 {
            throw ValidationError("--nesterov needs a --momentum, and no --dampening")
        }
    }

    /// The optimiser.
    func make() -> any Optimizer {
        let moments = (betas?.first ?? 0.9, betas?.second ?? 0.999)
        return switch optimizer {
        case .sgd:
            SGD(
                learningRate: learningRate,
                momentum: momentum ?? 0,
                dampening: dampening ?? 0,
                weightDecay: weightDecay ?? 0,
                nesterov: nesterov
            )
        case .adam:
            Adam(
                learningRate: learningRate,
                betas: moments,
                epsilon: epsilon ?? 1e-8,
                weightDecay: weightDecay ?? 0
            )
        case .adamw:
            Adam.withDecoupledDecay(
                learningRate: learningRate,
                betas: moments,
                epsilon: epsilon ?? 1e-8,
                weightDecay: weightDecay ?? 1e-2
            )
        case .rmsprop:
            RMSprop(
                learningRate: learningRate,
                alpha: alpha ?? 0.99,
                epsilon: epsilon ?? 1e-8,
                momentum: momentum ?? 0,
                weightDecay: weightDecay ?? 0
            )
        case .adagrad:
            Adagrad(
                learningRate: learningRate,
                epsilon: epsilon ?? 1e-10,
                weightDecay: weightDecay ?? 0,
                initialAccumulatorValue: initialAccumulator ?? 0
            )
        }
    }

    /// The optimiser and its numbers, on one line: equal at all parties.
    var summary: String {
        var parts = [optimizer.rawValue, "rate \(learningRate)"]
        if let momentum { parts.append("momentum \(momentum)") }
        if let dampening { parts.append("dampening \(dampening)") }
        if nesterov { parts.append("Nesterov") }
        if let weightDecay { parts.append("weight decay \(weightDecay)") }
        if let betas { parts.append("betas \(betas.first), \(betas.second)") }
        if let alpha { parts.append("alpha \(alpha)") }
        if let epsilon { parts.append("epsilon \(epsilon)") }
        if let initialAccumulator { parts.append("squares from \(initialAccumulator)") }
        return parts.joined(separator: ", ")
    }

    /// The same for another process.
    var arguments: [String] {
        var arguments = ["--optimizer", optimizer.rawValue, "--learning-rate", "\(learningRate)"]
        let numbers: [(String, Double?)] = [
            ("--momentum", momentum), ("--dampening", dampening), ("--weight-decay", weightDecay), ("--alpha", alpha),
            ("--epsilon", epsilon), ("--initial-accumulator", initialAccumulator),
        ]
        for (name, number) in numbers { if let number { arguments += [name, "\(number)"] } }
        if let betas { arguments += ["--betas", "\(betas.first),\(betas.second)"] }
        if nesterov { arguments.append("--nesterov") }
        return arguments
    }
}

enum OptimizerKind: String, ExpressibleByArgument, CaseIterable, Sendable {
    case sgd
    case adam
    case adamw
    case rmsprop
    case adagrad
}

/// Two numbers with a comma between.
struct Betas: ExpressibleByArgument, Hashable, Sendable {
    var first: Double
    var second: Double

    init?(argument: String) {
        let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
        guard numbers.count == 2, let first = numbers[0], let second = numbers[1] else { return nil }
        (self.first, self.second) = (first, second)
    }
}
