import CrypTen
import CrypTenBase
import Testing

/// Learning rates by step, against PyTorch's schedulers.
@Suite("Schedules against PyTorch's")
struct ScheduleTests {
    /// The rates with which some steps are taken.
    struct Rates: Decodable, Sendable, CustomStringConvertible {
        /// PyTorch's name.
        var schedule: String
        /// Under PyTorch's names.
        var arguments: [String: FixtureValue]
        var lr: Double
        var rates: [Double]

        var description: String { "\(schedule) \(FixtureValue.fields(arguments))" }
    }

    /// One case of the file; nothing where it isn't one of a schedule.
    struct Entry: Decodable {
        private enum Key: CodingKey {
            case schedule
        }

        var rates: Rates?

        init(from decoder: any Decoder) throws {
            let isSchedule = try decoder.container(keyedBy: Key.self).contains(.schedule)
            rates = isSchedule ? try Rates(from: decoder) : nil
        }
    }

    struct Content: Decodable {
        var cases: [Entry]
    }

    /// A schedule within a sequence: its name and its arguments.
    struct Part: FixtureArgument {
        var name: String
        var arguments: [String: FixtureValue]

        static func reading(_ value: FixtureValue) -> Part? {
            guard case .list(let pair) = value, pair.count == 2, case .text(let name) = pair[0],
                case .fields(let arguments) = pair[1]
            else { return nil }
            return Part(name: name, arguments: arguments)
        }
    }

    /// Schedules by PyTorch's names; what no argument says is what it usually is in Swift.
    static func schedule(_ name: String, _ fields: [String: FixtureValue], rate: Double) throws -> any Schedule {
        let arguments = Arguments(fields)
        let schedule: any Schedule
        switch name {
        case "StepLR":
            schedule = try StepLR(
                learningRate: rate,
                stepSize: arguments("step_size"),
                gamma: arguments("gamma", else: 0.1)
            )
        case "MultiStepLR":
            schedule = try MultiStepLR(
                learningRate: rate,
                milestones: arguments("milestones"),
                gamma: arguments("gamma", else: 0.1)
            )
        case "ExponentialLR":
            schedule = try ExponentialLR(learningRate: rate, gamma: arguments("gamma"))
        case "CosineAnnealingLR":
            schedule = try CosineAnnealingLR(
                learningRate: rate,
                steps: arguments("T_max"),
                end: arguments("eta_min", else: 0.0)
            )
        case "CosineAnnealingWarmRestarts":
            schedule = try CosineAnnealingWarmRestarts(
                learningRate: rate,
                firstSteps: arguments("T_0"),
                growth: arguments("T_mult", else: 1),
                end: arguments("eta_min", else: 0.0)
            )
        case "LinearLR":
            schedule =
                fields.isEmpty
                ? try LinearLR(learningRate: rate)
                : try LinearLR(
                    learningRate: rate,
                    startFactor: arguments("start_factor"),
                    endFactor: arguments("end_factor", else: 1.0),
                    steps: arguments("total_iters")
                )
        case "ConstantLR":
            schedule = try ConstantLR(
                learningRate: rate,
                factor: arguments("factor"),
                steps: arguments("total_iters")
            )
        case "PolynomialLR":
            schedule = try PolynomialLR(
                learningRate: rate,
                steps: arguments("total_iters"),
                power: arguments("power", else: 1.0)
            )
        case "OneCycleLR":
            schedule = try OneCycleLR(
                largest: arguments("max_lr"),
                steps: arguments("total_steps"),
                risingPart: arguments("pct_start", else: 0.3),
                anneal: arguments("anneal_strategy", else: "cos") == "cos" ? .cosine : .linear,
                divisor: arguments("div_factor", else: 25.0),
                finalDivisor: arguments("final_div_factor", else: 1e4),
                threePhases: arguments("three_phase", else: false),
                momentum: momentum(arguments)
            )
        case "SequentialLR":
            let parts: [Part] = try arguments("schedules")
            schedule = try SequentialLR(
                parts.map { try Self.schedule($0.name, $0.arguments, rate: rate) },
                milestones: arguments("milestones")
            )
        default:
            throw FixtureError(description: "there is no schedule \(name)")
        }
        guard arguments.unread.isEmpty else {
            throw FixtureError(description: "\(name) leaves out \(arguments.unread.sorted())")
        }
        return schedule
    }

    /// Between what momentum is cycled, where that is said.
    private static func momentum(_ arguments: Arguments) throws -> ClosedRange<Double>? {
        let least: Double? = try arguments(ifGiven: "base_momentum")
        let most: Double? = try arguments(ifGiven: "max_momentum")
        return least.flatMap { least in most.map { least...$0 } }
    }

