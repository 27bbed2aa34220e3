import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

/// Averages of parameters over a training, against the same in double.
@Suite("Averages of weights")
struct WeightAverageTests {
    struct Parameters: Module {
        var parameters: ParameterTree
    }

    static let start = ["weight": [0.5, -1.5, 0.25, 2, -0.75, 0.125], "bias": [1, -0.5]]

    /// Of each step, multiples of 2⁻¹⁶.
    static func gradient(_ step: Int, _ count: Int) -> [Double] {
        (0..<count).map { Double(($0 * 29 + step * 17) % 64 - 32) / 128 }
    }

    @Test(
        "after each of eight steps averages are those in double, within two units of 24 bits",
        arguments: [2, 3],
        [WeightAverage.Rule.mean, .exponential(decay: 0.75), .exponential(decay: 0.99)]
    )
    func averages(parties: Int, rule: WeightAverage.Rule) async throws {
        let steps = 8
        let names = ["weight", "bias"]
        let told = try await withLocalParties(parties) { session -> [[Double]] in
            var tree = ParameterTree()
            for name in names {
                let numbers = Self.start[name]!
                tree[name] = try await session.input(from: .party(1), shape: [numbers.count]) {
                    Tensor(numbers, shape: [numbers.count])
                }
            }
            var model = Parameters(parameters: tree)
            var optimizer = SGD(learningRate: 0.25)
            var average = WeightAverage(rule)
            var told: [[Double]] = []
            for step in 0..<steps {
                var gradients = ParameterTree()
                for name in names {
                    let numbers = Self.gradient(step, Self.start[name]!.count)
                    gradients[name] = try await session.input(from: .party(0), shape: [numbers.count]) {
                        Tensor(numbers, shape: [numbers.count])
                    }
                }
                try await optimizer.update(&model, gradients, on: session)
                try await average.update(with: model, on: session)
                // With all the bits that are kept.
                let wide = average.applied(to: model).parameters.map { $0.tensor * 256 }
                let tensors = try #require(try await session.reveal(wide, to: .all))
                told.append(tensors.flatMap { $0.doubles.map { $0 / 256 } })
            }
            #expect(average.count == steps && average.parameters.names == names)
            return told
        }
        var parameters = names.flatMap { Self.start[$0]! }
        var expected: [Double] = []
        for step in 0..<steps {
            let slope = names.flatMap { Self.gradient(step, Self.start[$0]!.count) }
            parameters = zip(parameters, slope).map { $0 - 0.25 * $1 }
            let share =
                switch rule {
                case .mean: 1 / Double(step + 1)
                case .exponential(let decay): step == 0 ? 1 : 1 - decay
                }
            if step == 0 { expected = parameters }
            expected = zip(expected, parameters).map { $0 + ($1 - $0) * share }
            for answer in told {
                let worst = zip(answer[step], expected).map { abs($0 - $1) }.max()!
                #expect(worst <= Double(step + 2) * 0x1p-24, "step \(step): \(worst)")
            }
        }
    }

    @Test("an update is one run of one round, but the first, which sends nothing; and what was kept before is released")
    func cost() async throws {
        let count = 1000
        let told = try await withLocalParties(2) { session -> [[Int]] in
            let start = try await session.input(from: .party(0), shape: [count]) {
                Tensor([Double](repeating: 0.5, count: count), shape: [count])
            }
            let kept = try await session.evaluate([start], fractionBits: 24).kept
            let model = Parameters(parameters: ParameterTree([("p", kept[0])]))
            var average = WeightAverage()
            var costs: [[Int]] = []
            for _ in 0..<4 {
                let old = average.parameters["p"]
                let before = try await session.statistics
                try await average.update(with: model, on: session)
                let spent = try await session.statistics - before
                costs.append([spent.runs, spent.rounds, spent.onlineBytes, spent.dealerBytes])
                if let old {
                    await #expect(throws: CrypTenError.self) { try await session.release([old]) }
                }
            }
            return costs
        }
        print("runs, rounds, bytes and bytes dealt of updates of 1,000 parameters: \(told)")
        for costs in told {
            #expect(costs.map { $0[0] } == [1, 1, 1, 1])
            #expect(costs[0][1] == 0 && costs[1][1] == 1)
            #expect(costs[1] == costs[2] && costs[2] == costs[3])
        }
    }

    @Test("decays out of range and other models' parameters are errors, and change nothing")
    func refusals() async throws {
        _ = try await withLocalParties(2) { session in
            let numbers = try await session.input(from: .party(0), shape: [2]) { Tensor([1.0, 2], shape: [2]) }
            let model = Parameters(parameters: ParameterTree([("p", numbers)]))
            let other = Parameters(parameters: ParameterTree([("q", numbers)]))
            var wrong = WeightAverage(.exponential(decay: 1.5))
            await #expect(throws: CrypTenError.self) { try await wrong.update(with: model, on: session) }
            #expect(wrong.count == 0)
            var average = WeightAverage()
            #expect(average.applied(to: model).parameters["p"]?.node === numbers.node)
            try await average.update(with: model, on: session)
            await #expect(throws: CrypTenError.self) { try await average.update(with: other, on: session) }
            #expect(average.count == 1 && average.parameters.names == ["p"])
            let told = try await session.reveal(average.applied(to: model).parameters["p"]!, to: .all)
            #expect(told?.doubles == [1, 2])
        }
    }
}
