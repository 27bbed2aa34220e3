import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

/// Steps of LAMB, against the paper's algorithm in double.
@Suite("LAMB")
struct LAMBTests {
    struct Parameters: Module {
        var parameters: ParameterTree
    }

    /// Some parameters: a matrix, a bias that begins with zeros, one number, and small weights.
    static let shapes: [(name: String, shape: Shape, scale: Double)] = [
        ("weight", [3, 5], 1), ("bias", [6], 0), ("scale", [1], 4), ("small", [4, 2, 2], 0.02),
    ]

    static func numbers(_ shape: Shape, seed: Int, scale: Double) -> [Double] {
        (0..<shape.count).map { place -> Double in
            let number = Double((place * 37 + seed * 23) % 61 - 30) / 32
            // What inputs have.
            return (number * scale * 65536).rounded() / 65536
        }
    }

    /// Algorithm 2 of the paper, for one parameter; ε stands beside the root.
    struct Reference {
        var parameter: [Double]
        private var first: [Double]
        private var second: [Double]
        private var step = 0.0

        init(_ parameter: [Double]) {
            self.parameter = parameter
            first = parameter.map { _ in 0 }
            second = first
        }

        mutating func update(_ gradient: [Double], _ lamb: LAMB) {
            step += 1
            func power(_ x: Double) -> Double { (0..<Int(step)).reduce(1) { product, _ in product * x } }
            first = zip(first, gradient).map { lamb.betas.0 * $0 + (1 - lamb.betas.0) * $1 }
            second = zip(second, gradient).map { lamb.betas.1 * $0 + (1 - lamb.betas.1) * $1 * $1 }
            let (one, two) = (1 - power(lamb.betas.0), 1 - power(lamb.betas.1))
            let direction = parameter.indices.map {
                first[$0] / one / ((second[$0] / two).squareRoot() + lamb.epsilon) + lamb.weightDecay * parameter[$0]
            }
            func norm(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
            let (length, way) = (norm(parameter), norm(direction))
            let ratio = length > 0 && way > 0 ? length / way : 1
            parameter = zip(parameter, direction).map { $0 - lamb.learningRate * ratio * $1 }
        }
    }

    static func reference(_ lamb: LAMB, steps: Int) -> [[[Double]]] {
        var references = shapes.map { Reference(numbers($0.shape, seed: 1, scale: $0.scale)) }
        return (0..<steps).map { step in
            for (index, item) in shapes.enumerated() {
                references[index].update(numbers(item.shape, seed: step + 5, scale: 0.25), lamb)
            }
            return references.map(\.parameter)
        }
    }

    static let optimizers = [LAMB(learningRate: 0.05), LAMB(learningRate: 0.02, betas: (0.8, 0.99), weightDecay: 0.2)]

