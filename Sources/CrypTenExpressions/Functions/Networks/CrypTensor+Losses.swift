internal import CrypTenBase
internal import CrypTenRing

/// Losses of numbers that are to come near to others.

/// The squared distances of predictions from targets of their shape.
///
/// 2 rounds.
public func mseLoss(
    _ prediction: CrypTensor,
    _ target: CrypTensor,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([prediction, target], file: file, line: line) { _ in
        try checkShapes(prediction, target, "mseLoss")
        return reduction.applied(to: (prediction - target).square(file: file, line: line), file: file, line: line)
    }
}

/// The distances of predictions from targets of their shape.
///
/// 5 rounds.
public func l1Loss(
    _ prediction: CrypTensor,
    _ target: CrypTensor,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([prediction, target], file: file, line: line) { _ in
        try checkShapes(prediction, target, "l1Loss")
        return reduction.applied(to: (prediction - target).abs(file: file, line: line), file: file, line: line)
    }
}

/// The squared distances where they are less than `beta`, over 2·beta, and the distances less beta/2 beyond: `d² / (2β)` and `|d| − β/2`.
///
/// Girshick, "Fast R-CNN", ICCV 2015. The gradient is the distance within ±beta, over beta, and compares nothing again. For beta = 0 it is
/// `l1Loss`.
///
/// - Parameters:
///   - prediction: Numbers of any shape.
///   - target: Of the same shape, public or secret.
///   - beta: Where the squares end, not negative.
///   - reduction: How the losses of all elements are put together.
/// - Returns: One number, or one an element for ``LossReduction/none``. It carries an error where shapes differ (`.shapeMismatch`) or beta is
///   negative or not finite (`.invalidArgument`).
/// - Complexity: 6 rounds, 7 where the last factor is small.
public func smoothL1Loss(
    _ prediction: CrypTensor,
    _ target: CrypTensor,
    beta: Double = 1,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([prediction, target], file: file, line: line) { origin in
        guard beta >= 0, beta.isFinite else {
            throw CrypTenError(
                .invalidArgument,
                "smoothL1Loss can't have beta \(beta): it must be finite and not negative"
            )
        }
        if beta == 0 { return l1Loss(prediction, target, reduction: reduction, file: file, line: line) }
        try checkShapes(prediction, target, "smoothL1Loss")
        let losses = bentSquares(of: prediction - target, within: beta, at: origin)
        // The factor comes last, and is one with a mean's.
        return reduction.applied(to: losses, file: file, line: line).rescaled(by: 0.5 / beta)
    }
}

/// Half of the squared distances where they are less than `delta`, and `delta · (|d| − delta/2)` beyond: `smoothL1Loss` times delta.
///
/// Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 1964.
///
/// - Parameters:
///   - prediction: Numbers of any shape.
///   - target: Of the same shape, public or secret.
///   - delta: Where the squares end, positive.
///   - reduction: How the losses of all elements are put together.
/// - Returns: One number, or one an element for ``LossReduction/none``. It carries an error where shapes differ (`.shapeMismatch`) or delta is
///   not positive and finite (`.invalidArgument`).
/// - Complexity: 6 rounds, 7 where the last factor is small.
public func huberLoss(
    _ prediction: CrypTensor,
    _ target: CrypTensor,
    delta: Double = 1,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([prediction, target], file: file, line: line) { origin in
        guard delta > 0, delta.isFinite else {
            throw CrypTenError(.invalidArgument, "huberLoss can't have delta \(delta): it must be finite and positive")
        }
        try checkShapes(prediction, target, "huberLoss")
        let losses = bentSquares(of: prediction - target, within: delta, at: origin)
        return reduction.applied(to: losses, file: file, line: line).rescaled(by: 0.5)
    }
}

/// d² for |d| ≤ bound, and `bound · (2·|d| − bound)` beyond: with c, d between ∓bound, `c · (2d − c)` of all d, which is no larger than that.
private func bentSquares(of distance: CrypTensor, within bound: Double, at origin: SourceOrigin) -> CrypTensor {
    let d = distance.real(at: origin)
    let near = d.applying(.clamp(low: -bound, high: bound), at: origin)
    return near.times(d.applying(.add, d.applying(.subtract, near, at: origin), at: origin), at: origin)
}
