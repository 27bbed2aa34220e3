internal import CrypTenBase
internal import CrypTenRing

/// How the losses of all elements are put together.
public enum LossReduction: String, Hashable, Sendable {
    case none, mean, sum

    func applied(to losses: CrypTensor, file: StaticString, line: UInt) -> CrypTensor {
        switch self {
        case .none: losses
        case .mean: losses.mean(file: file, line: line)
        case .sum: losses.sum(file: file, line: line)
        }
    }
}

/// The squared distances of predictions from targets of their shape.
///
/// 1 round.
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
/// 4 rounds.
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

/// Minus the logarithms of the probabilities of the true classes: of scores `[N, C, …]` and public classes `[N, …]`.
///
/// The error is that of `logSoftmax`.
public func crossEntropy(
    _ scores: CrypTensor,
    classes: Tensor,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([scores], file: file, line: line) { _ in
        guard scores.rank >= 2, classes.kind == .integer,
            classes.shape.dimensions == [scores.shape[0]] + scores.shape.dimensions.dropFirst(2)
        else {
            throw CrypTenError(
                .shapeMismatch,
                "crossEntropy can't combine scores \(scores.shape) and classes \(classes.shape): it takes [N, C, …] and integers [N, …]"
            )
        }
        var column = classes.shape.dimensions
        column.insert(1, at: 1)
        let logarithms = scores.logSoftmax(axis: 1, file: file, line: line)
            .takeAlong(Tensor(classes.elements, shape: Shape(column)), axis: 1, file: file, line: line)
        return reduction.applied(
            to: (-logarithms).reshape(classes.shape, file: file, line: line),
            file: file,
            line: line
        )
    }
}

/// Minus the logarithms of probabilities, weighted by secret or public probabilities of the classes: both `[N, C, …]`, one-hot for
/// labels.
///
/// The error is that of `logSoftmax`.
public func crossEntropy(
    _ scores: CrypTensor,
    _ target: CrypTensor,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([scores, target], file: file, line: line) { _ in
        try checkShapes(scores, target, "crossEntropy")
        let losses = -(scores.logSoftmax(axis: 1, file: file, line: line) * target).sum(axis: 1, file: file, line: line)
        return reduction.applied(to: losses, file: file, line: line)
    }
}

/// The same of secret labels that are known to be one-hot along the classes' axis, both `[N, C, …]`, real numbers or bits: `ln Σ eˣ − x` of
/// the true class.
///
/// Nobody checks that each column of labels adds up to 1, which the owner of labels sees to; the gradient is then `softmax(x) − labels`, with
/// a product and a round less than where that isn't known.
public func crossEntropy(
    _ scores: CrypTensor,
    labels: CrypTensor,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([scores, labels], file: file, line: line) { origin in
        try checkShapes(scores, labels, "crossEntropy")
        let own =
            labels.kind == .bit
            ? labels.applying(.select, scores.real(at: origin), at: origin) : labels.real(at: origin) * scores
        let losses = scores.logSumExp(axis: 1, file: file, line: line) - own.sum(axis: 1, file: file, line: line)
        return reduction.applied(to: losses, file: file, line: line)
    }
}

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

private func checkShapes(_ x: CrypTensor, _ y: CrypTensor, _ name: String) throws {
    guard x.shape == y.shape else {
        throw CrypTenError(
            .shapeMismatch,
            "\(name) can't combine shapes \(x.shape) and \(y.shape): the shapes must be equal"
        )
    }
}
