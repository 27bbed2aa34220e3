import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

/// Steps of optimisers with given gradients, against PyTorch's in double.
@Suite("Optimisers against PyTorch's")
struct OptimizerStepTests {
    /// Some steps of an optimiser from some parameters.
    struct Steps: Decodable, Sendable, CustomStringConvertible {
        /// PyTorch's name.
        var optimizer: String
        /// Under PyTorch's names.
        var arguments: [String: FixtureValue]
        var parameters: [Double]
        /// For each step.
        var gradients: [[Double]]
        /// The parameters after each step.
        var after: [[Double]]

        var description: String { "\(optimizer) \(FixtureValue.fields(arguments))" }
    }

    /// One case of the file; nothing where it isn't one of an optimiser.
    struct Entry: Decodable {
        private enum Key: CodingKey {
            case optimizer
        }

        var steps: Steps?

        init(from decoder: any Decoder) throws {
            let isOptimizer = try decoder.container(keyedBy: Key.self).contains(.optimizer)
            steps = isOptimizer ? try Steps(from: decoder) : nil
        }
    }

    struct Content: Decodable {
        var cases: [Entry]
    }

    /// Optimisers by PyTorch's names.
    ///
    /// What no argument says is what it usually is in Swift.
    static let makers: [String: @Sendable (Arguments) throws -> any Optimizer] = [
        "SGD": {
            var sgd = try SGD(learningRate: $0("lr"))
            sgd.momentum = try $0("momentum", else: sgd.momentum)
            sgd.dampening = try $0("dampening", else: sgd.dampening)
            sgd.weightDecay = try $0("weight_decay", else: sgd.weightDecay)
            sgd.nesterov = try $0("nesterov", else: sgd.nesterov)
            return sgd
        },
        "Adam": { try adam(Adam(learningRate: $0("lr")), $0) },
        "AdamW": { try adam(Adam.withDecoupledDecay(learningRate: $0("lr")), $0) },
        "RMSprop": {
            var rms = try RMSprop(learningRate: $0("lr"))
            rms.alpha = try $0("alpha", else: rms.alpha)
            rms.epsilon = try $0("eps", else: rms.epsilon)
            rms.momentum = try $0("momentum", else: rms.momentum)
            rms.weightDecay = try $0("weight_decay", else: rms.weightDecay)
            return rms
        },
        "Adagrad": {
            var adagrad = try Adagrad(learningRate: $0("lr"))
            adagrad.decay = try $0("lr_decay", else: adagrad.decay)
            adagrad.epsilon = try $0("eps", else: adagrad.epsilon)
            adagrad.weightDecay = try $0("weight_decay", else: adagrad.weightDecay)
            adagrad.initialAccumulatorValue = try $0("initial_accumulator_value", else: 0.0)
            return adagrad
        },
    ]

    private static func adam(_ usual: Adam, _ arguments: Arguments) throws -> Adam {
        var adam = usual
        if let betas: [Double] = try arguments(ifGiven: "betas") { adam.betas = (betas[0], betas[1]) }
        adam.epsilon = try arguments("eps", else: adam.epsilon)
        adam.weightDecay = try arguments("weight_decay", else: adam.weightDecay)
        return adam
    }

    /// A case's optimiser; nil where there is none yet of its name, or none with one of its arguments.
    static func optimizer(of item: Steps) throws -> (any Optimizer)? {
        guard let maker = makers[item.optimizer] else { return nil }
        let arguments = Arguments(item.arguments)
        let optimizer = try maker(arguments)
        return arguments.unread.isEmpty ? optimizer : nil
    }

    /// The cases whose optimiser there is.
    static func comparable() throws -> [(item: Steps, optimizer: any Optimizer)] {
        let content: Content = try Fixture.read("optimizer-steps.json")
        let cases = content.cases.compactMap(\.steps)
        let found = try cases.compactMap { item in try optimizer(of: item).map { (item, $0) } }
        print("\(found.count) of \(cases.count) cases are of optimisers that there are")
        return found
    }

    // MARK: Bounds

    /// The ε of optimisers that divide by roots, where a case says nothing else; at least that of Adagrad's smallest square.
    static let epsilons = ["Adam": 1e-8, "AdamW": 1e-8, "RMSprop": 1e-8, "Adagrad": 0x1p-23]

    /// By how much a parameter may differ from PyTorch's because ε is under the root here, and beside it there.
    ///
    /// A step g / (r + ε) differs from g / r by g·ε / r², and r² is at least (1 − α)·g²: by ε / ((1 − α)·g). With the moments of Adam, whose
    /// bias is taken away, that is so without α, and no more than four times as much.
    static func epsilonBound(of item: Steps, element: Int, after steps: Int) throws -> Double {
        guard let usual = epsilons[item.optimizer] else { return 0 }
        let arguments = Arguments(item.arguments)
        let rate: Double = try arguments("lr")
        let epsilon = max(try arguments("eps", else: usual), usual)
        let decay = try arguments("weight_decay", else: 0.0)
        let momentum = try arguments("momentum", else: 0.0)
        let alpha = item.optimizer == "RMSprop" ? try arguments("alpha", else: 0.99) : 0
        let slopes = (0..<steps).map { step in
            let parameter = step == 0 ? item.parameters[element] : item.after[step - 1][element]
            return (item.gradients[step][element] + decay * parameter).magnitude
        }
        guard let least = slopes.filter({ $0 > 0 }).min() else { return 0 }
        return 4 * Double(steps) * rate / (1 - momentum) * epsilon / ((1 - alpha) * least)
    }

