/// The magnitudes for which a function is built: powers of two, public like a shape.
///
/// A function's error is stated for operands in the range. Smaller ones count as the smallest of their sign, so that
/// results stay bounded; for larger ones each function says what comes out.
package struct MagnitudeRange: Hashable, Sendable {
    /// Base-2 logarithms of the smallest magnitude and of the first one that is too large.
    package var lowest: Int
    package var highest: Int
    /// Whether operands may be negative; otherwise those count as the smallest.
    package var isSigned: Bool
    /// Whether results of less than four units of the encoding, half of the error that is allowed, may count as 0: then operands
    /// of which they come are compared with nothing.
    package var dropsSmallResults = false

    package init(_ lowest: Int, _ highest: Int, isSigned: Bool = false) {
        precondition(lowest < highest, "magnitudes from 2^\(lowest) to 2^\(highest)")
        self.lowest = lowest
        self.highest = highest
        self.isSigned = isSigned
    }

    /// The smallest magnitude.
    package var smallest: Double { Double(sign: .plus, exponent: lowest, significand: 1) }
}
