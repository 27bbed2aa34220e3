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
    /// Whether a round more, and eight opened bytes an element, are worth eight dealt bytes less for each power that operands are compared
    /// with: of as many elements as a network has parameters, what is dealt is most of a function's cost.
    package var sparesDealer = false

    /// Where the operand is a value times a public positive number, that number: the function is of the product, and takes no
    /// step for it. `lowest` and `highest` are the value's.
    package private(set) var factor = 1.0

    /// All magnitudes that the operand's encoding holds: from one unit of the scale at which it is read.
    package static let whole = MagnitudeRange(-62, 62)

    package init(_ lowest: Int, _ highest: Int, isSigned: Bool = false) {
        precondition(lowest < highest, "magnitudes from 2^\(lowest) to 2^\(highest)")
        self.lowest = lowest
        self.highest = highest
        self.isSigned = isSigned
    }

    /// The smallest magnitude.
    package var smallest: Double { Double(sign: .plus, exponent: lowest, significand: 1) }

    /// The same magnitudes of a value that isn't multiplied by anything.
    package var withoutFactor: MagnitudeRange {
        MagnitudeRange(lowest, highest, isSigned: isSigned)
    }

    /// The same function, of values that are to be multiplied by a positive number.
    package func scaled(by number: Double) -> MagnitudeRange {
        var range = self
        range.factor *= number
        let exponent = Int(number.exponent)
        if lowest > MagnitudeRange.whole.lowest { range.lowest = Swift.max(-62, lowest - exponent - 1) }
        if highest < MagnitudeRange.whole.highest { range.highest = Swift.min(62, highest - exponent) }
        range.lowest = Swift.min(range.lowest, range.highest - 1)
        return range
    }
}
