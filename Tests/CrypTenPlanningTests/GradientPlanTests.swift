import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import Testing

/// What gradients add to a plan: no comparison, no exponential, and the rounds that are claimed.
@Suite("Plans with gradients")
struct GradientPlanTests {
    /// What a plan holds and costs.
    struct Figures {
        var comparisons = 0
        var exponentials = 0
        var rounds: Int
        /// Bits that comparisons open.
        var comparisonBits = 0
        /// Bytes that comparisons are dealt.
        var comparisonBytes = 0

        init(_ expressions: [CrypTensor]) throws {
            let prepared = try plan(expressions)
            let cost = PlanCost(of: prepared, framing: Framing(headerBytes: 0, chunkBytes: 1 << 20))
            rounds = cost.rounds
            for step in prepared.plan.steps {
                switch step.gate {
                case .sign, .truncatedReLU, .maximum, .magnitude, .isZero, .boolean:
                    if case .boolean = step.gate {} else { comparisons += 1 }
                    for stage in step.gate.gate.cost(parties: 2) {
                        comparisonBits += stage.openings.reduce(0) { $0 + $1.words * 64 }
                        comparisonBytes += stage.correctionWords * 8
                    }
                case .exponential: exponentials += 1
                default: break
                }
            }
        }
    }

    /// A layer, a function of it, another layer, and their gradients with respect to the weights of both.
    private func figures(
        hidden: Shape,
        _ function: (CrypTensor) -> CrypTensor
    ) throws -> (forward: Figures, training: Figures, elements: Int) {
        let source = ExpressionSource(seed: 1)
        let x = source.input([64, 32])
        let (first, second) = (source.input([32, hidden.count / 64]), source.input([hidden.count / 64, 64]))
        let between = function(x.matmul(first).reshape(hidden))
        let loss = between.reshape(64, -1).matmul(second[0..<(between.count / 64)]).square().sum()
        let gradients = gradient(of: loss, withRespectTo: [first, second])
        return (try Figures([loss]), try Figures([loss] + gradients), hidden.count)
    }

    @Test("the gradient of ReLU compares nothing and adds no round but its masking")
    func relu() throws {
        let (forward, training, elements) = try figures(hidden: [64, 64]) { $0.relu() }
        #expect(forward.comparisons == 1)
        #expect(training.comparisons == 1)
        #expect(training.comparisonBits == forward.comparisonBits)
        #expect(training.comparisonBytes - forward.comparisonBytes <= elements / 8)
        // Beside the loss: two maskings of gradients, of which one is what ReLU's adds, each with its truncation.
        #expect(training.rounds - forward.rounds <= 3, "\(training.rounds) rounds, \(forward.rounds) without gradients")
    }

    @Test("the gradient of a pool of ReLUs takes the pool's winners and one ReLU of them", arguments: [2, 3])
    func pool(window: Int) throws {
        let (forward, training, _) = try figures(hidden: [64, 1, 6, 6]) { $0.relu().maxPool2d(IntOrPair(window)) }
        #expect(training.comparisons == forward.comparisons)
        let levels = window == 2 ? 1 : 2
        #expect(
            training.rounds - forward.rounds <= 3 + (levels - 1),
            "\(training.rounds) rounds, \(forward.rounds) without gradients"
        )
    }

    @Test(
        "softmax cross entropy's gradient shares maximum, exponentials, sum and comparisons with the loss",
        arguments: [false, true]
    )
    func crossEntropy(isOneHot: Bool) throws {
        let source = ExpressionSource(seed: 1)
        let (x, w, y) = (source.input([16, 8]), source.input([8, 10]), source.input([16, 10]))
        let scores = x.matmul(w)
        let loss =
            isOneHot
            ? CrypTenExpressions.crossEntropy(scores, labels: y) : CrypTenExpressions.crossEntropy(scores, y)
        let gradients = gradient(of: loss, withRespectTo: [w])
        let (forward, training) = (try Figures([loss]), try Figures([loss] + gradients))
        #expect(training.exponentials == forward.exponentials)
        #expect(training.comparisons == forward.comparisons)
        // Softmax's own three; masking the gradient, and truncating its product with the layer's input.
        #expect(
            training.rounds - forward.rounds <= 5,
            "\(training.rounds) rounds, \(forward.rounds) without gradients"
        )
    }

    @Test("clamp, abs, where and sort compare nothing again")
    func others() throws {
        let functions: [(CrypTensor) -> CrypTensor] = [
            { $0.abs() }, { $0.clamp(min: -1, max: 2) }, { `where`($0 .< 0.5, $0 * $0, $0) }, { $0.sort() },
            { $0.leakyRelu(0.1) },
        ]
        for function in functions {
            let (forward, training, _) = try figures(hidden: [64, 8]) { function($0) }
            #expect(training.comparisons == forward.comparisons)
        }
    }
}
