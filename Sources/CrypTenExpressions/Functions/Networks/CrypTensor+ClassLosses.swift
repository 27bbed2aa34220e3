internal import CrypTenBase
internal import CrypTenRing

/// Losses of classes, by scores or by logarithms of probabilities.
///
/// Let `p = softmax(x)`, `w` the classes' weights and ε the smoothing. A row's loss is `−Σ_c T_c · log p_c` with `T_c = w_c · ((1 − ε) · t_c + ε/C)`,
/// where t are the target's probabilities, and its gradient `p · Σ_c T_c − T`: weights, smoothing and mask are factors of what there is, and
/// take no exponential and no comparison more (Szegedy and others, "Rethinking the Inception Architecture for Computer Vision", CVPR 2016,
/// section 7, for ε).

/// Minus the logarithms of the probabilities of the true classes: of scores `[N, C, …]` and public classes `[N, …]`.
///
/// The error is that of `logSoftmax`.
///
/// - Parameters:
///   - scores: `[N, C, …]`.
///   - classes: Integers `[N, …]`, from 0 to C − 1; negative ones count from the end.
///   - weights: Of the classes, `[C]`, not negative. A mean is over the sum of the weights of the rows' classes, as in PyTorch.
///   - labelSmoothing: What part of each row's target is spread evenly over all classes, 0 to 1.
///   - mask: 1 for a row that counts, 0 for one that doesn't, `[N, …]`, public or secret, bits or numbers. A mean is over the rows that count;
///     with none it is 0 between parties.
///   - reduction: How the losses of all rows are put together.
/// - Returns: One number, or one a row for ``LossReduction/none``. It carries an error where shapes don't fit (`.shapeMismatch`), or a class,
///   a weight or the smoothing is out of its range.
/// - Complexity: as `logSoftmax`; smoothing 1 round more, a secret mask 1.
public func crossEntropy(
    _ scores: CrypTensor,
    classes: Tensor,
    weights: Tensor? = nil,
    labelSmoothing: Double = 0,
    mask: CrypTensor? = nil,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([scores] + [mask].compactMap(\.self), file: file, line: line) { origin in
        try checkClasses(classes, scores, "crossEntropy")
        let target = try ClassTarget(weights, labelSmoothing, scores, "crossEntropy")
        let (losses, counts) = target.losses(
            of: scores.logSoftmax(axis: 1, file: file, line: line),
            at: classes,
            file: file,
            line: line
        )
        return try LossRows(mask, counts, target, "crossEntropy")
            .reduced(losses, reduction, at: origin, file: file, line: line)
    }
}

/// Minus the logarithms of probabilities, weighted by secret or public probabilities of the classes: both `[N, C, …]`, one-hot for
/// labels.
///
/// The error is that of `logSoftmax`.
///
/// - Parameters:
///   - scores: `[N, C, …]`.
///   - target: Probabilities, of the same shape.
///   - weights: Of the classes, `[C]`, not negative. A mean is over all rows, as in PyTorch.
///   - labelSmoothing: What part of each row's target is spread evenly over all classes, 0 to 1.
///   - mask: 1 for a row that counts, 0 for one that doesn't, `[N, …]`, public or secret, bits or numbers. A mean is over the rows that count;
///     with none it is 0 between parties.
///   - reduction: How the losses of all rows are put together.
/// - Returns: One number, or one a row for ``LossReduction/none``. It carries an error where shapes don't fit (`.shapeMismatch`), or a weight or
///   the smoothing is out of its range (`.invalidArgument`).
/// - Complexity: as `logSoftmax`, and 1 round for a secret target, 1 for weights or smoothing, 2 for a secret mask.
public func crossEntropy(
    _ scores: CrypTensor,
    _ target: CrypTensor,
    weights: Tensor? = nil,
    labelSmoothing: Double = 0,
    mask: CrypTensor? = nil,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([scores, target] + [mask].compactMap(\.self), file: file, line: line) { origin in
        try checkShapes(scores, target, "crossEntropy")
        let parts = try ClassTarget(weights, labelSmoothing, scores, "crossEntropy")
        let logarithms = scores.logSoftmax(axis: 1, file: file, line: line)
        let losses = parts.losses(of: logarithms, own: logarithms * target, file: file, line: line)
        return try LossRows(mask, nil, parts, "crossEntropy")
            .reduced(losses, reduction, at: origin, file: file, line: line)
    }
}

