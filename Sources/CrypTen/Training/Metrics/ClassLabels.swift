import CrypTenBase
import CrypTenExpressions
import CrypTenRing

/// What labels may be: of rows `[N]` and classes.
enum ClassLabels {
    /// Of each row and class whether the row is of the class, a bit or a whole number, from one-hot rows or from the classes' numbers.
    ///
    /// - Parameters:
    ///   - labels: One-hot rows `[N, C]` of bits, integers or reals, of which those above ½ count as 1; or integers `[N]`.
    ///   - scores: `[N, C]`.
    static func members(
        _ labels: CrypTensor,
        of scores: CrypTensor,
        in function: String,
        file: StaticString,
        line: UInt
    ) throws -> CrypTensor {
        guard scores.rank == 2, scores.count > 0 else {
            throw CrypTenError(
                .shapeMismatch,
                "\(function) can't take scores of shape \(scores.shape): they are [rows, classes], of one or more"
            )
        }
        if labels.kind == .integer, labels.shape == [scores.shape[0]] {
            return labels.oneHot(scores.shape[1], file: file, line: line)
        }
        guard labels.shape == scores.shape else {
            throw CrypTenError(
                .shapeMismatch,
                "\(function) can't hold scores \(scores.shape) against labels \(labels.kind.rawValue) \(labels.shape): those are one-hot rows "
                    + "\(scores.shape), or integers [\(scores.shape[0])]"
            )
        }
        return whole(labels, file: file, line: line)
    }

    /// Of each row of two classes whether it is of the second, a bit or a whole number.
    ///
    /// - Parameters:
    ///   - labels: As many as scores, 0 and 1, of reals those above ½ count as 1.
    ///   - scores: `[N]`, or `[N, 1]`.
    /// - Returns: `[N]`, and so the scores.
    static func positives(
        _ labels: CrypTensor,
        of scores: CrypTensor,
        in function: String,
        file: StaticString,
        line: UInt
    ) throws -> (labels: CrypTensor, scores: CrypTensor) {
        guard scores.count > 0, scores.rank == 1 || scores.rank == 2 && scores.shape[1] == 1 else {
            throw CrypTenError(
                .shapeMismatch,
                "\(function) can't take scores of shape \(scores.shape): they are [rows] or [rows, 1], of one or more"
            )
        }
        let rows = scores.shape[0]
        guard labels.count == rows, labels.rank == 1 || labels.rank == 2 && labels.shape[1] == 1 else {
            throw CrypTenError(
                .shapeMismatch,
                "\(function) can't hold scores \(scores.shape) against labels \(labels.shape): those are as many zeros and ones"
            )
        }
        return (
            whole(labels, file: file, line: line).reshape([rows], file: file, line: line),
            scores.reshape([rows], file: file, line: line)
        )
    }

    /// Reals as bits, everything else as it is.
    private static func whole(_ labels: CrypTensor, file: StaticString, line: UInt) -> CrypTensor {
        labels.kind == .real ? labels.greaterThan(CrypTensor(0.5), file: file, line: line) : labels
    }
}
