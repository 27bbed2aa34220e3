import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

/// Gradients that are clipped, against PyTorch's.
@Suite("Clipping against PyTorch's")
struct ClippingTests {
    /// Gradients of some parameters, and what is left of them.
    struct Clipped: Decodable, Sendable, CustomStringConvertible {
        /// PyTorch's name.
        var clipping: String
        /// Under PyTorch's names.
        var arguments: [String: Double]
        var gradients: [[Double]]
        var clipped: [[Double]]

        var description: String { "\(clipping) \(arguments)" }

        /// The square root of the sum of all squares.
        var norm: Double {
            gradients.flatMap(\.self).reduce(0) { $0 + $1 * $1 }.squareRoot()
        }

        /// By how much the factor differs because PyTorch adds 10⁻⁶ to the norm.
        var addend: Double { clipping == "clip_grad_norm_" ? 1e-6 / norm : 0 }

        func clip(_ gradients: ParameterTree) throws -> ParameterTree {
            switch clipping {
            case "clip_grad_norm_": gradients.clipped(toNorm: try #require(arguments["max_norm"]))
            case "clip_grad_value_": gradients.clipped(toValue: try #require(arguments["clip_value"]))
            default: throw FixtureError(description: "there is no \(clipping)")
            }
        }
    }

    /// One case of the file; nothing where it isn't one of clipping.
    struct Entry: Decodable {
        private enum Key: CodingKey {
            case clipping
        }

        var clipped: Clipped?

        init(from decoder: any Decoder) throws {
            let isClipping = try decoder.container(keyedBy: Key.self).contains(.clipping)
            clipped = isClipping ? try Clipped(from: decoder) : nil
        }
    }

    struct Content: Decodable {
        var cases: [Entry]
    }

    static func cases() throws -> [Clipped] {
        let content: Content = try Fixture.read("optimizer-steps.json")
        let cases = content.cases.compactMap(\.clipped)
        try #require(cases.count == 5)
        return cases
    }

    static func tree(_ tensors: [CrypTensor]) -> ParameterTree {
        ParameterTree(tensors.enumerated().map { ("\($0)", $1) })
    }

    @Test("gradients clipped in the clear are PyTorch's, within ten digits and what its addend is")
    func clear() throws {
        let evaluator = ClearEvaluator { node in
            throw FixtureError(description: "\(node.operation.name) is no constant")
        }
        for item in try Self.cases() {
            let gradients = Self.tree(item.gradients.map { CrypTensor(constant: Tensor($0, shape: [$0.count])) })
            let found = try evaluator.evaluate(item.clip(gradients).map(\.tensor.node)).map(\.doubles)
            for (number, right) in zip(found.joined(), item.clipped.joined()) {
                #expect(abs(number - right) <= (5e-10 + item.addend) * abs(right), "\(item): \(number), \(right)")
            }
        }
    }

    @Test(
        "gradients clipped between parties are PyTorch's, within two units, and 10⁻³ of what is scaled",
        arguments: [2, 3]
    )
    func secret(parties: Int) async throws {
        let cases = try Self.cases()
        let answers = try await withLocalParties(parties) { session -> [[[Double]]] in
            var answers: [[[Double]]] = []
            for item in cases {
                var tensors: [CrypTensor] = []
                for (owner, numbers) in item.gradients.enumerated() {
                    tensors.append(
                        try await session.input(from: PartyID(owner), shape: [numbers.count]) {
                            Tensor(numbers, shape: [numbers.count])
                        }
                    )
                }
                let clipped = try item.clip(Self.tree(tensors)).map(\.tensor)
                answers.append(try #require(try await session.reveal(clipped, to: .all)).map(\.doubles))
            }
            return answers
        }
        for answer in answers {
            for (item, found) in zip(cases, answer) {
                let relative = item.clipping == "clip_grad_norm_" ? 1e-3 : 0
                for (number, right) in zip(found.joined(), item.clipped.joined()) {
                    #expect(abs(number - right) <= 0x1p-15 + relative * abs(right), "\(item): \(number), \(right)")
                }
            }
        }
    }

    @Test("gradients of 10⁻⁶ stay what they are when they are clipped, within two units of 24 bits")
    func small() async throws {
        let numbers = [3.0, -5, 17, 100, -250, 1].map { $0 * 0x1p-24 }
        let count = numbers.count
        let told = try await withLocalParties(2) { session -> [[Double]] in
            let large = try await session.input(from: .party(1), shape: [count]) {
                Tensor(numbers.map { $0 * 256 }, shape: [count])
            }
            let gradients = Self.tree([large * 0x1p-8])
            let trees = [gradients.clipped(toValue: 0.5), gradients.clipped(toNorm: 0.5)]
            let kept = try await session.evaluate(trees.map { $0[0].tensor }, fractionBits: 24).kept
            return try #require(try await session.reveal(kept.map { $0 * 256 }, to: .all)).map(\.doubles)
        }
        for found in told[0] {
            for (number, right) in zip(found, numbers) {
                #expect(abs(number / 256 - right) <= 0x1p-23, "\(number / 256) instead of \(right)")
            }
        }
        #expect(told[0] == told[1])
    }

    @Test("gradients that explode are scaled down to the bound, those within it not at all")
    func ratios() async throws {
        let count = 64
        let directions = (0..<count).map { Double(($0 * 37) % 64) / 64 - 0.5 }
        let norm = directions.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let factors = [0.001, 0.5, 0.998, 1.002, 2, 10, 100, 1000, 10_000]
        let told = try await withLocalParties(2) { session -> [[Double]] in
            var clipped: [CrypTensor] = []
            for factor in factors {
                let gradient = try await session.input(from: .party(0), shape: [count]) {
                    Tensor(directions.map { $0 * factor / norm }, shape: [count])
                }
                clipped.append(Self.tree([gradient]).clipped(toNorm: 1)[0].tensor)
            }
            return try #require(try await session.reveal(clipped, to: .all)).map(\.doubles)
        }
        for (factor, found) in zip(factors, told[0]) {
            let length = found.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let error = length - min(factor, 1)
            print("‖g‖ = \(factor) · bound: clipped to \(length)")
            #expect(
                abs(error) <= (factor < 1 ? 2e-4 : factor <= 100 ? 1.5e-3 : factor / 100 * 1e-3),
                "\(factor): \(length)"
            )
        }
    }

    @Test("clipping takes as many rounds and bytes as it says")
    func cost() async throws {
        let count = 1 << 12
        let told = try await withLocalParties(2) { session -> [[Int]] in
            let gradient = try await session.input(from: .party(0), shape: [count]) {
                Tensor((0..<count).map { Double($0 % 7) / 8 }, shape: [count])
            }
            // Of shares, as gradients are.
            let factor = try await session.input(from: .party(1), shape: [count]) {
                Tensor([Double](repeating: 0.75, count: count), shape: [count])
            }
            let product = gradient * factor
            var costs: [[Int]] = []
            for expression in [
                product, Self.tree([product]).clipped(toValue: 0.25)[0].tensor,
                Self.tree([product]).clipped(toNorm: 0.25)[0].tensor,
            ] {
                let before = try await session.statistics
                let kept = try await session.evaluate([expression], fractionBits: 24).kept
                let spent = try await session.statistics - before
                costs.append([spent.rounds, spent.onlineBytes / count, spent.dealerBytes / count])
                try await session.release(kept)
            }
            return costs
        }
        print("rounds, bytes an element and bytes dealt: of a product, clipped by value, clipped by norm: \(told)")
        #expect(told[1][1][0] - told[1][0][0] == 4)
        #expect(told[1][2][0] - told[1][0][0] == 14)
    }

    /// One linear layer without bias.
    struct Layer: Module {
        var parameters: ParameterTree
    }

    @Test(
        "a training with clipped gradients under a schedule loses what it loses in double, and each step costs the same"
    )
    func training() async throws {
        let (rows, columns, steps) = (32, 4, 12)
        let x = (0..<rows * columns).map { Double(($0 * 37) % 64) / 32 - 1 }
        let y = (0..<rows).map { row in 2 * x[row * columns] - 1.5 * x[row * columns + 2] + 0.25 }
        let schedule = try OneCycleLR(largest: 0.25, steps: steps)
        let told = try await withLocalParties(2) { session -> (losses: [Double], costs: [[Int]]) in
            let data = try await session.input(from: .party(0)) { Tensor(x, shape: [rows, columns]) }
            let targets = try await session.input(from: .party(1)) { Tensor(y, shape: [rows, 1]) }
            let start = try await session.input(from: .party(0), shape: [1, columns]) {
                Tensor([Double](repeating: 0, count: columns), shape: [1, columns])
            }
            let held = try await session.hold([data, targets])
            var model = Layer(parameters: ParameterTree([("weight", start)]))
            var optimizer = SGD(learningRate: 0, momentum: 0.5)
            var (losses, costs): ([Double], [[Int]]) = ([], [])
            for _ in 0..<steps {
                let before = try await session.statistics
                let (loss, gradients, _) = valueAndGradient(of: model) {
                    mseLoss(held[0].linear($0.parameters["weight"]!), held[1])
                }
                optimizer.follow(schedule)
                let told = try await optimizer.update(
                    &model,
                    gradients.clipped(toNorm: 0.5),
                    on: session,
                    revealing: [loss]
                )
                losses.append(told![0].doubles[0])
                let spent = try await session.statistics - before
                costs.append([spent.rounds, spent.onlineBytes])
            }
            return (losses, costs)
        }
        var (weights, moved) = ([Double](repeating: 0, count: columns), [Double](repeating: 0, count: columns))
        for step in 0..<steps {
            let errors = (0..<rows).map { row in
                (0..<columns).reduce(-y[row]) { $0 + weights[$1] * x[row * columns + $1] }
            }
            let loss = errors.reduce(0) { $0 + $1 * $1 } / Double(rows)
            let slopes = (0..<columns).map { column in
                (0..<rows).reduce(0) { $0 + errors[$1] * x[$1 * columns + column] } * 2 / Double(rows)
            }
            let norm = slopes.reduce(0) { $0 + $1 * $1 }.squareRoot()
            moved = zip(moved, slopes).map { 0.5 * $0 + $1 * min(1, 0.5 / norm) }
            weights = zip(weights, moved).map { $0 - schedule.learningRate(at: step) * $1 }
            for answer in told {
                #expect(abs(answer.losses[step] - loss) <= 1e-3, "step \(step): \(answer.losses[step]), \(loss)")
            }
        }
        // The first step begins with a secret input and makes the momentum's zeros.
        for answer in told { #expect(Set(answer.costs.dropFirst()).count == 1, "\(answer.costs)") }
    }

    @Test("bounds that aren't positive, and gradients that aren't there, are errors")
    func refusals() {
        let gradient = CrypTensor(constant: Tensor([1, 2], shape: [2]))
        for bound in [0, -1, .nan, .infinity] {
            #expect(Self.tree([gradient]).clipped(toNorm: bound)[0].tensor.error?.code == .invalidArgument)
            #expect(Self.tree([gradient]).clipped(toValue: bound)[0].tensor.error?.code == .invalidArgument)
        }
        let broken = gradient.reshape(3)
        let both = Self.tree([gradient, broken])
        #expect(both.clipped(toNorm: 1).allSatisfy { $0.tensor.error?.code == .shapeMismatch })
        #expect(both.clipped(toValue: 1).map { $0.tensor.error?.code } == [nil, .shapeMismatch])
        #expect(ParameterTree().clipped(toNorm: 1).isEmpty && ParameterTree().clipped(toValue: 1).isEmpty)
    }
}