/// The same of secret labels that are known to be one-hot along the classes' axis, both `[N, C, …]`, real numbers or bits: `ln Σ eˣ − x` of
/// the true class.
///
/// Nobody checks that each column of labels adds up to 1, which the owner of labels sees to; the gradient is then `softmax(x) − labels`, with
/// a product and a round less than where that isn't known.
///
/// - Parameters:
///   - scores: `[N, C, …]`.
///   - labels: One-hot along axis 1, of the same shape.
///   - weights: Of the classes, `[C]`, not negative. A mean is over the sum of the weights of the rows' labels, as it is of public classes: a
///     secret number, whose reciprocal is found beside the exponentials.
///   - labelSmoothing: What part of each row's target is spread evenly over all classes, 0 to 1.
///   - mask: 1 for a row that counts, 0 for one that doesn't, `[N, …]`, public or secret, bits or numbers. A mean is over the rows that count;
///     with none it is 0 between parties.
///   - reduction: How the losses of all rows are put together.
/// - Returns: One number, or one a row for ``LossReduction/none``. It carries an error where shapes don't fit (`.shapeMismatch`), or a weight or
///   the smoothing is out of its range (`.invalidArgument`).
/// - Complexity: as `logSoftmax`; smoothing takes 1 round more, weights 2, a mean over a secret number of rows or weights 2.
public func crossEntropy(
    _ scores: CrypTensor,
    labels: CrypTensor,
    weights: Tensor? = nil,
    labelSmoothing: Double = 0,
    mask: CrypTensor? = nil,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([scores, labels] + [mask].compactMap(\.self), file: file, line: line) { origin in
        try checkShapes(scores, labels, "crossEntropy")
        let target = try ClassTarget(weights, labelSmoothing, scores, "crossEntropy")
        func ofLabels(_ numbers: CrypTensor) -> CrypTensor {
            labels.kind == .bit
                ? labels.applying(.select, numbers, at: origin) : labels.real(at: origin) * numbers
        }
        let losses: CrypTensor
        if target.weights == nil {
            // Σ_c T_c = 1.
            losses =
                scores.logSumExp(axis: 1, file: file, line: line)
                - target.sum(
                    of: scores.real(at: origin),
                    own: ofLabels(scores.real(at: origin)),
                    file: file,
                    line: line
                )
        } else {
            let logarithms = scores.logSoftmax(axis: 1, file: file, line: line)
            losses = target.losses(of: logarithms, own: ofLabels(logarithms), file: file, line: line)
        }
        return try LossRows(mask, target.counts(of: labels, file: file, line: line), target, "crossEntropy")
            .reduced(losses, reduction, at: origin, file: file, line: line)
    }
}

/// Minus the logarithms of the true classes' probabilities, of logarithms `[N, C, …]` as `logSoftmax` gives them, and public classes `[N, …]`.
///
/// - Parameters:
///   - logarithms: `[N, C, …]`.
///   - classes: Integers `[N, …]`, from 0 to C − 1; negative ones count from the end.
///   - weights: Of the classes, `[C]`, not negative. A mean is over the sum of the weights of the rows' classes.
///   - mask: 1 for a row that counts, 0 for one that doesn't, `[N, …]`, public or secret, bits or numbers. A mean is over the rows that count.
///   - reduction: How the losses of all rows are put together.
/// - Returns: One number, or one a row for ``LossReduction/none``. It carries an error where shapes don't fit (`.shapeMismatch`), or a class or
///   a weight is out of its range.
/// - Complexity: 1 round, exact up to a rounding; with a secret mask 1 more, or 10 where the mean is taken.
public func nllLoss(
    _ logarithms: CrypTensor,
    classes: Tensor,
    weights: Tensor? = nil,
    mask: CrypTensor? = nil,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([logarithms] + [mask].compactMap(\.self), file: file, line: line) { origin in
        try checkClasses(classes, logarithms, "nllLoss")
        let target = try ClassTarget(weights, 0, logarithms, "nllLoss")
        let (losses, counts) = target.losses(of: logarithms, at: classes, file: file, line: line)
        return try LossRows(mask, counts, target, "nllLoss")
            .reduced(losses, reduction, at: origin, file: file, line: line)
    }
}

