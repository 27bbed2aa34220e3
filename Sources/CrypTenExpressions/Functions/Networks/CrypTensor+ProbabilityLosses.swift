internal import CrypTenBase
internal import CrypTenRing

/// Losses of probabilities, by themselves, by their logarithms, or by the scores that they come from.

/// `−t log p − (1 − t) log(1 − p)` of probabilities and targets of their shape; probabilities count as at least 2⁻¹⁶.
///
/// The error is that of `log`.
public func binaryCrossEntropy(
    _ probability: CrypTensor,
    _ target: CrypTensor,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([probability, target], file: file, line: line) { _ in
        try checkShapes(probability, target, "binaryCrossEntropy")
        let (yes, no) = (
            probability.log(file: file, line: line), (1.0 - probability).log(file: file, line: line)
        )
        return reduction.applied(to: -(no + target * (yes - no)), file: file, line: line)
    }
}

/// `log(1 + eˣ) − t · x` of scores and targets of their shape: the same of their logistic function, for scores of any size.
///
/// 4 rounds, and 1 for the product; the error is that of `softplus`.
public func binaryCrossEntropyWithLogits(
    _ score: CrypTensor,
    _ target: CrypTensor,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([score, target], file: file, line: line) { _ in
        try checkShapes(score, target, "binaryCrossEntropyWithLogits")
        return reduction.applied(to: score.softplus(file: file, line: line) - target * score, file: file, line: line)
    }
}

/// The divergence of distributions from those that they should be, `t · (log t − x)` of logarithms x and probabilities t of their shape, or
/// `eᵗ · (t − x)` of logarithms of both.
///
/// Kullback, Leibler, "On Information and Sufficiency", Annals of Mathematical Statistics 1951. A probability of 0 contributes 0. The error
/// is that of `log`, or of `exp`, times the probability.
///
/// - Parameters:
///   - logarithms: Of the probabilities, as `logSoftmax` gives them.
///   - target: Probabilities, or their logarithms where `logTarget`; public or secret, of the same shape.
///   - logTarget: Whether the target is of logarithms.
///   - reduction: How the terms of all elements are put together; ``LossReduction/batchMean`` gives the divergence of a row.
/// - Returns: One number, or one an element for ``LossReduction/none``. It carries the error `.shapeMismatch` where shapes differ.
/// - Complexity: 8 rounds of a secret target, 6 of one of logarithms; 1 of a public one.
public func klDivergenceLoss(
    _ logarithms: CrypTensor,
    _ target: CrypTensor,
    logTarget: Bool = false,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([logarithms, target], file: file, line: line) { origin in
        try checkShapes(logarithms, target, "klDivergenceLoss")
        let t = target.real(at: origin)
        let terms: CrypTensor
        if logTarget {
            terms = t.exp(file: file, line: line) * (t - logarithms)
        } else {
            // Too little to be encoded: in the clear it keeps the logarithm of 0 finite, which is multiplied by 0.
            terms = t * ((t + 0x1p-40).log(file: file, line: line) - logarithms)
        }
        return reduction.applied(to: terms, file: file, line: line)
    }
}
