import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Foundation
import Testing

@Suite("Losses: rows that count, forms of labels, and what is refused")
struct LossTests {
    private let scores = Tensor([0.5, -1, 2, 0.25, 3, -0.5, 1, 1.5, -2, 0.75, 0, 1, -1, 2.5, 0.125], shape: [5, 3])
    private let classes = Tensor([Int64(2), 0, 1, 1, 0], shape: [5])
    private let weights = Tensor([0.5, 2, 1.25], shape: [3])
    private let rows = [true, false, true, true, false]

    /// One-hot rows of the classes.
    private func oneHot(_ classes: Tensor) -> [Double] {
        (classes.integers ?? []).flatMap { number in (0..<3).map { Int64($0) == number ? 1.0 : 0 } }
    }

    /// A tensor as bits, integers and reals.
    private func forms(_ numbers: [Double], _ shape: Shape) -> [Tensor] {
        [
            Tensor(.bool(numbers.map { $0 != 0 }), shape: shape), Tensor(numbers.map { Int64($0) }, shape: shape),
            Tensor(numbers, shape: shape),
        ]
    }

    @Test(
        "the mean over rows that a mask keeps is the mean of those rows alone; rows that it doesn't contribute 0",
        arguments: [0, 0.25],
        [false, true]
    )
    func masks(smoothing: Double, isWeighted: Bool) throws {
        let session = ClearSession()
        let weights = isWeighted ? weights : nil
        let kept = rows.indices.filter { rows[$0] }
        let keptClasses = Tensor(kept.map { classes.integers![$0] }, shape: [kept.count])
        let keptScores = session.secret(
            Tensor(kept.flatMap { scores.doubles[($0 * 3)..<($0 * 3 + 3)] }, shape: [3, 3])
        )
        let x = session.secret(scores)
        let labels = Tensor(oneHot(classes), shape: [5, 3])
        let keptLabels = Tensor(oneHot(keptClasses), shape: [3, 3])
        func all(
            _ x: CrypTensor,
            _ classes: Tensor,
            _ labels: Tensor,
            _ mask: CrypTensor?,
            _ reduction: LossReduction
        ) -> [CrypTensor] {
            [
                crossEntropy(
                    x,
                    classes: classes,
                    weights: weights,
                    labelSmoothing: smoothing,
                    mask: mask,
                    reduction: reduction
                ),
                crossEntropy(
                    x,
                    session.secret(labels),
                    weights: weights,
                    labelSmoothing: smoothing,
                    mask: mask,
                    reduction: reduction
                ),
                crossEntropy(
                    x,
                    labels: session.secret(labels),
                    weights: weights,
                    labelSmoothing: smoothing,
                    mask: mask,
                    reduction: reduction
                ),
                nllLoss(x, classes: classes, weights: weights, mask: mask, reduction: reduction),
            ]
        }
        for form in forms(rows.map { $0 ? 1 : 0 }, [5]) {
            for mask in [session.secret(form), CrypTensor(constant: form), session.publicInput(form)] {
                for reduction in [LossReduction.mean, .sum] {
                    let masked = all(x, classes, labels, mask, reduction)
                    let alone = all(keptScores, keptClasses, keptLabels, nil, reduction)
                    for (masked, alone) in zip(masked, alone) {
                        expectClose(try session.value(masked), try session.value(alone).doubles, within: 1e-12)
                    }
                }
                let each = all(x, classes, labels, nil, .none)
                for (masked, whole) in zip(all(x, classes, labels, mask, .none), each) {
                    let expected = zip(rows, try session.value(whole).doubles).map { $0 ? $1 : 0 }
                    expectClose(try session.value(masked), expected, within: 1e-12)
                }
            }
        }
    }

    @Test("labels as bits, integers and reals have one loss, that of public classes, and 0 / 1 labels that of −1 / 1")
    func labels() throws {
        let session = ClearSession()
        let x = session.secret(scores)
        let expected = try session.value(
            crossEntropy(x, classes: classes, weights: weights, labelSmoothing: 0.125)
        ).doubles
        let plain = try session.value(crossEntropy(x, classes: classes, labelSmoothing: 0.125)).doubles
        let signs = Tensor(oneHot(classes).map { 2 * $0 - 1 }, shape: [5, 3])
        let hinge = zip(scores.doubles, signs.doubles).map { max(0, 1 - $0 * $1) }
        expectClose(try session.value(hingeLoss(x, session.secret(signs), reduction: .none)), hinge)
        for form in forms(oneHot(classes), [5, 3]) {
            for y in [session.secret(form), CrypTensor(constant: form)] {
                expectClose(
                    try session.value(crossEntropy(x, labels: y, weights: weights, labelSmoothing: 0.125)),
                    expected
                )
                expectClose(try session.value(crossEntropy(x, labels: y, labelSmoothing: 0.125)), plain)
                expectClose(try session.value(crossEntropy(x, y, labelSmoothing: 0.125)), plain)
                expectClose(try session.value(hingeLoss(x, labels: y, reduction: .none)), hinge)
            }
        }
    }

    @Test("a class of weight 0 is ignored, and the mean is over the others")
    func ignored() throws {
        let session = ClearSession()
        let x = session.secret(scores)
        let some = Tensor([0.0, 2, 1.25], shape: [3])
        let expected = try session.value(
            crossEntropy(
                x,
                classes: classes,
                weights: some,
                mask: CrypTensor(constant: Tensor([1, 0, 1, 1, 0], shape: [5]))
            )
        ).doubles
        expectClose(try session.value(crossEntropy(x, classes: classes, weights: some)), expected)
        let labels = session.secret(Tensor(oneHot(classes), shape: [5, 3]))
        expectClose(try session.value(crossEntropy(x, labels: labels, weights: some)), expected)
    }

