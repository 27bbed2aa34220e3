internal import CrypTenBase
internal import CrypTenRing

/// How the losses of all elements are put together.
public enum LossReduction: String, Hashable, Sendable {
    case none, mean, sum
    /// The sum over the extent of the first axis, the number of rows: what makes a divergence of distributions of a batch one a row.
    case batchMean = "batchmean"

    func applied(to losses: CrypTensor, file: StaticString, line: UInt) -> CrypTensor {
        switch self {
        case .none: losses
        case .mean: losses.mean(file: file, line: line)
        case .sum: losses.sum(file: file, line: line)
        case .batchMean: LossReduction.batchMean(of: losses, file: file, line: line)
        }
    }

    private static func batchMean(of losses: CrypTensor, file: StaticString, line: UInt) -> CrypTensor {
        CrypTensor.composing([losses], file: file, line: line) { origin in
            guard losses.rank > 0, losses.shape[0] > 0 else {
                throw CrypTenError(.shapeMismatch, "losses of shape \(losses.shape) have no rows to take a mean of")
            }
            return losses.sum(file: file, line: line).scaled(by: 1 / Double(losses.shape[0]), at: origin)
        }
    }
}

/// Checks that two operands of a loss have one shape.
func checkShapes(_ x: CrypTensor, _ y: CrypTensor, _ name: String) throws {
    guard x.shape == y.shape else {
        throw CrypTenError(
            .shapeMismatch,
            "\(name) can't combine shapes \(x.shape) and \(y.shape): the shapes must be equal"
        )
    }
}
