import CrypTenBase
public import CrypTenExpressions
import CrypTenRing

/// How many rows of each class are taken for each class, and what follows from it: secret, until a program tells something of it to somebody.
///
/// ```swift
/// let matrix = ConfusionMatrix(model.eval()(x), labels: y)
/// let told = try await session.reveal([matrix.counts, matrix.f1Scores], to: .party(0))
/// ```
///
/// Those of batches add up: `first + second`.
public struct ConfusionMatrix: Sendable {
    /// `[classes, classes]`, integers, exactly: at [k, l] the rows of class k whose largest score is that of l.
    public var counts: CrypTensor
    /// Of how many rows: a public number, which bounds what quotients are made of.
    public var rows: Int

    /// A matrix that was counted already, as one that a session keeps.
    ///
    /// - Parameters:
    ///   - counts: `[classes, classes]`, integers.
    ///   - rows: As many as were counted, or more.
    public init(counts: CrypTensor, rows: Int) {
        (self.counts, self.rows) = (counts, rows)
    }

    /// Of scores of classes, of which the first of the largest is taken.
    ///
    /// - Parameters:
    ///   - scores: `[rows, classes]`.
    ///   - labels: One-hot rows `[rows, classes]`, bits, integers or reals, of which those above ½ count as 1; or integers `[rows]`. A row
    ///     without a label counts nowhere.
    /// - Complexity: those of `argmax`, 5 rounds for every factor of four classes, and 2; one product of matrices.
    public init(_ scores: CrypTensor, labels: CrypTensor, file: StaticString = #fileID, line: UInt = #line) {
        counts = CrypTensor.composing([scores, labels], file: file, line: line) { origin in
            let members = try ClassLabels.members(labels, of: scores, in: "ConfusionMatrix", file: file, line: line)
            return members.transposed(file: file, line: line).matmul(scores.winners(at: origin), file: file, line: line)
        }
        rows = counts.error == nil ? scores.shape[0] : 0
    }

    /// Of scores of two classes, of which those above the threshold are taken for the second.
    ///
    /// - Parameters:
    ///   - scores: `[rows]` or `[rows, 1]`: logits, of which 0 is the middle, or probabilities, of which ½ is.
    ///   - labels: As many zeros and ones, bits, integers or reals, of which those above ½ count as 1.
    ///   - threshold: A score of just this is taken for the first class.
    /// - Complexity: 5 rounds.
    public init(
        binary scores: CrypTensor,
        labels: CrypTensor,
        threshold: Double = 0,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        counts = CrypTensor.composing([scores, labels], file: file, line: line) { _ in
            let (members, flat) = try ClassLabels.positives(
                labels,
                of: scores,
                in: "ConfusionMatrix",
                file: file,
                line: line
            )
            let predicted = flat.greaterThan(CrypTensor(threshold), file: file, line: line)
            let second = predicted.toInteger(file: file, line: line)
            let isSecond = members.toInteger(file: file, line: line)
            let both = (predicted * members).sum(file: file, line: line)
            let (labelled, taken) = (isSecond.sum(file: file, line: line), second.sum(file: file, line: line))
            let neither = both - labelled - taken + flat.count
            return stack([neither, taken - both, labelled - both, both], axis: 0, file: file, line: line)
                .reshape([2, 2], file: file, line: line)
        }
        rows = counts.error == nil ? scores.shape[0] : 0
    }

    /// The matrix of both's rows.
    public static func + (left: ConfusionMatrix, right: ConfusionMatrix) -> ConfusionMatrix {
        let (rows, tooMany) = left.rows.addingReportingOverflow(right.rows)
        return ConfusionMatrix(counts: left.counts + right.counts, rows: tooMany ? .max : rows)
    }

    /// How many rows are taken for what they are: an integer.
    ///
    /// Local.
    public var correct: CrypTensor { counts.trace() }

    /// How many rows each class has: integers.
    ///
    /// Local.
    public var support: CrypTensor { counts.sum(axis: 1) }

    /// The part of the rows that are taken for what they are, of `rows` in all: within one unit.
    ///
    /// 1 round.
    public var accuracy: CrypTensor { correct.divided(by: Tensor(Double(max(1, rows)))) }

    /// For each class, which part of the rows that are taken for it are of it; 0 where none is taken for it.
    ///
    /// - Complexity: 12 rounds, within 2⁻¹⁴.
    public var precisions: CrypTensor { quotient(counts.diagonal(), by: counts.sum(axis: 0)) }

    /// For each class, which part of its rows are taken for it; 0 where it has none.
    ///
    /// - Complexity: 12 rounds, within 2⁻¹⁴.
    public var recalls: CrypTensor { quotient(counts.diagonal(), by: support) }

    /// For each class the harmonic mean of precision and recall, 2·TP / (2·TP + FP + FN); 0 where both are 0.
    ///
    /// Their mean over all classes is `f1Scores.mean()`; where there are two, the second's is the usual one.
    /// - Complexity: 12 rounds, within 2⁻¹⁴.
    public var f1Scores: CrypTensor { quotient(counts.diagonal() * 2, by: counts.sum(axis: 0) + support) }

    private func quotient(_ numbers: CrypTensor, by others: CrypTensor) -> CrypTensor {
        let most = min(max(rows, 1), ConfusionMatrix.mostRows) * 2
        return numbers.ratio(to: others, atMost: most, file: #fileID, line: #line)
    }

    /// Quotients are made of so many rows at most: numbers that a session's reals hold.
    private static let mostRows = 1 << 28
}