/// What of each class's logarithm is in a row's loss.
private struct ClassTarget {
    /// Of the classes, where they differ.
    let weights: [Double]?
    let smoothing: Double
    private let classes: Int
    /// The shape `[1, C, 1, …]` of what is the same in all rows.
    private let aside: Shape

    init(_ weights: Tensor?, _ smoothing: Double, _ scores: CrypTensor, _ name: String) throws {
        guard scores.rank >= 2 else {
            throw CrypTenError(.shapeMismatch, "\(name) takes scores [N, C, …], not shape \(scores.shape)")
        }
        guard (0...1).contains(smoothing) else {
            throw CrypTenError(.invalidArgument, "\(name) can't smooth labels by \(smoothing): it must lie in [0, 1]")
        }
        classes = scores.shape[1]
        aside = Shape([1, classes] + [Int](repeating: 1, count: scores.rank - 2))
        self.smoothing = smoothing
        self.weights = weights?.doubles
        guard let weights else { return }
        guard weights.shape == [classes] else {
            throw CrypTenError(
                .shapeMismatch,
                "\(name) can't weight the classes of scores \(scores.shape) by \(weights.shape): it takes [\(classes)]"
            )
        }
        guard weights.doubles.allSatisfy({ $0 >= 0 && $0.isFinite }), weights.doubles.contains(where: { $0 > 0 }) else {
            throw CrypTenError(
                .invalidArgument,
                "\(name) can't weight classes so: weights are finite and not negative, and one is positive"
            )
        }
    }

    /// What a row can count for, but nothing.
    var bounds: ClosedRange<Double> {
        guard let weights, let least = weights.filter({ $0 > 0 }).min(), let most = weights.max() else { return 1...1 }
        return least...most
    }

    /// Whether a row may count for nothing by its class.
    var ignoresClasses: Bool { weights?.contains(0) ?? false }

    /// Σ_c T_c · v_c of values v `[N, C, …]`, of which the products with the target's probabilities are known.
    func sum(of values: CrypTensor, own: CrypTensor, file: StaticString, line: UInt) -> CrypTensor {
        let chosen = weighted(own, by: 1 - smoothing, file: file, line: line)
        if smoothing == 0 { return chosen }
        return chosen + weighted(values, by: smoothing / Double(classes), file: file, line: line)
    }

    /// The rows' losses of logarithms, and of their products with the target's probabilities.
    func losses(of logarithms: CrypTensor, own: CrypTensor, file: StaticString, line: UInt) -> CrypTensor {
        -sum(of: logarithms, own: own, file: file, line: line)
    }

    /// The rows' losses where classes are public, and what each row counts for in a mean, where they differ.
    func losses(
        of logarithms: CrypTensor,
        at classes: Tensor,
        file: StaticString,
        line: UInt
    ) -> (losses: CrypTensor, counts: CrypTensor?) {
        var column = classes.shape.dimensions
        column.insert(1, at: 1)
        let own = logarithms.takeAlong(Tensor(classes.elements, shape: Shape(column)), axis: 1, file: file, line: line)
        let each = (-own).reshape(classes.shape, file: file, line: line)
        // What `takeAlong` has refused is no class.
        let counts = weights.map { weights in
            (classes.integers ?? []).map { number in
                weights[min(max(0, Int(number < 0 ? number + Int64(weights.count) : number)), weights.count - 1)]
            }
        }
        let rows = counts.map { CrypTensor(constant: Tensor($0, shape: classes.shape), file: file, line: line) }
        if smoothing == 0 { return (rows.map { each * $0 } ?? each, rows) }
        let chosen =
            counts.map { each * Tensor($0.map { $0 * (1 - smoothing) }, shape: classes.shape) }
            ?? each * (1 - smoothing)
        let even = weighted(logarithms, by: smoothing / Double(self.classes), file: file, line: line)
        return (chosen - even, rows)
    }

