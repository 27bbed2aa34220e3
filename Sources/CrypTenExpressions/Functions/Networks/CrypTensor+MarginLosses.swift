internal import CrypTenBase
internal import CrypTenRing

/// Losses that are 0 where a score or a distance is right by a margin.

/// `max(0, 1 − t · z)` of scores z and targets t of their shape, which are 1 and −1: a support vector machine's.
///
/// Cortes, Vapnik, "Support-Vector Networks", Machine Learning 1995. Where the margin is kept the gradient is 0, and it compares nothing again.
///
/// - Parameters:
///   - score: Numbers of any shape.
///   - target: 1 or −1, public or secret, of the same shape; nobody checks that.
///   - reduction: How the losses of all elements are put together.
/// - Returns: One number, or one an element for ``LossReduction/none``. It carries the error `.shapeMismatch` where shapes differ.
/// - Complexity: 6 rounds, 5 of a public target.
public func hingeLoss(
    _ score: CrypTensor,
    _ target: CrypTensor,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([score, target], file: file, line: line) { _ in
        try checkShapes(score, target, "hingeLoss")
        let losses = (1.0 - target * score).relu(file: file, line: line)
        return reduction.applied(to: losses, file: file, line: line)
    }
}

/// The same of labels that are 1 and 0, bits or numbers: 0 stands for the target −1.
///
/// - Parameters:
///   - score: Numbers of any shape.
///   - labels: 1 or 0, public or secret, of the same shape. Bits are an eighth of a byte of setup, and select exactly.
///   - reduction: How the losses of all elements are put together.
/// - Returns: As `hingeLoss(_:_:)`.
/// - Complexity: 6 rounds, 5 of public labels.
public func hingeLoss(
    _ score: CrypTensor,
    labels: CrypTensor,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([score, labels], file: file, line: line) { origin in
        try checkShapes(score, labels, "hingeLoss")
        guard labels.kind == .bit else {
            return hingeLoss(score, labels * 2 - 1, reduction: reduction, file: file, line: line)
        }
        // (2y − 1)·z
        let z = score.real(at: origin)
        let signed = labels * z * 2 - z
        return reduction.applied(to: (1.0 - signed).relu(file: file, line: line), file: file, line: line)
    }
}

/// Distances of pairs that belong together, and `max(0, margin − distance)` of those that don't.
///
/// Hadsell, Chopra, LeCun, "Dimensionality Reduction by Learning an Invariant Mapping", CVPR 2006, in PyTorch's form.
///
/// - Parameters:
///   - distance: Numbers of any shape.
///   - target: 1 for a pair that belongs together, −1 for one that doesn't; public or secret, of the same shape. Nobody checks that.
///   - margin: How far apart those of the second kind should be.
///   - reduction: How the losses of all elements are put together.
/// - Returns: One number, or one an element for ``LossReduction/none``. It carries an error where shapes differ (`.shapeMismatch`) or the margin
///   isn't finite (`.invalidArgument`).
/// - Complexity: 6 rounds, 5 of a public target.
public func hingeEmbeddingLoss(
    _ distance: CrypTensor,
    _ target: CrypTensor,
    margin: Double = 1,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([distance, target], file: file, line: line) { origin in
        try checkShapes(distance, target, "hingeEmbeddingLoss")
        try checkMargin(margin, "hingeEmbeddingLoss")
        let x = distance.real(at: origin)
        let losses = chosen(x, else: (margin - x).relu(file: file, line: line), by: target)
        return reduction.applied(to: losses, file: file, line: line)
    }
}

