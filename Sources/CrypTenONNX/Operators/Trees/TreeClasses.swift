internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// The classes of an ensemble, and how scores become labels and probabilities.
///
/// Runtimes differ in corners: this follows onnxruntime 1.32 where exporters write something, the standard where that contradicts itself,
/// and refuses what nobody writes.
struct TreeClasses {
    /// The labels, where they are whole numbers: those of texts are their places.
    let labels: [Int64]
    private let areTexts: Bool

    var count: Int { labels.count }

    init(_ operation: Operation) throws {
        if let texts = try operation.strings("classlabels_strings"), !texts.isEmpty {
            (labels, areTexts) = (texts.indices.map { Int64($0) }, true)
        } else {
            (labels, areTexts) = ((try operation.ints("classlabels_int64s") ?? []).map { Int64($0) }, false)
        }
        guard !labels.isEmpty else { throw operation.malformed("it has no labels of classes") }
    }

    /// Labels and scores.
    func outputs(_ operation: Operation, _ sums: TreeSums) throws -> [Value] {
        let transform = try PostTransform(ofTrees: operation)
        let listed = sums.trees.targets
        if count == 1 { return try one(operation, sums, transform) }
        if count == 2, listed.count == 1 { return try two(operation, sums, transform) }
        guard sums.baseCount == 0 || sums.baseCount == count else {
            throw operation.malformed("it has \(sums.baseCount) base_values for \(count) classes")
        }
        let scores = sums.based(everyTarget: true)
        let compared = scores - (try margins(operation))
        // A class to which no leaf adds anything takes no part, unless it has a base value.
        let taking = sums.baseCount == count ? Array(0..<count) : listed.sorted()
        let label = try label(
            taking.count == count ? compared : compared.applying(.take(axis: 1, indices: taking)),
            taking
        )
        let probabilities = try transform.applied(to: scores * sums.unit, listed: Set(taking), operation)
        return [Value(.int64, label), Value(.float, probabilities)]
    }

    /// One class: whether its score is positive.
    private func one(_ operation: Operation, _ sums: TreeSums, _ transform: PostTransform) throws -> [Value] {
        guard !areTexts else {
            throw operation.unsupported("its only class has a text for its label, and none for the others")
        }
        guard transform == .none else {
            throw operation.unsupported(
                "its post_transform \(transform.rawValue) is of one class, which runtimes leave as it is"
            )
        }
        let score = sums.based(everyTarget: true)
        let label = isPositive(score, score.shape[0])
        return [Value(.int64, label), Value(.float, try checked(score * sums.unit))]
    }

    /// One score for two classes.
    private func two(_ operation: Operation, _ sums: TreeSums, _ transform: PostTransform) throws -> [Value] {
        guard sums.trees.targets == [0], sums.baseCount <= 1 else {
            throw operation.unsupported(
                "its leaves add to one of two classes, \(sums.trees.targets.max() ?? 0), with \(sums.baseCount) base_values: runtimes differ in what that means"
            )
        }
        let score = sums.single()
        let opposite = try operation.real(Preparation.ScaledTreeInput.opposite).expression()
        let rows = score.shape[0]
        func number(_ place: Int) -> CrypTensor {
            opposite.applying(.slice(starts: [place], steps: [1], shape: [1])).reshape([1, 1])
        }
        switch transform {
        case .none, .softmax, .softmaxZero:
            let first = number(0).broadcast(to: [rows, 1]) - score
            let both = try checked(concatenate([first, score], axis: 1) * sums.unit)
            return [Value(.int64, choice(isPositive(score - number(1), rows), of: labels)), Value(.float, both)]
        case .logistic:
            let second = (score * sums.unit).sigmoid()
            let both = try checked(concatenate([1 - second, second], axis: 1))
            return [Value(.int64, choice(isPositive(score, rows), of: labels)), Value(.float, both)]
        case .probit:
            throw operation.unsupported(
                "its post_transform PROBIT is of one score for two classes: runtimes differ in what that means"
            )
        }
    }