    /// By how much it may differ between parties: some units of the 24 fraction bits that parameters have, and 10⁻³ of the way where steps
    /// are quotients by roots.
    static func secretBound(of item: Steps, element: Int, after steps: Int) throws -> Double {
        let units = 3 * 0x1p-20
        guard epsilons[item.optimizer] != nil else { return units }
        let places = [item.parameters[element]] + item.after.prefix(steps).map { $0[element] }
        let way = zip(places, places.dropFirst()).reduce(0) { $0 + ($1.1 - $1.0).magnitude }
        return try units + 4e-3 * way + epsilonBound(of: item, element: element, after: steps)
    }

    // MARK: Tests

    @Test("steps in the clear are PyTorch's, within 10⁻⁹ and what ε is")
    func clear() throws {
        let cases = try Self.comparable()
        try #require(cases.contains { $0.item.optimizer == "SGD" })
        for (item, optimizer) in cases {
            let found = try Self.clearSteps(of: item, by: optimizer)
            try Self.compare(found, with: item) { element, steps in
                try 1e-9 + Self.epsilonBound(of: item, element: element, after: steps)
            }
        }
    }

    @Test("steps between two parties are PyTorch's, within 3 · 2⁻²⁰, and 10⁻³ of the way where it is divided by roots")
    func secret() async throws {
        let cases = try Self.comparable()
        let answers = try await withLocalParties(2) { session in
            var answers: [[[Double]]] = []
            for (item, optimizer) in cases {
                answers.append(try await Self.secretSteps(of: item, by: optimizer, on: session))
            }
            return answers
        }
        #expect(answers[0] == answers[1])
        for ((item, _), found) in zip(cases, answers[0]) {
            let worst = try Self.compare(found, with: item) { element, steps in
                try Self.secretBound(of: item, element: element, after: steps)
            }
            print(
                "\(item) between parties: at worst \(worst.difference) from PyTorch's, \(worst.multiple) times the bound"
            )
        }
    }

    /// Records one issue for a case with steps that are out of bounds.
    ///
    /// - Returns: The largest difference, and the largest as a multiple of its bound.
    @discardableResult
    static func compare(
        _ found: [[Double]],
        with item: Steps,
        bound: (_ element: Int, _ steps: Int) throws -> Double
    ) throws -> (difference: Double, multiple: Double) {
        var worst = (difference: 0.0, multiple: 0.0)
        var problems: [String] = []
        try #require(found.map(\.count) == item.after.map(\.count))
        for (step, (numbers, expected)) in zip(found, item.after).enumerated() {
            for (element, (number, right)) in zip(numbers, expected).enumerated() {
                let difference = (number - right).magnitude
                let multiple = try difference / bound(element, step + 1)
                worst = (max(worst.difference, difference), max(worst.multiple, multiple))
                if multiple <= 1 { continue }
                problems.append(
                    "step \(step + 1), element \(element): \(number) instead of \(right), \(multiple) times the bound"
                )
            }
        }
        #expect(problems.isEmpty, "\(item): \(problems.joined(separator: "; "))")
        return worst
    }

    // MARK: Runs

    /// The parameters after each step, by the optimiser's expressions in double.
    static func clearSteps(
        of item: Steps,
        by optimizer: any Optimizer,
        following schedule: (any Schedule)? = nil
    ) throws -> [[Double]] {
        var optimizer = optimizer
        if let schedule { optimizer.follow(schedule) }
        let shape: Shape = [item.parameters.count]
        let slots = optimizer.slots.map(\.name)
        let evaluator = ClearEvaluator { node in
            throw FixtureError(description: "\(node.operation.name) is no constant")
        }
        var parameter = Tensor(item.parameters, shape: shape)
        var memory = optimizer.slots.map { slot in
            Tensor([Double](repeating: slot.initial, count: shape.count), shape: shape)
        }
        return try item.gradients.enumerated().map { index, gradient in
            optimizer.stepCount = index
            if let schedule { optimizer.follow(schedule) }
            let next = optimizer.step(
                CrypTensor(constant: parameter),
                CrypTensor(constant: Tensor(gradient, shape: shape)),
                Dictionary(uniqueKeysWithValues: zip(slots, memory.map { CrypTensor(constant: $0) })),
                rates: optimizer.rates(at: index + 1).map { CrypTensor($0) }
            )
            let remembered = try slots.map { try #require(next.remembered[$0]) }
            let found = try evaluator.evaluate(([next.parameter] + remembered).map(\.node))
            (parameter, memory) = (found[0], Array(found.dropFirst()))
            return parameter.doubles
        }
    }

    /// One parameter, and nothing that is done with it.
    struct Single: Module {
        var parameters: ParameterTree
    }

    /// The same between the parties of a session.
    static func secretSteps(
        of item: Steps,
        by optimizer: any Optimizer,
        following schedule: (any Schedule)? = nil,
        on session: Session
    ) async throws -> [[Double]] {
        let shape: Shape = [item.parameters.count]
        var optimizer = optimizer
        let start = try await session.input(from: .party(0), shape: shape) { Tensor(item.parameters, shape: shape) }
        var model = Single(parameters: ParameterTree([("p", start)]))
        var after: [[Double]] = []
        for numbers in item.gradients {
            if let schedule { optimizer.follow(schedule) }
            let gradient = try await session.input(from: .party(1), shape: shape) { Tensor(numbers, shape: shape) }
            try await optimizer.update(&model, ParameterTree([("p", gradient)]), on: session)
            let parameter = try #require(model.parameters["p"])
            after.append(try #require(await session.reveal(parameter, to: .all)).doubles)
        }
        return after
    }
}