    @Test(
        "steps in the clear are the paper's, within 10⁻⁴ of the way, which is what ε is",
        arguments: optimizers.indices
    )
    func clear(which: Int) throws {
        let lamb = Self.optimizers[which]
        let steps = 6
        let evaluator = ClearEvaluator { node in
            throw FixtureError(description: "\(node.operation.name) is no constant")
        }
        let slots = lamb.slots.map(\.name)
        var parameters = Self.shapes.map { Tensor(Self.numbers($0.shape, seed: 1, scale: $0.scale), shape: $0.shape) }
        var memory = Self.shapes.map { item in
            slots.map { _ in Tensor([Double](repeating: 0, count: item.shape.count), shape: item.shape) }
        }
        let expected = Self.reference(lamb, steps: steps)
        for step in 0..<steps {
            for (index, item) in Self.shapes.enumerated() {
                let gradient = Tensor(Self.numbers(item.shape, seed: step + 5, scale: 0.25), shape: item.shape)
                let next = lamb.step(
                    CrypTensor(constant: parameters[index]),
                    CrypTensor(constant: gradient),
                    Dictionary(uniqueKeysWithValues: zip(slots, memory[index].map { CrypTensor(constant: $0) })),
                    rates: lamb.rates(at: step + 1).map { CrypTensor($0) }
                )
                let found = try evaluator.evaluate(
                    [next.parameter.node] + slots.map { try #require(next.remembered[$0]).node }
                )
                (parameters[index], memory[index]) = (found[0], Array(found.dropFirst()))
                for (number, right) in zip(found[0].doubles, expected[step][index]) {
                    #expect(abs(number - right) <= 1e-4 * lamb.learningRate * Double(step + 1), "\(item.name), \(step)")
                }
            }
        }
    }

    @Test(
        "steps between parties are the paper's, within 10⁻³ of the way",
        arguments: [2, 3],
        optimizers.indices
    )
    func secret(parties: Int, which: Int) async throws {
        let lamb = Self.optimizers[which]
        let steps = 6
        let told = try await withLocalParties(parties) { session -> [[[Double]]] in
            var tree = ParameterTree()
            for item in Self.shapes {
                tree[item.name] = try await session.input(from: .party(1), shape: item.shape) {
                    Tensor(Self.numbers(item.shape, seed: 1, scale: item.scale), shape: item.shape)
                }
            }
            var model = Parameters(parameters: tree)
            var optimizer = lamb
            var told: [[[Double]]] = []
            for step in 0..<steps {
                var gradients = ParameterTree()
                for item in Self.shapes {
                    gradients[item.name] = try await session.input(from: .party(0), shape: item.shape) {
                        Tensor(Self.numbers(item.shape, seed: step + 5, scale: 0.25), shape: item.shape)
                    }
                }
                try await optimizer.update(&model, gradients, on: session)
                let wide = model.parameters.map { $0.tensor * 256 }
                told.append(try #require(try await session.reveal(wide, to: .all)).map { $0.doubles.map { $0 / 256 } })
            }
            return told
        }
        let expected = Self.reference(lamb, steps: steps)
        for answer in told {
            var worst = 0.0
            for index in Self.shapes.indices {
                var (way, last) = (
                    0.0, Self.numbers(Self.shapes[index].shape, seed: 1, scale: Self.shapes[index].scale)
                )
                for step in 0..<steps {
                    way += zip(last, expected[step][index]).map { abs($0 - $1) }.max()!
                    last = expected[step][index]
                    for (number, right) in zip(answer[step][index], last) {
                        worst = max(worst, abs(number - right) / way)
                        #expect(
                            abs(number - right) <= 1e-3 * way + 3 * 0x1p-20,
                            "\(Self.shapes[index].name), step \(step): \(number) instead of \(right)"
                        )
                    }
                }
            }
            print("LAMB between \(parties) parties: at worst \(worst) of the way from the paper's")
        }
    }

    @Test("a step takes as many rounds more than Adam's as it says, whatever parameters there are", arguments: [1, 3])
    func cost(parameters: Int) async throws {
        let shape: Shape = [32, 128]
        let told = try await withLocalParties(2) { session -> [[Int]] in
            var costs: [[Int]] = []
            for optimizer in [Adam(learningRate: 0.01) as any Optimizer, LAMB(learningRate: 0.01)] {
                var optimizer = optimizer
                var model = Parameters(parameters: ParameterTree())
                for index in 0..<parameters {
                    model.parameters["\(index)"] = try await session.input(from: .party(0), shape: shape) {
                        Tensor(Self.numbers(shape, seed: index, scale: 1), shape: shape)
                    }
                }
                for step in 0..<2 {
                    var gradients = ParameterTree()
                    for index in 0..<parameters {
                        gradients["\(index)"] = try await session.input(from: .party(1), shape: shape) {
                            Tensor(Self.numbers(shape, seed: step, scale: 1), shape: shape)
                        }
                    }
                    let before = try await session.statistics
                    try await optimizer.update(&model, gradients, on: session)
                    let spent = try await session.statistics - before
                    let count = parameters * shape.count
                    if step == 1 { costs.append([spent.rounds, spent.onlineBytes / count, spent.dealerBytes / count]) }
                }
            }
            return costs
        }
        print("rounds, bytes a parameter, bytes dealt a parameter: of Adam, of LAMB: \(told)")
        #expect(told[0][1][0] - told[0][0][0] == 14)
    }
}
