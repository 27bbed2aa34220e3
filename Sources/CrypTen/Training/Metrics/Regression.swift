import CrypTenBase
public import CrypTenExpressions

/// The mean of the squared distances of predictions from targets of their shape: a secret number.
///
/// 2 rounds.
public func meanSquaredError(
    _ prediction: CrypTensor,
    _ target: CrypTensor,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    mseLoss(prediction, target, file: file, line: line)
}

/// The mean of the distances of predictions from targets of their shape: a secret number.
///
/// 5 rounds.
public func meanAbsoluteError(
    _ prediction: CrypTensor,
    _ target: CrypTensor,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    l1Loss(prediction, target, file: file, line: line)
}

/// Which part of the targets' variance predictions explain: 1 − Σ(y − p)² / Σ(y − ȳ)², a secret number.
///
/// 0 where all targets are equal. The error is 10⁻³ of what isn't explained, or 2⁻¹³; quotients are below 2³⁰ with 16 fraction bits.
///
/// - Parameters:
///   - prediction: Of any shape, of two elements or more.
///   - target: Of the same.
/// - Complexity: 11 rounds.
public func r2Score(
    _ prediction: CrypTensor,
    _ target: CrypTensor,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([prediction, target], file: file, line: line) { _ in
        guard prediction.shape == target.shape, prediction.count >= 2 else {
            throw CrypTenError(
                .shapeMismatch,
                "r2Score can't hold predictions \(prediction.shape) against targets \(target.shape): shapes are equal, of two elements or more"
            )
        }
        func squares(_ x: CrypTensor) -> CrypTensor {
            x.square(file: file, line: line).sum(file: file, line: line)
        }
        let residual = squares(prediction - target)
        // Less one of the targets, so that the mean of equal ones is exactly theirs.
        let flat = target.reshape([target.count], file: file, line: line)
        let shifted = flat - flat.narrow(axis: 0, start: 0, length: 1, file: file, line: line)
        let total = squares(shifted - shifted.mean(file: file, line: line))
        let isConstant = total.equal(CrypTensor(0.0), file: file, line: line)
        let unexplained = residual.divided(by: total, isSigned: false, file: file, line: line)
        return which(isConstant, CrypTensor(0.0), 1 - unexplained, file: file, line: line)
    }
}
