import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

/// Losses between parties: the rounds that their documentation states, and what only parties' numbers show.
@Suite("Losses between parties")
struct LossCostTests {
    /// Two secrets `[8, 6]`, a target of each row that is 1 or −1, and a mask of rows.
    typealias Loss = @Sendable (_ x: CrypTensor, _ y: CrypTensor, _ sign: CrypTensor, _ mask: CrypTensor) -> CrypTensor

    static let signs = Tensor([1.0, -1, 1, 1, -1, -1, 1, -1], shape: [8])
    static let classes = Tensor([Int64(0), 1, 2, 3, 4, 5, 0, 1], shape: [8])
    static let weights = Tensor([0.5, 1, 2, 1.25, 1, 0.75], shape: [6])

    static let documented: [(name: String, rounds: Int, loss: Loss)] = [
        ("mean of squares", 2, { x, y, _, _ in mseLoss(x, y) }),
        ("mean of distances", 5, { x, y, _, _ in l1Loss(x, y) }),
        ("smooth", 6, { x, y, _, _ in smoothL1Loss(x, y, beta: 0.5) }),
        ("Huber", 7, { x, y, _, _ in huberLoss(x, y, delta: 0.5) }),
        ("binary scores", 5, { x, y, _, _ in binaryCrossEntropyWithLogits(x, y) }),
        ("binary probabilities", 8, { x, y, _, _ in binaryCrossEntropy(y, x) }),
        ("logarithms at classes", 1, { x, _, _, _ in nllLoss(x, classes: classes) }),
        ("divergence", 8, { x, y, _, _ in klDivergenceLoss(x, y) }),
        ("divergence of logarithms", 6, { x, y, _, _ in klDivergenceLoss(x, y, logTarget: true) }),
        (
            "divergence from a public one", 1,
            { x, _, _, _ in
                klDivergenceLoss(
                    x,
                    CrypTensor(constant: Tensor(weights.doubles, shape: [1, 6])).broadcast(to: [8, 6])
                )
            }
        ),
        ("hinge", 6, { x, _, sign, _ in hingeLoss(x[0..., 0], sign) }),
        ("hinge of labels", 6, { x, _, sign, _ in hingeLoss(x[0..., 0], labels: sign) }),
        ("public hinge", 5, { x, _, _, _ in hingeLoss(x[0..., 0], CrypTensor(constant: signs)) }),
        ("public embedded hinge", 5, { x, _, _, _ in hingeEmbeddingLoss(x[0..., 0], CrypTensor(constant: signs)) }),
        ("embedded hinge", 6, { x, _, sign, _ in hingeEmbeddingLoss(x[0..., 0], sign) }),
        ("cosine", 18, { x, y, sign, _ in cosineEmbeddingLoss(x, y, sign) }),
        ("cosine of public pairs", 16, { x, y, _, _ in cosineEmbeddingLoss(x, y, CrypTensor(constant: signs)) }),
        ("triplet", 13, { x, y, _, _ in tripletMarginLoss(x[0..<4], y[0..<4], y[4..<8]) }),
        ("triplet of distances", 9, { x, y, _, _ in tripletMarginLoss(x[0..<4], y[0..<4], y[4..<8], p: 1) }),
        ("swapped triplet", 17, { x, y, _, _ in tripletMarginLoss(x[0..<4], y[0..<4], y[4..<8], swap: true) }),
        ("classes", 20, { x, _, _, _ in crossEntropy(x, classes: classes) }),
        (
            "classes with everything", 21,
            { x, _, _, _ in crossEntropy(x, classes: classes, weights: weights, labelSmoothing: 0.125) }
        ),
        ("classes of masked rows", 21, { x, _, _, mask in crossEntropy(x, classes: classes, mask: mask) }),
        ("probabilities", 21, { x, y, _, _ in crossEntropy(x, y) }),
        ("weighted probabilities", 22, { x, y, _, _ in crossEntropy(x, y, weights: weights) }),
        ("labels", 20, { x, y, _, _ in crossEntropy(x, labels: y) }),
        ("smoothed labels", 21, { x, y, _, _ in crossEntropy(x, labels: y, labelSmoothing: 0.125) }),
        ("labels of masked rows", 22, { x, y, _, mask in crossEntropy(x, labels: y, mask: mask) }),
        ("weighted labels", 24, { x, y, _, _ in crossEntropy(x, labels: y, weights: weights) }),
    ]

    @Test("documented rounds")
    func rounds() async throws {
        let answers = try await withLocalParties(2) { session -> [Int] in
            let x = try await FunctionTests.share(
                of: (0..<48).map { Double($0 % 23) / 4 - 2.5 },
                shape: [8, 6],
                session
            )
            let y = try await FunctionTests.share(
                of: (0..<48).map { Double($0 % 7) / 7 + 0.1 },
                shape: [8, 6],
                session
            )
            let sign = try await FunctionTests.share(of: Self.signs.doubles, session)
            let mask = try await FunctionTests.share(of: Self.signs.doubles.map { ($0 + 1) / 2 }, session)
            var rounds: [Int] = []
            for (_, _, loss) in Self.documented {
                let before = try await session.statistics
                _ = try await session.evaluate([loss(x, y, sign, mask)])
                rounds.append((try await session.statistics - before).rounds)
            }
            return rounds
        }
        for (entry, found) in zip(Self.documented, answers[0]) {
            #expect(found == entry.rounds, "\(entry.name): \(found) rounds")
        }
    }
}
