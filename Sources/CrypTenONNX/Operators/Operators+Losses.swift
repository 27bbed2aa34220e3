internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Losses of scores `[N, C, d₁ …]` against public classes `[N, d₁ …]`.
    static let losses: [String: OperatorEntry] = [
        "NegativeLogLikelihoodLoss": OperatorEntry([12, 13, 22], known: [1]) { operation in
            let (input, weights) = (try operation.real(0), operation.optional(2))
            let targets = try ClassTargets(operation, input.shape)
            return [
                try Value.computed([input] + [weights].compactMap(\.self), input.type) {
                    targets.loss(of: $0[0], weights: $0.dropFirst().first)
                }
            ]
        },
        "SoftmaxCrossEntropyLoss": OperatorEntry([12, 13], known: [1]) { operation in
            let (scores, weights) = (try operation.real(0), operation.optional(2))
            let targets = try ClassTargets(operation, scores.shape)
            return try Value.computed([scores] + [weights].compactMap(\.self), [scores.type, scores.type]) {
                let logarithms = $0[0].logSoftmax(axis: 1)
                return [targets.loss(of: logarithms, weights: $0.dropFirst().first), logarithms]
            }
        },
    ]
}

/// Public classes of a loss, and how the losses of all are put together.
private struct ClassTargets {
    private enum Reduction { case none, sum, mean }

    private let shape: Shape
    private let classes: Tensor
    /// 0 where a class is ignored.
    private let counts: Tensor
    private let reduction: Reduction

    init(_ operation: Operation, _ input: Shape) throws {
        let given = try operation.positions(1)
        guard input.rank >= 2, given.shape.dimensions == [input[0]] + input.dimensions.dropFirst(2) else {
            throw operation.mismatch("classes of shape \(given.shape) don't fit scores of shape \(input)")
        }
        let ignored = try operation.int("ignore_index").map(Int64.init)
        let numbers = wholeNumbers(given)
        for number in numbers where number != ignored && !(0..<Int64(input[1])).contains(number) {
            throw operation.mismatch("class \(number) isn't one of \(input[1])")
        }
        shape = given.shape
        classes = Tensor(numbers.map { $0 == ignored ? 0 : $0 }, shape: given.shape)
        counts = Tensor(numbers.map { $0 == ignored ? 0.0 : 1.0 }, shape: given.shape)
        switch try operation.string("reduction", default: "mean") {
        case "none": reduction = .none
        case "sum": reduction = .sum
        case "mean": reduction = .mean
        case let other: throw operation.malformed("reduction '\(other)' isn't known")
        }
    }

    /// Minus the logarithms at the classes, each times its class's weight.
    func loss(of logarithms: CrypTensor, weights: CrypTensor?) -> CrypTensor {
        var spread = shape.dimensions
        spread.insert(1, at: 1)
        let at = logarithms.takeAlong(Tensor(classes.elements, shape: Shape(spread)), axis: 1).reshape(shape)
        let kept = CrypTensor(constant: counts)
        let hasIgnored = counts.doubles.contains(0)
        let each = weights.map { $0.gather(classes, axis: 0) }
        let factor = each.map { hasIgnored ? $0 * kept : $0 } ?? (hasIgnored ? kept : nil)
        let losses = factor.map { -(at * $0) } ?? -at
        switch reduction {
        case .none: return losses
        case .sum: return losses.sum()
        case .mean:
            if weights != nil, let factor { return losses.sum() / factor.sum() }
            let count = counts.doubles.reduce(0, +)
            return count > 0 ? losses.sum() / count : losses.sum()
        }
    }
}
