import CrypTen
import CrypTenBase
import CrypTenRuntime
import Testing

/// Steps whose momentum a schedule changes, against PyTorch's with `OneCycleLR` and `cycle_momentum=True`.
@Suite("Momentum that is cycled, against PyTorch's")
struct CycledMomentumTests {
    /// Steps of an optimiser, and what they were taken with.
    struct Cycled: Decodable {
        /// PyTorch's name of the optimiser.
        var cycled: String
        var arguments: [String: FixtureValue]
        /// The schedule's arguments.
        var cycle: [String: FixtureValue]
        var rates: [Double]
        var momenta: [Double]
        var parameters: [Double]
        var gradients: [[Double]]
        var after: [[Double]]

        /// The same as the steps of an optimiser.
        var steps: OptimizerStepTests.Steps {
            OptimizerStepTests.Steps(
                optimizer: cycled,
                arguments: arguments,
                parameters: parameters,
                gradients: gradients,
                after: after
            )
        }

        func schedule() throws -> any Schedule {
            try ScheduleTests.schedule("OneCycleLR", cycle, rate: 0)
        }

        func optimizer() throws -> any Optimizer {
            try #require(try OptimizerStepTests.optimizer(of: steps))
        }
    }

    /// One case of the file; nothing where it isn't one of these.
    struct Entry: Decodable {
        private enum Key: CodingKey {
            case cycled
        }

        var cycled: Cycled?

        init(from decoder: any Decoder) throws {
            let isCycled = try decoder.container(keyedBy: Key.self).contains(.cycled)
            cycled = isCycled ? try Cycled(from: decoder) : nil
        }
    }

    struct Content: Decodable {
        var cases: [Entry]
    }

    private static func cases() throws -> [Cycled] {
        let content: Content = try Fixture.read("optimizer-steps.json")
        return content.cases.compactMap(\.cycled)
    }

    @Test("rates and momentum of every step are PyTorch's, within 10⁻¹²")
    func momenta() throws {
        let cases = try Self.cases()
        #expect(cases.count == 12)
        for item in cases {
            let schedule = try item.schedule()
            for (step, (rate, momentum)) in zip(item.rates, item.momenta).enumerated() {
                #expect((schedule.learningRate(at: step) - rate).magnitude <= 1e-12)
                #expect((try #require(schedule.momentum(at: step)) - momentum).magnitude <= 1e-12)
            }
        }
    }

    @Test("steps in the clear are PyTorch's, within 10⁻⁹ and what ε is")
    func clear() throws {
        for item in try Self.cases() {
            let found = try OptimizerStepTests.clearSteps(
                of: item.steps,
                by: try item.optimizer(),
                following: try item.schedule()
            )
            try OptimizerStepTests.compare(found, with: item.steps) { element, steps in
                try 1e-9 + OptimizerStepTests.epsilonBound(of: item.steps, element: element, after: steps)
            }
        }
    }

    @Test("steps between two parties are PyTorch's within the bounds of other steps, and have one plan")
    func secret() async throws {
        let cases = try Self.cases()
        let told = try await withLocalParties(2) { session -> (after: [[[Double]]], plans: [Int]) in
            var (after, plans): ([[[Double]]], [Int]) = ([], [])
            for item in cases {
                let before = try await session.statistics.plans
                after.append(
                    try await OptimizerStepTests.secretSteps(
                        of: item.steps,
                        by: try item.optimizer(),
                        following: try item.schedule(),
                        on: session
                    )
                )
                plans.append(try await session.statistics.plans - before)
            }
            return (after, plans)
        }
        #expect(told[0].after == told[1].after)
        for (item, found) in zip(cases, told[0].after) {
            let worst = try OptimizerStepTests.compare(found, with: item.steps) { element, steps in
                try OptimizerStepTests.secretBound(of: item.steps, element: element, after: steps)
            }
            print(
                "\(item.steps) cycled: at worst \(worst.difference) from PyTorch's, \(worst.multiple) times the bound"
            )
        }
        // Of five steps: what is remembered begins, the first step reads an input, the second a kept value; a reveal. Other numbers of one
        // optimiser may find all of it made.
        #expect(told[0].plans.allSatisfy { $0 <= 4 }, "\(told[0].plans)")
    }

    @Test("momentum that is followed is the step's number, and an optimiser without any says so")
    func following() async throws {
        let schedule = try OneCycleLR(largest: 0.5, steps: 9, momentum: 0.75...0.9)
        var optimizer = SGD(learningRate: 7, momentum: 0.5)
        #expect(optimizer.rates(at: 1) == [7])
        for step in 0..<9 {
            optimizer.stepCount = step
            optimizer.follow(schedule)
            #expect(optimizer.rates(at: step + 1) == [schedule.learningRate(at: step), schedule.momentum(at: step)!])
        }
        #expect(schedule.momentum(at: 0) == 0.9 && schedule.momentum(at: 100) == 0.9)
        #expect((0..<9).compactMap { schedule.momentum(at: $0) }.min()! < 0.8)
        let warm = try schedule.afterLinearWarmUp(steps: 3, startFactor: 0.5)
        #expect(warm.momentum(at: 1) == 0.9 && warm.momentum(at: 5) == schedule.momentum(at: 2))
        _ = try await withLocalParties(2) { session in
            var model = Linear(2, 1)
            try await session.initialize(&model, owner: .party(0), seed: 1)
            let x = try await session.input(from: .party(1), shape: [1, 2]) { Tensor([1, 2], shape: [1, 2]) }
            var trainer = Trainer(model, Adagrad(learningRate: 0.1)) { model, batch in model(batch[0]).sum() }
            trainer.schedule = schedule
            let error = await #expect(throws: CrypTenError.self) { try await trainer.step(on: [x], session) }
            #expect(error?.code == .invalidArgument && error?.message.contains("Adagrad has none") == true)
        }
    }
}