    @Test("every rate of every case of the file is PyTorch's, within 10⁻¹²")
    func rates() throws {
        let content: Content = try Fixture.read("optimizer-steps.json")
        let cases = content.cases.compactMap(\.rates)
        #expect(cases.count == 19)
        for item in cases {
            let schedule = try Self.schedule(item.schedule, item.arguments, rate: item.lr)
            for (step, right) in item.rates.enumerated() {
                let rate = schedule.learningRate(at: step)
                #expect(
                    (rate - right).magnitude <= 1e-12 * right.magnitude + 1e-16,
                    "\(item), step \(step): \(rate) instead of \(right)"
                )
            }
        }
    }

    @Test("what leads out of a schedule's steps is its first rate or its last")
    func ends() throws {
        let schedules: [(any Schedule, last: Double)] = [
            (try StepLR(learningRate: 0.5, stepSize: 3, gamma: 0.5), 0),
            (try MultiStepLR(learningRate: 0.5, milestones: [7, 3], gamma: 0.5), 0.125),
            (try ExponentialLR(learningRate: 0.5, gamma: 0.5), 0),
            (try LinearLR(learningRate: 0.5, startFactor: 0.5, endFactor: 0.25, steps: 4), 0.125),
            (try ConstantLR(learningRate: 0.5, factor: 0.5, steps: 4), 0.5),
            (try PolynomialLR(learningRate: 0.5, steps: 4, power: 0.5), 0),
            (try OneCycleLR(largest: 0.5, steps: 8, divisor: 2, finalDivisor: 4), 0.0625),
        ]
        for (schedule, last) in schedules {
            #expect(schedule.learningRate(at: -5) == schedule.learningRate(at: 0), "\(schedule)")
            #expect(schedule.learningRate(at: .min) == schedule.learningRate(at: 0), "\(schedule)")
            #expect((schedule.learningRate(at: .max) - last).magnitude < 1e-15, "\(schedule)")
        }
        // Those that never end.
        let cosine = try CosineAnnealingLR(learningRate: 0.5, steps: 6)
        let restarts = try CosineAnnealingWarmRestarts(learningRate: 0.5, firstSteps: 3, growth: 2)
        for step in [Int.max, .max - 1, 1 << 40] {
            #expect((0...0.5).contains(cosine.learningRate(at: step)))
            #expect((0...0.5).contains(restarts.learningRate(at: step)))
        }
        #expect(cosine.learningRate(at: 12) == 0.5 && restarts.learningRate(at: 9) == 0.5)
    }

    @Test("a warm-up reaches a schedule's first rate, and the schedule then begins")
    func warmUp() throws {
        let cosine = try CosineAnnealingLR(learningRate: 0.25, steps: 10)
        let warm = try cosine.afterLinearWarmUp(steps: 5, startFactor: 0)
        #expect((0..<5).allSatisfy { abs(warm.learningRate(at: $0) - 0.05 * Double($0)) < 1e-15 })
        #expect((0..<20).allSatisfy { warm.learningRate(at: 5 + $0) == cosine.learningRate(at: $0) })
    }

    @Test("an optimiser that follows a schedule takes the rate of the step that it is at")
    func following() throws {
        let schedule = try StepLR(learningRate: 0.5, stepSize: 2, gamma: 0.5)
        var optimizer = SGD(learningRate: 7)
        for (step, rate) in [0.5, 0.5, 0.25, 0.25, 0.125].enumerated() {
            optimizer.stepCount = step
            optimizer.follow(schedule)
            #expect(optimizer.learningRate == rate && optimizer.rates(at: step + 1) == [rate])
        }
    }

    @Test("arguments that no schedule can have are errors that say so")
    func refusals() {
        let refused: [() throws -> any Schedule] = [
            { try StepLR(learningRate: 0.1, stepSize: 0) },
            { try StepLR(learningRate: -0.1, stepSize: 1) },
            { try StepLR(learningRate: 0.1, stepSize: 1, gamma: .nan) },
            { try MultiStepLR(learningRate: .infinity, milestones: []) },
            { try ExponentialLR(learningRate: 0.1, gamma: -1) },
            { try LinearLR(learningRate: 0.1, startFactor: 1.5) },
            { try LinearLR(learningRate: 0.1, steps: 0) },
            { try ConstantLR(learningRate: 0.1, steps: -1) },
            { try PolynomialLR(learningRate: 0.1, steps: 3, power: 0) },
            { try CosineAnnealingLR(learningRate: 0.1, steps: 0) },
            { try CosineAnnealingWarmRestarts(learningRate: 0.1, firstSteps: 2, growth: 0) },
            { try OneCycleLR(largest: 0.1, steps: 5, risingPart: 1.1) },
            { try OneCycleLR(largest: 0.1, steps: 5, risingPart: 0.6, threePhases: true) },
            { try OneCycleLR(largest: 0.1, steps: 5, divisor: 0) },
            { try OneCycleLR(largest: 0.1, steps: 5, momentum: 0.5...1) },
            { try OneCycleLR(largest: 0.1, steps: 5, momentum: -0.5...0.5) },
            { try SequentialLR([], milestones: []) },
            {
                let part = try ExponentialLR(learningRate: 0.1, gamma: 1)
                return try SequentialLR([part, part, part], milestones: [4, 4])
            },
        ]
        for (index, make) in refused.enumerated() {
            #expect("case \(index)") { _ = try make() } throws: { ($0 as? CrypTenError)?.code == .invalidArgument }
        }
    }
}
