import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Testing

/// Gradients against central differences of the evaluator in the clear, which shares nothing with the rules.
@Suite struct GradientTests {
    /// A function of some tensors, and where they are drawn from.
    struct Subject: CustomTestStringConvertible, Sendable {
        var name: String
        var shapes: [Shape]
        var range: ClosedRange<Double>
        var isSmooth: Bool
        var function: @Sendable ([CrypTensor]) -> CrypTensor

        init(
            _ name: String,
            _ shapes: [Shape],
            _ range: ClosedRange<Double> = -2...2,
            isSmooth: Bool = false,
            _ function: @escaping @Sendable ([CrypTensor]) -> CrypTensor
        ) {
            (self.name, self.shapes, self.range, self.isSmooth, self.function) = (
                name, shapes, range, isSmooth, function
            )
        }

        var testDescription: String { name }
    }

    static let structure: [Subject] = [
        Subject("reshape and permute", [[2, 3, 4]]) { $0[0].reshape(4, 6).permuted(1, 0).square() },
        Subject("slice forwards by steps", [[9]]) { $0[0][TensorIndex.range(start: 1, end: 9, step: 3)].square() },
        Subject("slice backwards", [[2, 7]]) { $0[0].flip(axes: [1]).square() },
        Subject("broadcast", [[3, 1]]) { $0[0].broadcast(to: [2, 3, 4]).square() },
        Subject("concatenate", [[2, 2], [2, 3]]) { concatenate([$0[0], $0[1]], axis: 1).square() },
        Subject("pad", [[2, 3]]) { $0[0].pad(before: [1, 0], after: [2, 1]).square() },
        Subject("take rows, some twice", [[4, 3]]) { $0[0].take([2, 0, 2, 3, 2], axis: 0).square() },
        Subject("take one of a few very often", [[3, 2]]) { x in
            x[0].take((0..<200).map { $0 % 2 }, axis: 0).square()
        },
        Subject("cumulative sum", [[2, 5]]) { $0[0].cumsum(axis: 1).square() },
    ]

    static let products: [Subject] = [
        Subject("a + b and a − b, broadcast", [[2, 3], [3]]) { ($0[0] + $0[1]) * ($0[0] - $0[1]) },
        Subject("multiply, broadcast both ways", [[3, 1], [1, 4]], isSmooth: true) { $0[0] * $0[0] * $0[1] },
        Subject("matmul", [[2, 3], [3, 4]], isSmooth: true) { $0[0].matmul($0[1]).square() },
        Subject("matmul of stacks", [[2, 2, 3], [3, 2]]) { $0[0].matmul($0[1]).square() },
        Subject("linear", [[4, 3], [2, 3], [2]]) { $0[0].linear($0[1], bias: $0[2]).square() },
        Subject("convolution", [[2, 2, 5, 4], [3, 2, 3, 2], [3]]) {
            $0[0].conv2d($0[1], bias: $0[2], stride: 2, padding: 1).square()
        },
        Subject("convolution in groups, dilated", [[1, 4, 6, 6], [4, 2, 2, 2]]) {
            $0[0].conv2d($0[1], dilation: 2, groups: 2).square()
        },
        Subject("mean of public factors", [[4, 3]], isSmooth: true) { ($0[0].square() * 0.001).mean() },
        Subject("variance", [[3, 5]], isSmooth: true) { $0[0].variance(axes: [1]) },
    ]

    static let corners: [Subject] = [
        Subject("relu", [[3, 4]]) { $0[0].relu() * $0[0] },
        Subject("abs", [[7]]) { $0[0].abs() * $0[0] },
        Subject("leaky ReLU", [[7]]) { $0[0].leakyRelu(0.1).square() },
        Subject("clamp", [[9]]) { $0[0].clamp(min: -0.7, max: 1.1).square() },
        Subject("larger and smaller", [[6], [6]]) { ($0[0].maximum($0[1]) * $0[0].minimum($0[1])).square() },
        Subject("max along an axis", [[3, 5]]) { $0[0].max(axes: [1]).square() },
        Subject("max of all", [[3, 9]]) { $0[0].max().square() },
        Subject("max-pool", [[1, 2, 4, 6]]) { $0[0].maxPool2d(2).square() },
        Subject("max-pool of ReLU, overlapping", [[1, 2, 5, 5]]) {
            $0[0].relu().maxPool2d(3, stride: 2, padding: 1).square()
        },
        Subject("average pool", [[1, 2, 5, 5]]) { $0[0].avgPool2d(3, stride: 2, padding: 1).square() },
        Subject("where", [[6], [6]]) { x in `where`(x[0] .< x[1], x[0] * x[1], x[1]).square() },
        Subject("sorted", [[2, 6]]) { x in
            x[0].sort(axis: 1) * CrypTensor(constant: Tensor([1.0, 2, 3, 4, 5, 6], shape: [6]))
        },
    ]