    /// What each row of one-hot labels counts for in a mean, where classes differ.
    func counts(of labels: CrypTensor, file: StaticString, line: UInt) -> CrypTensor? {
        weights == nil ? nil : weighted(labels, by: 1, file: file, line: line)
    }

    /// The sum over classes, each times its weight and a factor.
    private func weighted(_ values: CrypTensor, by factor: Double, file: StaticString, line: UInt) -> CrypTensor {
        if let weights {
            return (values * Tensor(weights.map { $0 * factor }, shape: aside)).sum(axis: 1, file: file, line: line)
        }
        let sum = values.sum(axis: 1, file: file, line: line)
        return factor == 1 ? sum : sum * factor
    }
}

/// The rows of a loss, of which some may count for more than others, or for nothing.
private struct LossRows {
    private let mask: CrypTensor?
    /// What each row counts for: its loss has it as a factor already.
    private let counts: CrypTensor?
    private let target: ClassTarget
    private let name: String

    init(_ mask: CrypTensor?, _ counts: CrypTensor?, _ target: ClassTarget, _ name: String) {
        (self.mask, self.counts, self.target, self.name) = (mask, counts, target, name)
    }

    func reduced(
        _ losses: CrypTensor,
        _ reduction: LossReduction,
        at origin: SourceOrigin,
        file: StaticString,
        line: UInt
    ) throws -> CrypTensor {
        if losses.error != nil || (mask == nil && counts == nil) {
            return reduction.applied(to: losses, file: file, line: line)
        }
        if let mask, mask.shape != losses.shape {
            throw CrypTenError(
                .shapeMismatch,
                "\(name) can't mask rows \(losses.shape) by \(mask.shape): the shapes must be equal"
            )
        }
        guard reduction == .mean, losses.count > 0 else {
            return reduction.applied(to: masked(losses), file: file, line: line)
        }
        if let total = publicTotal {
            return masked(losses).sum(file: file, line: line).scaled(by: 1 / total, at: origin)
        }
        // The number of rows over what they count for is at least about 1, and so has more bits than the reciprocal of the latter.
        let rows = Double(losses.count)
        let total = (counts.map(masked) ?? mask ?? losses).sum(file: file, line: line).real(at: origin)
        let least = target.bounds.lowerBound * (mask == nil && !target.ignoresClasses ? rows : 1)
        let range = least...rows * target.bounds.upperBound
        let ratio =
            total.visibility == .public
            ? rows / total.maximum(CrypTensor(least), file: file, line: line)
            : CrypTensor(rows).divided(by: total, range: range, isSigned: false, file: file, line: line)
        // Found while the exponentials are, so that a mask adds one round.
        let sum =
            mask?.visibility == .secret
            ? (losses * masked(ratio)).sum(file: file, line: line) : masked(losses).sum(file: file, line: line) * ratio
        return sum.scaled(by: 1 / rows, at: origin)
    }

    private func masked(_ values: CrypTensor) -> CrypTensor {
        mask.map { $0 * values } ?? values
    }

    /// What all rows count for together, where the plan may contain it.
    private var publicTotal: Double? {
        let factors = [mask, counts].compactMap(\.self)
        let numbers = factors.compactMap { $0.constantValue?.doubles }
        guard numbers.count == factors.count, var products = numbers.first else { return nil }
        for other in numbers.dropFirst() { products = zip(products, other).map(*) }
        return max(products.reduce(0, +), target.bounds.lowerBound)
    }
}

private func checkClasses(_ classes: Tensor, _ scores: CrypTensor, _ name: String) throws {
    guard scores.rank >= 2, classes.kind == .integer,
        classes.shape.dimensions == [scores.shape[0]] + scores.shape.dimensions.dropFirst(2)
    else {
        throw CrypTenError(
            .shapeMismatch,
            "\(name) can't combine scores \(scores.shape) and classes \(classes.shape): it takes [N, C, …] and integers [N, …]"
        )
    }
}