    // MARK: Labels

    /// Whether scores `[rows, 1]` are above zero, 0 or 1.
    private func isPositive(_ score: CrypTensor, _ rows: Int) -> CrypTensor {
        score.applying(.isPositive).applying(.bitToInteger).reshape([rows])
    }

    private func choice(_ bit: CrypTensor, of labels: [Int64]) -> CrypTensor {
        labels == [0, 1] ? bit : bit * Int(labels[1] &- labels[0]) + Int(labels[0])
    }

    private func margins(_ operation: Operation) throws -> CrypTensor {
        let margins = try operation.real(Preparation.ScaledTreeInput.margins).expression()
        return margins.reshape([1, count])
    }

    /// The label of the largest of some classes' scores, `[rows, classes]`.
    private func label(_ scores: CrypTensor, _ classes: [Int]) throws -> CrypTensor {
        let labels = classes.map { self.labels[$0] }
        let rows = scores.shape[0]
        if classes.count == 1 {
            return CrypTensor(constant: Tensor([Int64](repeating: labels[0], count: rows), shape: [rows]))
        }
        if classes.count == 2 {
            let parts = (0..<2).map { scores.applying(.slice(starts: [0, $0], steps: [1, 1], shape: [rows, 1])) }
            return try checked(choice(isPositive(parts[1] - parts[0], rows), of: labels))
        }
        if labels == labels.indices.map({ Int64($0) }) { return try checked(scores.argmax(axis: 1)) }
        let winners = scores.applying(.winners(axis: 1)).applying(.bitToInteger)
        return try checked((winners * Tensor(labels, shape: [1, labels.count])).sum(axes: [1], keepDimensions: false))
    }
}

extension PostTransform {
    /// By their numbers in the standard.
    private static let inOrder: [PostTransform] = [.none, .softmax, .logistic, .softmaxZero, .probit]

    /// An ensemble's, which names it by its number or its name.
    init(ofTrees operation: Operation) throws {
        if operation.node.isTreesOfIndices, operation.node.attributes["post_transform"] != nil {
            let number = try operation.int("post_transform", default: 0)
            guard PostTransform.inOrder.indices.contains(number) else {
                throw operation.malformed("its post_transform \(number) isn't one of the standard's")
            }
            self = PostTransform.inOrder[number]
        } else {
            let name = try operation.string("post_transform", default: "NONE")
            guard let transform = PostTransform(rawValue: name) else {
                throw operation.malformed("its post_transform \(onOneLine(name)) isn't one of the standard's")
            }
            self = transform
        }
    }

    /// Of scores `[rows, targets]`, more than one.
    ///
    /// - Parameters:
    ///   - scores: One or more targets' of each row.
    ///   - listed: The targets whose scores aren't always zero.
    ///   - operation: The node, for messages.
    /// - Returns: What the operator gives, of the same shape.
    /// - Throws: `.unsupportedOperator` for a transform that isn't computed.
    func applied(to scores: CrypTensor, listed: Set<Int>, _ operation: Operation) throws -> CrypTensor {
        switch self {
        case .none: return try checked(scores)
        case .logistic: return try checked(scores.sigmoid())
        case .softmax: return try checked(scores.softmax(axis: 1))
        case .softmaxZero:
            // Scores that are zero stay zero, and the others' are a softmax.
            guard listed.count > 1 else {
                throw operation.unsupported("its post_transform SOFTMAX_ZERO is of one score that isn't always zero")
            }
            let zero = scores.applying(.isZero)
            let others = (~zero).applying(.select, scores.softmax(axis: 1))
            return try checked(others / others.sum(axes: [1], keepDimensions: true))
        case .probit:
            throw operation.unsupported(
                "its post_transform PROBIT isn't computed: leave it out, and compute it of the result"
            )
        }
    }
}