    static let functions: [Subject] = [
        Subject("sigmoid", [[7]], -4...4, isSmooth: true) { $0[0].sigmoid() },
        Subject("tanh", [[7]], -4...4, isSmooth: true) { $0[0].tanh() },
        Subject("erf", [[7]], -3...3, isSmooth: true) { $0[0].erf() },
        Subject("gelu", [[7]], -4...4, isSmooth: true) { $0[0].gelu() },
        Subject("silu", [[7]], -6...6, isSmooth: true) { $0[0].silu() },
        Subject("swish of 1.7", [[7]], -4...4) { $0[0].swish(1.7) },
        Subject("softplus", [[7]], -6...6, isSmooth: true) { $0[0].softplus() },
        Subject("mish", [[7]], -6...6, isSmooth: true) { $0[0].mish() },
        Subject("sin and cos", [[5]], isSmooth: true) { $0[0].sin() * $0[0].cos() },
        Subject("exp", [[5]], isSmooth: true) { $0[0].exp() },
        Subject("log", [[5]], 0.1...9, isSmooth: true) { $0[0].log() },
        Subject("log of a multiple", [[5]], 0.1...9) { ($0[0] * 3.0).log() },
        Subject("reciprocal", [[5]], 0.3...4, isSmooth: true) { $0[0].reciprocal() },
        Subject("division, broadcast", [[3], [2, 3]], 0.5...3, isSmooth: true) { $0[1] / $0[0] },
        Subject("sqrt", [[5]], 0.1...9, isSmooth: true) { $0[0].sqrt() },
        Subject("inverse square root", [[5]], 0.1...9, isSmooth: true) { $0[0].inverseSquareRoot() },
        Subject("softmax", [[2, 5]], isSmooth: true) { x in
            x[0].softmax(axis: 1) * CrypTensor(constant: Tensor([1.0, -2, 3, 0.5, 2], shape: [5]))
        },
        Subject("logSoftmax", [[2, 5]], isSmooth: true) { x in
            x[0].logSoftmax(axis: 1) * CrypTensor(constant: Tensor([1.0, -2, 3, 0.5, 2], shape: [5]))
        },
        Subject("logSumExp", [[3, 4]], isSmooth: true) { $0[0].logSumExp(axis: 1) },
        Subject("layer norm", [[3, 6], [6], [6]]) {
            $0[0].layerNorm(weight: $0[1], bias: $0[2]).square()
        },
        Subject("elu", [[7]]) { $0[0].elu(0.7) },
        Subject("tan and atan", [[6]], -1.2...1.2) { $0[0].tan() + $0[0].atan() },
    ]

    @Test("a tensor without a path to it has an error that names where the paths ended")
    func missing() throws {
        let (x, y, unused) = (placeholder([3]), placeholder([3]), placeholder([2]))
        let value = (x * (y .< 0.5).toReal() + y.floor().toReal()).sum()
        let gradients = gradient(of: value, withRespectTo: [x, y, unused, x + y])
        #expect(gradients[0].error == nil)
        let errors = gradients.dropFirst().map(\.error)
        #expect(errors.map(\.?.code) == [.noGradient, .noGradient, .noGradient])
        let ended = try #require(errors[0])
        #expect(ended.message.contains("isNegative") && ended.message.contains("floor"), "\(ended)")
        #expect(ended.message.contains("GradientTests.swift"), "\(ended)")
        #expect(try #require(errors[1]).message.contains("isn't used"), "\(errors)")
        #expect(gradient(of: x .< y, withRespectTo: [x])[0].error?.code == .invalidArgument)
        let stopped = gradient(of: (x.stopGradient() * y).sum(), withRespectTo: [x, y])
        #expect(stopped[0].error?.code == .noGradient && stopped[1].error == nil)
    }

    @Test("gradients are those of central differences", arguments: structure + products + corners + functions)
    func centralDifferences(_ subject: Subject) throws {
        var random = SeededGenerator(seed: 0x6AD)
        let numbers = subject.shapes.map { shape in
            (0..<shape.count).map { _ in Double.random(in: subject.range, using: &random) }
        }
        let names = subject.shapes.indices
        let tensors = names.map { placeholder(subject.shapes[$0]) }
        let value = subject.function(tensors)
        try #require(value.error == nil, "\(value)")
        let weights = (0..<value.count).map { _ in Double.random(in: 0.5...2, using: &random) }
        let total = (value * CrypTensor(constant: Tensor(weights, shape: value.shape))).sum()
        let gradients = gradient(of: total, withRespectTo: tensors)
        func at(_ numbers: [[Double]], _ results: [CrypTensor]) throws -> [[Double]] {
            let values = Dictionary(
                uniqueKeysWithValues: names.map {
                    (ObjectIdentifier(tensors[$0].node), Tensor(numbers[$0], shape: subject.shapes[$0]))
                }
            )
            return try ClearEvaluator { values[ObjectIdentifier($0)]! }.evaluate(results.map(\.node)).map(\.doubles)
        }
        let found = try at(numbers, gradients)
        func difference(of result: CrypTensor, _ input: Int, _ place: Int) throws -> Double {
            let h = 1e-5
            let (before, after) = try (-1...1).filter { $0 != 0 }.map { sign in
                var moved = numbers
                moved[input][place] += Double(sign) * h
                return try at(moved, [result])[0][0]
            }.pair
            return (after - before) / (2 * h)
        }
        for input in names {
            for place in numbers[input].indices {
                let expected = try difference(of: total, input, place)
                #expect(
                    abs(found[input][place] - expected) <= 1e-6 + 1e-6 * expected.magnitude,
                    "input \(input), element \(place): \(found[input][place]), by differences \(expected)"
                )
            }
        }
        guard subject.isSmooth else { return }
        let direction = (0..<numbers[0].count).map { _ in Double.random(in: 0.5...2, using: &random) }
        let slope = (gradients[0] * CrypTensor(constant: Tensor(direction, shape: subject.shapes[0]))).sum()
        let second = try at(numbers, [gradient(of: slope, withRespectTo: [tensors[0]])[0]])[0]
        for place in numbers[0].indices {
            let expected = try difference(of: slope, 0, place)
            #expect(
                abs(second[place] - expected) <= 1e-5 + 1e-5 * expected.magnitude,
                "second derivative, element \(place): \(second[place]), by differences \(expected)"
            )
        }
    }
}

extension Array {
    fileprivate var pair: (Element, Element) { (self[0], self[1]) }
}
