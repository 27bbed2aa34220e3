import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import Testing
import _CrypTenTestSupport

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
                    for stage in step.gate.gate.cost(parties: 2, slabs: .usual) {
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

    /// Weights, smoothing and a mask of rows, in all of their forms.
    static let crossEntropies:
        [@Sendable (_ scores: CrypTensor, _ target: CrypTensor, _ mask: CrypTensor) -> CrypTensor] = {
            let weights = Tensor((0..<10).map { 0.5 + Double($0) / 8 }, shape: [10])
            let classes = Tensor((0..<16).map { Int64($0 % 10) }, shape: [16])
            return [
                { x, _, _ in
                    CrypTenExpressions.crossEntropy(x, classes: classes, weights: weights, labelSmoothing: 0.125)
                },
                { x, _, mask in
                    CrypTenExpressions.crossEntropy(x, classes: classes, weights: weights, mask: mask)
                },
                { x, y, _ in CrypTenExpressions.crossEntropy(x, y, weights: weights, labelSmoothing: 0.125) },
                { x, y, mask in CrypTenExpressions.crossEntropy(x, y, mask: mask) },
                { x, y, _ in CrypTenExpressions.crossEntropy(x, labels: y, labelSmoothing: 0.125) },
                { x, y, mask in
                    CrypTenExpressions.crossEntropy(x, labels: y, weights: weights, labelSmoothing: 0.125, mask: mask)
                },
            ]
        }()

    @Test(
        "with weights, smoothing and a mask, too, the gradient takes no exponential and no comparison more",
        arguments: crossEntropies.indices
    )
    func weightedCrossEntropy(index: Int) throws {
        let source = ExpressionSource(seed: 1)
        let (x, w, y) = (source.input([16, 8]), source.input([8, 10]), source.input([16, 10]))
        let loss = Self.crossEntropies[index](x.matmul(w), y, source.input([16]))
        let gradients = gradient(of: loss, withRespectTo: [w])
        let (forward, training) = (try Figures([loss]), try Figures([loss] + gradients))
        #expect(training.exponentials == forward.exponentials)
        #expect(training.comparisons == forward.comparisons)
        #expect(training.comparisonBits == forward.comparisonBits)
        // A product with what rows count for is one more.
        #expect(
            training.rounds - forward.rounds <= 6,
            "\(training.rounds) rounds, \(forward.rounds) without gradients"
        )
    }

    @Test("losses with a margin compare nothing again in their gradients")
    func margins() throws {
        let losses: [(CrypTensor, CrypTensor) -> CrypTensor] = [
            { smoothL1Loss($0, $1, beta: 0.5) }, { huberLoss($0, $1, delta: 2) }, { hingeLoss($0, $1) },
            { hingeEmbeddingLoss($0, $1) }, { tripletMarginLoss($0, $1, $0.flip(axes: [0]), p: 1, swap: true) },
        ]
        for loss in losses {
            let source = ExpressionSource(seed: 1)
            let (x, w, y) = (source.input([16, 8]), source.input([8, 10]), source.input([16, 10]))
            let value = loss(x.matmul(w), y)
            let gradients = gradient(of: value, withRespectTo: [w])
            let (forward, training) = (try Figures([value]), try Figures([value] + gradients))
            #expect(training.comparisons == forward.comparisons)
        }
    }

    @Test("inverse hyperbolic functions' gradients divide nothing, and add no round to the function's")
    func inverseHyperbolic() throws {
        for function in [{ $0.asinh() }, { $0.acosh() }] as [(CrypTensor) -> CrypTensor] {
            let x = ExpressionSource(seed: 1).input([64])
            let value = function(x)
            let prepared = try plan([value] + gradient(of: value, withRespectTo: [x]))
            let quotients = prepared.graph.entries.filter { if case .divide = $0.operation { true } else { false } }
            #expect(quotients.isEmpty)
            #expect(try Figures([value] + gradient(of: value, withRespectTo: [x])).rounds == Figures([value]).rounds)
        }
    }

    @Test("a normalisation's gradient divides once, by the root that the normalisation has found")
    func standardization() throws {
        let functions: [(CrypTensor) -> CrypTensor] = [
            { $0.layerNorm() }, { $0.rmsNorm() }, { $0.groupNorm(groups: 4) },
        ]
        for function in functions {
            let x = ExpressionSource(seed: 1).input([6, 8])
            let value = function(x).square().sum()
            let all = [value] + gradient(of: value, withRespectTo: [x])
            let divisions = try plan(all).graph.entries.filter {
                if case .divideByRoot = $0.operation { true } else { false }
            }
            #expect(divisions.count == 2)
            #expect(try Figures(all).comparisons == Figures([value]).comparisons)
        }
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
