internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Support vector machines: sums of multiples of a kernel of the sample and the support vectors.
    static let supportVectors: [String: OperatorEntry] = [
        OperatorDomain.classical.operation("SVMClassifier"): OperatorEntry([1], unprepared),
        OperatorDomain.classical.operation("SVMRegressor"): OperatorEntry([1], unprepared),
    ]

    /// What the owner couldn't prepare: a model to be trained, or one whose weights aren't there.
    private static func unprepared(_ operation: Operation) throws -> [Value] {
        guard operation.isOfTrainedModel else {
            throw operation.malformed(
                "its coefficients, support vectors and the numbers of its kernel don't fit together"
            )
        }
        throw operation.unsupported("support vectors are given, and not trained")
    }

    /// Their inputs as the owner prepares them, see `Preparation.prepareSupportVectors`.
    enum SupportVectorInput {
        static let coefficients = 1
        static let vectors = 2
        static let rho = 3
        static let parameters = 4
        static let slopes = 5
        static let shifts = 6
    }

    static func regressBySupportVectors(_ operation: Operation) throws -> [Value] {
        let x = try operation.samples(0)
        guard try operation.postTransform() == .none else {
            throw operation.unsupported("its result is transformed, which onnxruntime doesn't do either")
        }
        let rho = try operation.scalar(SupportVectorInput.rho, "rho")
        let count = try operation.int("n_supports", default: 0)
        var result: CrypTensor
        if count > 0, try !operation.isFolded() {
            let (kernel, values) = try operation.kernelValues(x, count: count)
            let coefficients = try operation.matrix(
                SupportVectorInput.coefficients,
                rows: 1,
                columns: count,
                "coefficients"
            )
            result = values.linear(coefficients)
            if kernel.scale != 1 { result = result * kernel.scale }
        } else {
            result = x.linear(
                try operation.matrix(SupportVectorInput.coefficients, rows: 1, columns: x.shape[1], "coefficients")
            )
        }
        result = result + rho
        if try operation.flag("one_class", default: false) {
            result = ((result .> 0).toInteger() * 2 - 1).toReal()
        }
        return [Value(.float, try checked(result))]
    }

    static func classifyBySupportVectors(_ operation: Operation) throws -> [Value] {
        let x = try operation.samples(0)
        let labels = try ClassLabels(operation)
        let transform = try operation.postTransform()
        guard let counts = try operation.ints("vectors_per_class"), !counts.isEmpty, counts.contains(where: { $0 != 0 })
        else { return try classifyByLines(operation, x, labels, transform) }
        guard labels.count >= 2, counts.count == labels.count, counts.allSatisfy({ (0...1 << 24).contains($0) }) else {
            throw operation.malformed("it has \(labels.count) labels and \(counts.count) counts of support vectors")
        }
        let scores = try pairScores(operation, x, counts)
        let votes = Votes(scores, classes: labels.count)
        let label = try labels.picked(at: votes.winner)
        if operation.optional(SupportVectorInput.slopes) != nil {
            let pairs = try platt(operation, scores)
            let joint = PairwiseProbabilities(count: labels.count).joint(pairs)
            return [label, Value(.float, try checked(transform.applied(to: joint)))]
        }
        if labels.count > 2 { return [label, Value(.float, try checked(transform.applied(to: scores)))] }
        let both =
            switch transform {
            case .none: concatenate([-scores, scores], axis: 1)
            case .logistic: concatenate([1 - scores.sigmoid(), scores.sigmoid()], axis: 1)
            case .softmax, .softmaxZero, .probit: concatenate([1 - scores, scores], axis: 1)
            }
        return [label, Value(.float, try checked(both))]
    }

    /// A sum of features for each class, and no support vectors: the class of the largest.
    private static func classifyByLines(
        _ operation: Operation,
        _ x: CrypTensor,
        _ labels: ClassLabels,
        _ transform: PostTransform
    ) throws -> [Value] {
        guard labels.count > 2 else {
            throw operation.unsupported(
                "it tells \(labels.count) classes apart without support vectors, and by the signs of secret coefficients"
            )
        }
        let matrix = try operation.matrix(
            SupportVectorInput.coefficients,
            rows: labels.count,
            columns: x.shape[1],
            "coefficients"
        )
        let scores = x.linear(matrix) + (try operation.scalar(SupportVectorInput.rho, "rho"))
        return [
            try labels.picked(at: scores.argmax(axis: 1)), Value(.float, try checked(transform.applied(to: scores))),
        ]
    }

    /// The score of each pair of classes, `[samples, pairs]`: multiples of the kernels of both classes' vectors.
    private static func pairScores(_ operation: Operation, _ x: CrypTensor, _ counts: [Int]) throws -> CrypTensor {
        let (classes, samples) = (counts.count, x.shape[0])
        let count = counts.reduce(0, +)
        let pairs = classes * (classes - 1) / 2
        try ImportBudget.spend(pairs, for: "\(pairs) pairs of classes")
        let rho = try operation.real(SupportVectorInput.rho)
        guard rho.shape.count >= pairs else {
            throw operation.malformed("it has \(rho.shape.count) values of rho for \(pairs) pairs of classes")
        }
        let addends = try rho.reshaped([rho.shape.count]).taking(Array(0..<pairs), axis: 0).expression()
        if try operation.isFolded() {
            let lines = try operation.matrix(
                SupportVectorInput.coefficients,
                rows: pairs,
                columns: x.shape[1],
                "coefficients"
            )
            return try checked(x.linear(lines) + addends)
        }
        let (kernel, values) = try operation.kernelValues(x, count: count)
        let coefficients = try operation.matrix(
            SupportVectorInput.coefficients,
            rows: classes - 1,
            columns: count,
            "coefficients"
        )
        // Of each class's vectors a sum for each other class, `[samples, classes · (classes − 1)]`.
        var start = 0
        let sums = counts.map { count in
            defer { start += count }
            if count == 0 {
                let shape: Shape = [samples, classes - 1]
                return CrypTensor(constant: Tensor([Double](repeating: 0, count: shape.count), shape: shape))
            }
            return values[TensorIndex.all, start..<start + count].linear(
                coefficients[TensorIndex.all, start..<start + count]
            )
        }
        let all = concatenate(sums, axis: 1)
        var (first, second): ([Int], [Int]) = ([], [])
        for i in 0..<classes {
            for j in i + 1..<max(i + 1, classes) {
                first.append(i * (classes - 1) + j - 1)
                second.append(j * (classes - 1) + i)
            }
        }
        var scores = all.applying(.take(axis: 1, indices: first)) + all.applying(.take(axis: 1, indices: second))
        if kernel.scale != 1 { scores = scores * kernel.scale }
        return try checked(scores + addends)
    }

    /// The estimate of each pair's first class: 1 − σ(slope · score + shift).
    private static func platt(_ operation: Operation, _ scores: CrypTensor) throws -> CrypTensor {
        let pairs = scores.shape[1]
        func weight(_ position: Int) throws -> CrypTensor {
            let value = try operation.real(position)
            guard value.shape.count >= pairs else {
                throw operation.malformed("it has \(value.shape.count) values of prob_a or prob_b for \(pairs) pairs")
            }
            return try value.reshaped([value.shape.count]).taking(Array(0..<pairs), axis: 0).expression()
        }
        let line = scores * (try weight(SupportVectorInput.slopes)) + (try weight(SupportVectorInput.shifts))
        return (-line).sigmoid()
    }
}

