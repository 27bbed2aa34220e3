import CrypTen
import CrypTenExpressions
import CrypTenRuntime
import Testing

/// What a step of an optimiser costs beside one of plain gradient descent, by the transport's counters.
@Suite("What optimisers cost")
struct OptimizerCostTests {
    /// One parameter, whose gradient is a product.
    struct Single: Module {
        var parameters: ParameterTree

        func callAsFunction(_ x: CrypTensor) -> CrypTensor {
            x.matmul(parameters["w"]!)
        }
    }

    /// What a step takes, in the midst of training.
    struct Step: Equatable {
        var rounds: Int
        /// Tenths of a byte a parameter: opened by each party, and dealt.
        var opened: Int
        var dealt: Int
        /// Plans that were made from the third step on.
        var plans: Int
    }

    private static let shape: Shape = [128, 64]

    private static func step(of optimizer: any Optimizer) async throws -> Step {
        let told = try await withLocalParties(2) { session -> Step in
            var optimizer = optimizer
            @Sendable func numbers(_ seed: Int, _ shape: Shape) -> Tensor {
                Tensor((0..<shape.count).map { Double(($0 * 37 + seed * 11) % 64) / 64 - 0.5 }, shape: shape)
            }
            let x = try await session.hold([
                try await session.input(from: .party(0), shape: [4, 128]) { numbers(1, [4, 128]) }
            ])[0]
            var model = Single(
                parameters: ParameterTree([
                    ("w", try await session.input(from: .party(1), shape: shape) { numbers(2, shape) })
                ])
            )
            model.parameters = ParameterTree([
                ("w", try await session.evaluate(model.parameters.map(\.tensor), fractionBits: 24).kept[0])
            ])
            var step = Step(rounds: 0, opened: 0, dealt: 0, plans: 0)
            for index in 0..<4 {
                let before = try await session.statistics
                let (_, gradients, _) = valueAndGradient(of: model) { ($0(x) * $0(x)).sum() * 0.25 }
                try await optimizer.update(&model, gradients, on: session)
                let spent = try await session.statistics - before
                if index < 2 { continue }
                step.plans += spent.plans
                (step.rounds, step.opened, step.dealt) = (
                    spent.rounds, spent.onlineBytes * 10 / shape.count, spent.dealerBytes * 10 / shape.count
                )
            }
            return step
        }
        // What is dealt each party counts of its own.
        var step = told[0]
        step.dealt = told.reduce(0) { $0 + $1.dealt }
        return step
    }

    @Test(
        "a step of Adam takes no more beside one of SGD than it says: rounds, bytes opened and bytes dealt a parameter"
    )
    func adam() async throws {
        let plain = try await Self.step(of: SGD(learningRate: 0.1))
        let adam = try await Self.step(of: Adam(learningRate: 0.01))
        let more = Step(
            rounds: adam.rounds - plain.rounds,
            opened: adam.opened - plain.opened,
            dealt: adam.dealt - plain.dealt,
            plans: adam.plans
        )
        print("Adam beside SGD: \(more)")
        #expect(more.plans == 0)
        #expect(more.rounds <= 16 && more.opened <= 1200 && (5000...6000).contains(more.dealt))
    }
}
