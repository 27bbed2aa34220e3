import CrypTen
import Foundation

/// A linear layer, its loss and its optimiser in double, by the formulas: what secret steps are held against.
struct LinearReference: Sendable {
    enum Loss: String, Sendable {
        case crossEntropy = "cross-entropy"
        case binaryCrossEntropy = "binary-cross-entropy-with-logits"
        case hinge
        case mse
        case l1
    }

    /// PyTorch's optimisers, with their usual numbers where none is named.
    enum Rule: Sendable {
        case sgd(rate: Double, momentum: Double, isNesterov: Bool, decay: Double)
        case adam(rate: Double)
        case rmsprop(rate: Double)
        case adagrad(rate: Double)
    }

    let columns: Int
    let scores: Int
    /// The weight, `[scores, columns]`, and behind it the bias.
    var parameters: [Double]
    /// Which of them are trained.
    var trained: Range<Int>
    var loss: Loss
    var rule: Rule
    private var first: [Double]
    private var second: [Double]
    private var steps = 0

    init(columns: Int, scores: Int, parameters: [Double], loss: Loss, rule: Rule) {
        self.columns = columns
        self.scores = scores
        self.parameters = parameters
        self.loss = loss
        self.rule = rule
        trained = 0..<parameters.count
        first = [Double](repeating: 0, count: parameters.count)
        second = first
    }

    /// What the layer gives for a row.
    func scores(of row: [Double]) -> [Double] {
        (0..<scores).map { score in
            (0..<columns).reduce(parameters[scores * columns + score]) { sum, column in
                sum + row[column] * parameters[score * columns + column]
            }
        }
    }

    /// Takes a step on a batch.
    ///
    /// - Parameters:
    ///   - rows: The batch's examples.
    ///   - labels: A class or a bit a row; for `mse` and `l1` a number for each score.
    /// - Returns: The mean loss before it.
    mutating func step(_ rows: [[Double]], _ labels: [[Double]]) -> Double {
        var total = 0.0
        var gradient = [Double](repeating: 0, count: parameters.count)
        for (row, label) in zip(rows, labels) {
            let (value, slopes) = valueAndSlopes(scores(of: row), label)
            total += value
            for score in 0..<scores {
                let slope = slopes[score] / Double(rows.count)
                for column in 0..<columns { gradient[score * columns + column] += slope * row[column] }
                gradient[scores * columns + score] += slope
            }
        }
        update(gradient)
        return total / Double(rows.count)
    }

    private func valueAndSlopes(_ z: [Double], _ label: [Double]) -> (Double, [Double]) {
        switch loss {
        case .crossEntropy:
            let powers = z.map { exp($0 - z.max()!) }
            let sum = powers.reduce(0, +)
            let chosen = Int(label[0])
            return (
                -log(powers[chosen] / sum), powers.enumerated().map { $0.element / sum - ($0.offset == chosen ? 1 : 0) }
            )
        case .binaryCrossEntropy:
            return (log1p(exp(z[0])) - label[0] * z[0], [1 / (1 + exp(-z[0])) - label[0]])
        case .hinge:
            let sign = label[0] * 2 - 1
            let gap = 1 - sign * z[0]
            return (max(0, gap), [gap > 0 ? -sign : 0])
        case .mse:
            let gaps = zip(z, label).map { $0 - $1 }
            let count = Double(scores)
            return (gaps.reduce(0) { $0 + $1 * $1 } / count, gaps.map { 2 * $0 / count })
        case .l1:
            let gaps = zip(z, label).map { $0 - $1 }
            let count = Double(scores)
            return (gaps.reduce(0) { $0 + abs($1) } / count, gaps.map { ($0 > 0 ? 1 : -1) / count })
        }
    }

    private mutating func update(_ gradient: [Double]) {
        steps += 1
        for index in trained {
            var slope = gradient[index]
            switch rule {
            case .sgd(let rate, let momentum, let isNesterov, let decay):
                slope += decay * parameters[index]
                first[index] = steps == 1 ? slope : momentum * first[index] + slope
                parameters[index] -= rate * (isNesterov ? slope + momentum * first[index] : first[index])
            case .adam(let rate):
                first[index] = 0.9 * first[index] + 0.1 * slope
                second[index] = 0.999 * second[index] + 0.001 * slope * slope
                let mean = first[index] / (1 - pow(0.9, Double(steps)))
                let square = second[index] / (1 - pow(0.999, Double(steps)))
                parameters[index] -= rate * mean / (square.squareRoot() + 1e-8)
            case .rmsprop(let rate):
                second[index] = 0.99 * second[index] + 0.01 * slope * slope
                parameters[index] -= rate * slope / (second[index].squareRoot() + 1e-8)
            case .adagrad(let rate):
                second[index] += slope * slope
                parameters[index] -= rate * slope / (second[index].squareRoot() + 1e-10)
            }
        }
    }
}

/// Small data for a layer of four columns, and the files that a run reads.
struct TrainingData: Sendable {
    static let columns = 4
    let x: [[Double]]
    /// A class of three, a bit, and a number for the score, each a row.
    let classes: [Int64]
    let bits: [Int64]
    let amounts: [Double]

    init(rows: Int, seed: UInt64) {
        var state = seed
        func number() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 40) / Double(1 << 24) * 2 - 1
        }
        x = (0..<rows).map { _ in (0..<Self.columns).map { _ in number() } }
        classes = x.map { row in Int64((0..<3).max { row[$0] < row[$1] }!) }
        bits = x.map { $0[0] + $0[1] - $0[3] > 0 ? 1 : 0 }
        amounts = x.map { $0[0] - 0.5 * $0[2] + 0.25 }
    }

    /// Labels as the reference takes them.
    func labels(for loss: LinearReference.Loss) -> [[Double]] {
        switch loss {
        case .crossEntropy: classes.map { [Double($0)] }
        case .binaryCrossEntropy, .hinge: bits.map { [Double($0)] }
        case .mse, .l1: amounts.map { [$0] }
        }
    }

    /// Writes labels as the tool takes them.
    func write(labelsFor loss: LinearReference.Loss, to path: String) throws {
        let tensor =
            switch loss {
            case .crossEntropy: Tensor(classes, shape: [classes.count])
            case .binaryCrossEntropy, .hinge: Tensor(bits, shape: [bits.count])
            case .mse, .l1: Tensor(amounts, shape: [amounts.count, 1])
            }
        try tensor.write(toNumpyFile: URL(fileURLWithPath: path))
    }

    /// Writes some rows and columns.
    func write(rows: Range<Int>? = nil, columns: Range<Int> = 0..<columns, to path: String) throws {
        let part = x[rows ?? 0..<x.count].map { Array($0[columns]) }
        try Tensor(part.flatMap { $0 }, shape: [part.count, columns.count])
            .write(toNumpyFile: URL(fileURLWithPath: path))
    }

    /// So many elements of a fixture's tensor that begins at `first`, as Scripts/make_training_models.py makes them.
    static func numbers(from first: Int, count: Int) -> [Double] {
        (first..<first + count).map { (place: Int) -> Double in Double((7 * place + 3) % 11 - 5) / 16 }
    }

    /// The first parameters of softmax.onnx and logistic.onnx.
    static func parameters(scores: Int) -> [Double] {
        numbers(from: 0, count: scores * columns) + numbers(from: 100, count: scores)
    }

    /// The path of a network with its first weights.
    static func model(_ name: String) -> String {
        Tool.fixture("training/\(name).onnx")
    }
}