/// How many pairs each class wins.
private struct Votes {
    /// The place of the class with the most, the first of several.
    let winner: CrypTensor

    init(_ scores: CrypTensor, classes: Int) {
        let isFirst = scores .> 0
        if classes == 2 {
            winner = (~isFirst).toInteger().reshape([scores.shape[0]])
            return
        }
        let both = concatenate([isFirst.toInteger(), 1 - isFirst.toInteger()], axis: 1)
        // Class k is the first of pairs (k, j), and the second of pairs (i, k).
        func pair(_ i: Int, _ j: Int) -> Int { i * (2 * classes - i - 1) / 2 + j - i - 1 }
        let pairs = scores.shape[1]
        let order = (0..<classes).flatMap { k in
            (0..<classes).filter { $0 != k }.map { $0 > k ? pair(k, $0) : pairs + pair($0, k) }
        }
        let wins = both.applying(.take(axis: 1, indices: order)).reshape([scores.shape[0], classes, classes - 1])
        winner = wins.sum(axis: 2).argmax(axis: 1)
    }
}

extension Operation {
    fileprivate func scalar(_ position: Int, _ what: String) throws -> CrypTensor {
        let value = try real(position)
        guard value.shape.count >= 1 else { throw malformed("its \(what) is missing") }
        return try value.reshaped([value.shape.count]).taking([0], axis: 0).expression()
    }

    fileprivate func isFolded() throws -> Bool {
        try flag(SupportVectorPreparation.isFolded, default: false)
    }

    /// The kernel, and its values of all samples and support vectors.
    fileprivate func kernelValues(_ x: CrypTensor, count: Int) throws -> (Kernel, CrypTensor) {
        let kernel = try Kernel(self)
        let vectors = try matrix(
            OperatorTable.SupportVectorInput.vectors,
            rows: count,
            columns: x.shape[1],
            "numbers of support vectors"
        )
        let addend = try optional(OperatorTable.SupportVectorInput.parameters).map { value in
            try value.shape.count == 1 ? value.reshaped([1]).expression() : value.expression()
        }
        return (kernel, kernel.values(x, vectors, addend))
    }
}