/// `1 − cos` of pairs of vectors that belong together, and `max(0, cos − margin)` of those that don't, with the cosine of the angle between them.
///
/// - Parameters:
///   - x: Vectors along the last axis, `[…, D]`.
///   - other: Of the same shape.
///   - target: 1 for a pair that belongs together, −1 for one that doesn't, `[…]`; public or secret. Nobody checks that.
///   - margin: The cosine that those of the second kind may have; PyTorch advises 0 to 0.5.
///   - reduction: How the losses of all pairs are put together.
/// - Returns: One number, or one a pair for ``LossReduction/none``. It carries an error where shapes don't fit (`.shapeMismatch`) or the margin
///   isn't finite (`.invalidArgument`).
/// - Complexity: 18 rounds, 16 of a public target; the error is that of `cosineSimilarity`.
public func cosineEmbeddingLoss(
    _ x: CrypTensor,
    _ other: CrypTensor,
    _ target: CrypTensor,
    margin: Double = 0,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([x, other, target], file: file, line: line) { _ in
        try checkShapes(x, other, "cosineEmbeddingLoss")
        guard x.rank > 0, target.shape.dimensions == x.shape.dimensions.dropLast() else {
            throw CrypTenError(
                .shapeMismatch,
                "cosineEmbeddingLoss can't combine vectors \(x.shape) and targets \(target.shape): it takes […, D] and […]"
            )
        }
        try checkMargin(margin, "cosineEmbeddingLoss")
        let cosine = x.cosineSimilarity(other, axis: -1, file: file, line: line)
        let losses = chosen(1.0 - cosine, else: (cosine - margin).relu(file: file, line: line), by: target)
        return reduction.applied(to: losses, file: file, line: line)
    }
}

/// `max(0, ‖a − p‖ − ‖a − n‖ + margin)` of anchors a, vectors p that belong to them, and vectors n that don't.
///
/// Balntas and others, "Learning Local Feature Descriptors with Triplets and Shallow Convolutional Neural Networks", BMVC 2016. As in PyTorch
/// each difference has 10⁻⁶ added to it, which is less than a unit between parties.
///
/// - Parameters:
///   - anchor: Vectors along the last axis, `[…, D]`.
///   - positive: Of the same shape.
///   - negative: Of the same shape.
///   - margin: By how much the second distance should be larger.
///   - p: The norm's power, 1 or more.
///   - swap: Whether the distance of the negative from the positive counts where it is less than that from the anchor.
///   - reduction: How the losses of all triplets are put together.
/// - Returns: One number, or one a triplet for ``LossReduction/none``. It carries an error where shapes don't fit (`.shapeMismatch`), or the margin
///   or p can't be used (`.invalidArgument`).
/// - Complexity: 13 rounds for p = 2, 9 for p = 1, 4 more with `swap`; the error is that of `norm`.
public func tripletMarginLoss(
    _ anchor: CrypTensor,
    _ positive: CrypTensor,
    _ negative: CrypTensor,
    margin: Double = 1,
    p: Double = 2,
    swap: Bool = false,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([anchor, positive, negative], file: file, line: line) { _ in
        try checkShapes(anchor, positive, "tripletMarginLoss")
        try checkShapes(anchor, negative, "tripletMarginLoss")
        guard anchor.rank > 0 else {
            throw CrypTenError(.shapeMismatch, "tripletMarginLoss takes vectors […, D], not shape \(anchor.shape)")
        }
        try checkMargin(margin, "tripletMarginLoss")
        func distance(_ x: CrypTensor, _ y: CrypTensor) -> CrypTensor {
            (x - y + 1e-6).norm(p, axes: [-1], file: file, line: line)
        }
        var apart = distance(anchor, negative)
        if swap { apart = apart.minimum(distance(positive, negative), file: file, line: line) }
        let losses = (distance(anchor, positive) - apart + margin).relu(file: file, line: line)
        return reduction.applied(to: losses, file: file, line: line)
    }
}

/// The first where the target is 1, the second where it is −1.
private func chosen(_ first: CrypTensor, else second: CrypTensor, by target: CrypTensor) -> CrypTensor {
    second + (target * 0.5 + 0.5) * (first - second)
}

private func checkMargin(_ margin: Double, _ name: String) throws {
    guard margin.isFinite else {
        throw CrypTenError(.invalidArgument, "\(name) can't keep a margin of \(margin): it must be finite")
    }
}
