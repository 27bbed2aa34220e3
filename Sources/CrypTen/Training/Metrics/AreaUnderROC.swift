import CrypTenBase
public import CrypTenExpressions
import CrypTenRing
public import CrypTenRuntime

/// The area under the receiver operating characteristic: how often a row of label 1 has a higher score than one of label 0, where equal scores
/// count one half. A secret number, within 2⁻¹⁴; 0 where one of the labels is absent.
///
/// By ranks, as Mann and Whitney: of all pairs of rows it is compared which score is less, and whether they are equal; labels enter one product
/// with the sums. Everything is exact up to the quotient.
///
/// - Parameters:
///   - scores: `[rows]` or `[rows, 1]`, at most 2¹⁵ rows; any numbers that ascend with what is predicted.
///   - labels: As many zeros and ones, bits, integers or reals, of which those above ½ count as 1.
/// - Complexity: 17 rounds, 12 of them for one quotient, and some n² / 2 comparisons for n rows, all at once: each 19 bytes opened and 74 dealt,
///   and as much memory several times over. For more than some 2,000 rows there is `session.areaUnderROC(_:labels:pairsAtOnce:)`.
/// > Mann and Whitney, "On a Test of Whether one of Two Random Variables is Stochastically Larger than the Other", 1947.
public func areaUnderROC(
    _ scores: CrypTensor,
    labels: CrypTensor,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([scores, labels], file: file, line: line) { origin in
        let pairs = try ScorePairs(scores, labels, file: file, line: line)
        // Slices of rows: pairs are compared once, but for those within a slice.
        let slices = pairs.slices(of: (pairs.rows + 15) / 16)
        let ranks = slices.map { pairs.ranks($0, at: origin) }
        return pairs.area(ranks: ranks.dropFirst().reduce(ranks[0], +))
    }
}

extension Session {
    /// The area under the receiver operating characteristic, as ``areaUnderROC(_:labels:file:line:)``, in runs of so many comparisons each that
    /// memory is bounded.
    ///
    /// - Parameters:
    ///   - scores: `[rows]` or `[rows, 1]`, at most 2¹⁵ rows.
    ///   - labels: As many zeros and ones, bits, integers or reals, of which those above ½ count as 1.
    ///   - pairsAtOnce: How many comparisons a run makes, at least the rows' number.
    /// - Returns: An expression, secret as there.
    /// - Throws: what is wrong with scores or labels, and as `evaluate`.
    /// - Complexity: some n² / 2 comparisons for n rows, each 11 bytes opened and 75 dealt, in runs of 4 rounds.
    public func areaUnderROC(
        _ scores: CrypTensor,
        labels: CrypTensor,
        pairsAtOnce: Int = 1 << 20
    ) async throws -> CrypTensor {
        for tensor in [scores, labels] { if let error = tensor.error { throw error } }
        var pairs = try ScorePairs(scores, labels, file: #fileID, line: #line)
        guard scores.visibility == .secret else {
            return CrypTen.areaUnderROC(scores, labels: labels)
        }
        // Scores are computed once. What is compared is masked, and kept so: then differences are masked without being sent.
        let computed = try await evaluate([pairs.scores])
        let masked = try await evaluate([computed[0], computed[0].applying(.isZero)])
        pairs.scores = masked[0]
        var ranks: CrypTensor?
        for slice in pairs.slices(of: max(1, pairsAtOnce / pairs.rows)) {
            let more = pairs.ranks(slice, at: nil)
            let sum = try await evaluate([ranks.map { $0 + more } ?? more])
            if let ranks { try await release([ranks]) }
            ranks = sum[0]
        }
        try await release(computed + masked)
        guard let ranks else { preconditionFailure("there are rows") }
        return pairs.area(ranks: ranks)
    }
}

/// Scores of rows, compared with each other.
private struct ScorePairs {
    /// `[rows]`
    var scores: CrypTensor
    /// `[rows]`, bits or integers.
    let labels: CrypTensor

    var rows: Int { scores.count }

    /// With more rows, twice the pairs' number isn't held by reals any more.
    private static let mostRows = 1 << 15

    init(_ scores: CrypTensor, _ labels: CrypTensor, file: StaticString, line: UInt) throws {
        (self.labels, self.scores) = try ClassLabels.positives(
            labels,
            of: scores,
            in: "areaUnderROC",
            file: file,
            line: line
        )
        guard rows <= ScorePairs.mostRows else {
            throw CrypTenError(
                .outOfRange,
                "areaUnderROC of \(rows) rows takes \(rows * rows / 2) comparisons, and \(ScorePairs.mostRows) rows are the most: take a sample"
            )
        }
    }

    func slices(of size: Int) -> [Range<Int>] {
        stride(from: 0, to: rows, by: size).map { $0..<min($0 + size, rows) }
    }

    /// What comparisons of a slice's rows with themselves and all later ones add to each row's numbers of lesser scores and of those that aren't
    /// greater, its own among them: `[rows]`.
    func ranks(_ slice: Range<Int>, at origin: SourceOrigin?) -> CrypTensor {
        let (size, others) = (slice.count, rows - slice.lowerBound)
        let row = scores.narrow(axis: 0, start: slice.lowerBound, length: others).reshape([1, others])
        let column = scores.narrow(axis: 0, start: slice.lowerBound, length: size).reshape([size, 1])
        let difference = row - column
        // 1 of one that is less, −1 of one that is greater: two bits of one gate. The other side sees the opposite.
        let order =
            difference.applying(.isNegative, at: origin).toInteger()
            - difference.applying(.isPositive, at: origin).toInteger()
        let own = order.sum(axis: 1) + others
        let later = size - order.narrow(axis: 1, start: size, length: others - size).sum(axis: 0)
        let parts = others > size ? concatenate([own, later], axis: 0) : own
        return slice.lowerBound == 0 ? parts : parts.pad(before: [slice.lowerBound], after: [0])
    }

    /// (Σ ranks of positives − P²) / (2 · P · (n − P))
    func area(ranks: CrypTensor) -> CrypTensor {
        let positives = labels.sum()
        let both = (labels * ranks).sum()
        let square = positives * positives
        return (both - square).ratio(
            to: positives * (2 * rows) - square * 2,
            atMost: rows * rows / 2 + 1,
            file: #fileID,
            line: #line
        )
    }
}
