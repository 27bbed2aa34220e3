internal import CrypTenBase
public import CrypTenExpressions
public import CrypTenRuntime

/// Columns brought to mean 0 and deviation 1 by statistics that are found once, in secret, over the rows of all parties.
///
/// ```swift
/// let scale = try await Standardization(of: features, on: session)
/// let data = try await TensorDataset([scale.apply(to: features, on: session), labels], on: session)
/// let test = try await TensorDataset([scale.apply(to: held, on: session), answers], on: session)
/// ```
///
/// A column's mean m is that of its rows, its deviation s = √(mean of (x − m)²), as scikit-learn's `StandardScaler` has it: over as many
/// values as there are, not one less. A column whose values don't differ has none, and s is 1: what comes of it is 0, and stays small where
/// other rows differ from it. No party learns a statistic; whoever may can be told them.
///
/// *Sizes.* Columns may be of any size that the session's encoding holds, with no range declared, and of different sizes beside each
/// other: distances are divided by their mean magnitude before they are squared. A value of the encoding's size is as it is only where
/// sums over all rows are in range, too: with f fraction bits |x| times the number of rows below 2^(62 − f). An undeclared column has the
/// session's f fraction bits, and is right where these tell its rows apart, down to deviations of 2^(6 − f); of smaller ones the owner
/// declares the range. At mean distances below 2^(2 − f), four units of the encoding, the column counts as constant.
///
/// *Errors.* With 16 fraction bits a standardised value z is off by 2·10⁻³ · |z|, and by (2 + |z|) · 2⁻¹⁶ / s: what the encoding rounds of it,
/// of the mean and of the deviation. Where few values lie far from all others, and so the mean distance d is much smaller than s, the deviation is off
/// by 2⁻¹⁶ / d of itself.
public struct Standardization: Sendable {
    /// The mean of each column, of the shape of one row: kept by the session.
    public let means: CrypTensor
    /// The deviation of each column, 1 where there is none.
    public let deviations: CrypTensor

    /// Finds the statistics of examples, one a row.
    ///
    /// - Parameter x: Secret reals, `[rows, …]`: the rows of several parties, joined. Each place of a row is a column.
    /// - Throws: `.shapeMismatch` where there are no rows; and as `Session.evaluate`.
    /// - Complexity: 28 rounds, and 40 bytes sent an element with two parties, once.
    public init(of x: CrypTensor, on session: Session) async throws {
        let kept = try await session.evaluate(
            try Standardization.statistics(of: x, fractionBits: session.configuration.fractionBits)
        )
        (means, deviations) = (kept[0], kept[1])
    }

    init(means: CrypTensor, deviations: CrypTensor) {
        (self.means, self.deviations) = (means, deviations)
    }

    /// Mean and deviation of each column, as expressions.
    static func statistics(of x: CrypTensor, fractionBits: Int) throws -> [CrypTensor] {
        if let error = x.error { throw error }
        guard x.rank > 0, x.shape[0] > 0 else {
            throw CrypTenError(.shapeMismatch, "examples of shape \(x.shape) have no rows, and so no mean")
        }
        let unit = Double(sign: .plus, exponent: 2 - fractionBits, significand: 1)
        func mean(_ x: CrypTensor) -> CrypTensor { x.mean(axes: [0], keepDimensions: true) }
        // A mean is right to some 18 bits of its own: of what is left of the values once more, it is right to a unit.
        let rough = mean(x)
        let rest = x - rough
        let correction = mean(rest)
        let (center, distances) = (rough + correction, rest - correction)
        let distance = mean(distances.abs())
        // 1 in the place of what is too small to divide by.
        let isConstant = distance .< unit
        let one = CrypTensor(constant: Tensor([Double](repeating: 1, count: distance.count), shape: distance.shape))
        let size = one.where(isConstant, otherwise: distance)
        // Of n rows the squares add up to n² / 4 at most, where one lies apart from all others: they keep room for that.
        let logarithm = Int.bitWidth - x.shape[0].leadingZeroBitCount
        let part = Double(sign: .plus, exponent: -max(0, logarithm + fractionBits - 30), significand: 1)
        let ratios = part == 1 ? distances / size : distances / size * part
        let root = mean(ratios * ratios).sqrt()
        return [center, one.where(isConstant, otherwise: size * (part == 1 ? root : root * (1 / part)))]
    }

    /// Examples by these statistics, those that they were found of or others, as a test's: (x − mean) / deviation, kept and masked.
    ///
    /// They are kept with more fraction bits than the session's, as parameters are, since they are rounded once, the same way for all of
    /// training.
    ///
    /// - Parameter x: Secret reals with the same columns.
    /// - Throws: `.shapeMismatch` for other columns; and as `Session.evaluate`.
    /// - Complexity: 8 rounds, the masking among them, and 25 bytes sent an element with two parties.
    public func apply(to x: CrypTensor, on session: Session) async throws -> CrypTensor {
        let (standardized, bits) = try expression(of: x, fractionBits: session.configuration.fractionBits)
        return try await session.masked(try await session.evaluate([standardized], fractionBits: bits).kept)[0]
    }

    /// Examples by these statistics, and the fraction bits that they are kept with.
    func expression(of x: CrypTensor, fractionBits: Int) throws -> (standardized: CrypTensor, fractionBits: Int) {
        if let error = x.error { throw error }
        guard x.rank == means.rank, x.rank > 0, x.shape.dimensions.dropFirst() == means.shape.dimensions.dropFirst()
        else {
            throw CrypTenError(
                .shapeMismatch,
                "statistics of columns \(Shape(Array(means.shape.dimensions.dropFirst()))) are not those of examples of shape \(x.shape)"
            )
        }
        let bits = min(SessionConfiguration.fractionBitsOfKept(with: fractionBits).upperBound, fractionBits + 8)
        // A quotient has the session's bits and two: of larger distances it has those that are kept.
        let unit = Double(1 << (bits - fractionBits))
        return (((x - means) * unit / deviations) * (1 / unit), bits)
    }

    /// Gives the statistics up.
    public func release(on session: Session) async throws {
        try await session.release([means, deviations])
    }
}
