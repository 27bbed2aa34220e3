import CrypTenBase
public import CrypTenExpressions
import CrypTenRing

/// How many rows have their largest score at their label: a secret integer, exactly.
///
/// Of equal scores the first is the largest. Nobody learns which rows were right: who is told the number learns the number.
///
/// - Parameters:
///   - scores: `[rows, classes]`.
///   - labels: One-hot rows `[rows, classes]`, bits, integers or reals, of which those above ½ count as 1; or integers `[rows]`. A row
///     without a label is never right.
/// - Complexity: those of `argmax`, 5 rounds for every factor of four classes, and 1. Labels of reals or classes' numbers take 4 rounds beside
///   them.
public func correctPredictions(
    _ scores: CrypTensor,
    labels: CrypTensor,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([scores, labels], file: file, line: line) { origin in
        let members = try ClassLabels.members(labels, of: scores, in: "correctPredictions", file: file, line: line)
        let winners = scores.winners(at: origin)
        return (winners * members).sum(file: file, line: line)
    }
}

/// The part of the rows whose largest score is at their label: a secret real number, that of ``correctPredictions(_:labels:file:line:)`` over
/// the rows' number, within one unit.
///
/// - Parameters:
///   - scores: `[rows, classes]`.
///   - labels: As there.
public func accuracy(
    _ scores: CrypTensor,
    labels: CrypTensor,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([scores, labels], file: file, line: line) { _ in
        correctPredictions(scores, labels: labels, file: file, line: line)
            .divided(by: Tensor(Double(max(1, scores.shape.dimensions.first ?? 1))), file: file, line: line)
    }
}

/// How many rows of two classes have a score above the threshold where their label is 1, and none where it is 0: a secret integer, exactly.
///
/// - Parameters:
///   - scores: `[rows]` or `[rows, 1]`: logits, of which 0 is the middle, or probabilities, of which ½ is.
///   - labels: As many zeros and ones, bits, integers or reals, of which those above ½ count as 1.
///   - threshold: A score of just this counts as 0.
/// - Complexity: 4 rounds; none more for labels of reals.
public func correctBinaryPredictions(
    _ scores: CrypTensor,
    labels: CrypTensor,
    threshold: Double = 0,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([scores, labels], file: file, line: line) { origin in
        let (members, flat) = try ClassLabels.positives(
            labels,
            of: scores,
            in: "correctBinaryPredictions",
            file: file,
            line: line
        )
        let predicted = flat.greaterThan(CrypTensor(threshold), file: file, line: line)
        if members.kind == .bit {
            return predicted.logicalXor(members, file: file, line: line).logicalNot(file: file, line: line)
                .sum(file: file, line: line)
        }
        // p·y + (1 − p)·(1 − y) = 1 − y + p·(2y − 1)
        return (1 - members + predicted * (members * 2 - 1)).sum(file: file, line: line)
    }
}

/// The part of the rows of two classes that are told apart as ``correctBinaryPredictions(_:labels:threshold:file:line:)`` says: a secret real
/// number, within one unit.
public func binaryAccuracy(
    _ scores: CrypTensor,
    labels: CrypTensor,
    threshold: Double = 0,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([scores, labels], file: file, line: line) { _ in
        correctBinaryPredictions(scores, labels: labels, threshold: threshold, file: file, line: line)
            .divided(by: Tensor(Double(max(1, scores.count))), file: file, line: line)
    }
}

extension CrypTensor {
    /// Of each row of scores `[rows, classes]` one bit that is 1: at the first of the largest.
    func winners(at origin: SourceOrigin) -> CrypTensor {
        let numbers = kind == .bit ? toInteger() : self
        return numbers.applying(.winners(axis: 1), at: origin)
    }
}

extension CrypTensor {
    /// A quotient of whole numbers, of which both are public to lie in 0 … `most`: within 2⁻¹⁴ of what it is where it is at most 1; of 0 by 0 it is 0.
    ///
    /// A quotient is within 10⁻³ of what it is; what is missing is a quotient, too, of the remainder.
    /// - Complexity: 12 rounds.
    func ratio(to divisor: CrypTensor, atMost most: Int, file: StaticString, line: UInt) -> CrypTensor {
        let whole = divisor.toReal(file: file, line: line)
        func quotient(_ number: CrypTensor) -> CrypTensor {
            number.divided(
                by: whole,
                range: 1...Double(Swift.max(1, most)),
                isSigned: false,
                file: file,
                line: line
            )
        }
        let number = toReal(file: file, line: line)
        let first = quotient(number)
        return first + quotient(number - first * divisor)
    }
}