    @Test("a divergence from one-hot rows is minus the logarithm of their class, and none from the distribution itself")
    func divergence() throws {
        let session = ClearSession()
        let logarithms = session.secret(scores).logSoftmax(axis: 1)
        let expected = try session.value(nllLoss(logarithms, classes: classes)).doubles
        for target in [Tensor(oneHot(classes), shape: [5, 3])] {
            for target in [session.secret(target), CrypTensor(constant: target)] {
                expectClose(
                    try session.value(klDivergenceLoss(logarithms, target, reduction: .batchMean)),
                    expected,
                    within: 1e-9
                )
            }
        }
        let itself = klDivergenceLoss(logarithms, session.secret(scores).softmax(axis: 1), reduction: .none)
        expectClose(try session.value(itself), [Double](repeating: 0, count: 15), within: 1e-9)
        let both = klDivergenceLoss(logarithms, logarithms, logTarget: true, reduction: .none)
        expectClose(try session.value(both), [Double](repeating: 0, count: 15), within: 1e-12)
    }

    @Test("Huber's loss is the smooth one times its bound, and that is the distance for a bound of 0")
    func bends() throws {
        let session = ClearSession()
        let (x, y) = (session.secret(scores), session.secret(Tensor(oneHot(classes), shape: [5, 3])))
        let distances = zip(scores.doubles, oneHot(classes)).map { abs($0 - $1) }
        for bound in [0.125, 1, 2.5] {
            let expected = distances.map { $0 < bound ? $0 * $0 / 2 : bound * ($0 - bound / 2) }
            expectClose(try session.value(huberLoss(x, y, delta: bound, reduction: .none)), expected)
            expectClose(
                try session.value(smoothL1Loss(x, y, beta: bound, reduction: .none)),
                expected.map { $0 / bound }
            )
        }
        expectClose(try session.value(smoothL1Loss(x, y, beta: 0, reduction: .none)), distances)
    }

    @Test("what a loss can't be made of it says")
    func refusals() {
        let (x, row) = (placeholder([5, 3]), placeholder([5]))
        let many = Tensor([Int64(0), 1, 2, 3, 0], shape: [5])
        let refused: [(CrypTensor, CrypTenError.Code, String)] = [
            (crossEntropy(x, classes: many), .invalidArgument, "takeAlong"),
            (crossEntropy(x, classes: classes, weights: Tensor([1.0, 2], shape: [2])), .shapeMismatch, "it takes [3]"),
            (
                crossEntropy(x, classes: classes, weights: Tensor([1.0, -2, 1], shape: [3])), .invalidArgument,
                "not negative"
            ),
            (
                crossEntropy(x, classes: classes, weights: Tensor([0.0, 0, 0], shape: [3])), .invalidArgument,
                "one is positive"
            ),
            (
                crossEntropy(x, x, weights: Tensor([1, .infinity, 1], shape: [3])), .invalidArgument,
                "weights are finite"
            ),
            (crossEntropy(x, x, labelSmoothing: 1.5), .invalidArgument, "can't smooth labels by 1.5"),
            (crossEntropy(x, labels: x, labelSmoothing: .nan), .invalidArgument, "can't smooth labels by nan"),
            (crossEntropy(x, labels: x, mask: placeholder([3])), .shapeMismatch, "can't mask rows [5] by [3]"),
            (crossEntropy(row, row), .shapeMismatch, "crossEntropy takes scores [N, C, …]"),
            (nllLoss(x, classes: Tensor([Int64(0)], shape: [1])), .shapeMismatch, "nllLoss can't combine"),
            (smoothL1Loss(x, row), .shapeMismatch, "smoothL1Loss can't combine"),
            (smoothL1Loss(x, x, beta: -1), .invalidArgument, "can't have beta -1"),
            (huberLoss(x, x, delta: 0), .invalidArgument, "can't have delta 0"),
            (huberLoss(x, row), .shapeMismatch, "huberLoss can't combine"),
            (klDivergenceLoss(x, row), .shapeMismatch, "klDivergenceLoss can't combine"),
            (hingeLoss(x, row), .shapeMismatch, "hingeLoss can't combine"),
            (hingeLoss(x, labels: row), .shapeMismatch, "hingeLoss can't combine"),
            (hingeEmbeddingLoss(x, x, margin: .infinity), .invalidArgument, "can't keep a margin of inf"),
            (cosineEmbeddingLoss(x, x, x), .shapeMismatch, "it takes […, D] and […]"),
            (cosineEmbeddingLoss(x, row, row), .shapeMismatch, "cosineEmbeddingLoss can't combine"),
            (tripletMarginLoss(x, x, row), .shapeMismatch, "tripletMarginLoss can't combine"),
            (tripletMarginLoss(x, x, x, p: 0.5), .invalidArgument, "can't have p = 0.5"),
            (tripletMarginLoss(x, x, x, margin: .nan), .invalidArgument, "can't keep a margin of nan"),
            (mseLoss(x.sum(), x.sum(), reduction: .batchMean), .shapeMismatch, "have no rows"),
        ]
        for (tensor, code, message) in refused {
            #expect(tensor.error?.code == code, "\(tensor.error?.message ?? "no error instead of \(message)")")
            #expect(tensor.error?.message.contains(message) == true, "\(tensor.error?.message ?? "")")
        }
    }
}
