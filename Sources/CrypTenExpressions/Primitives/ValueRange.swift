/// An interval that holds all numbers of a tensor: arithmetic on intervals, after Moore, "Interval Analysis" (1966).
///
/// Ends may be infinite: then nothing is known on that side. Bounds are of the true values; what a fixed point rounds stays
/// within a unit of them, for which who uses a range leaves room.
package struct ValueRange: Hashable, Sendable, Codable {
    package var low: Double
    package var high: Double

    /// - Parameters:
    ///   - low: Not above `high`; no NaN.
    ///   - high: The other end.
    package init(_ low: Double, _ high: Double) {
        precondition(low <= high, "a range begins at its low end")
        (self.low, self.high) = (low, high)
    }

    /// Nothing is known.
    package static let unknown = ValueRange(-.infinity, .infinity)
    /// Zero alone.
    package static let zero = ValueRange(0, 0)

    package var isFinite: Bool {
        low.isFinite && high.isFinite
    }

    /// The largest magnitude.
    package var magnitude: Double {
        Swift.max(-low, high)
    }

    /// The least whole k with |v| ≤ 2^k for all numbers; nil where there is none.
    package var exponent: Int? {
        guard isFinite else { return nil }
        if magnitude == 0 { return -1074 }
        return Int(magnitude.exponent) + (magnitude.significand > 1 ? 1 : 0)
    }

    /// Numbers that are smaller still get no more fraction bits.
    package static let leastExponent = -24
    /// Bits of a value that is declared, with its fraction, which leave as many for the other factor.
    private static let operandBits = 30

    /// The fraction bits of an operand of products of which |v| ≤ 2^R is declared: `min(30 − R, max(f, f + 4 − R))`, with the session's
    /// f, so that the product of two has room.
    package static func fractionBits(ofExponent exponent: Int, session fractionBits: Int) -> Int {
        let exponent = Swift.max(exponent, leastExponent)
        return Swift.max(
            0,
            Swift.min(operandBits - exponent, Swift.max(fractionBits, fractionBits + 4 - exponent))
        )
    }

    /// With ends of at most this magnitude.
    package func clamped(to limit: Double) -> ValueRange {
        ValueRange(Swift.min(Swift.max(low, -limit), limit), Swift.min(Swift.max(high, -limit), limit))
    }

    package func union(_ other: ValueRange) -> ValueRange {
        ValueRange(Swift.min(low, other.low), Swift.max(high, other.high))
    }

    // No operators: one more overload of each costs every expression of the package its type check.

    package func adding(_ other: ValueRange) -> ValueRange {
        let (low, high) = (low + other.low, high + other.high)
        // Infinities of both signs, where nothing is known.
        return ValueRange(low.isNaN ? -.infinity : low, high.isNaN ? .infinity : high)
    }

    package var negated: ValueRange {
        ValueRange(-high, -low)
    }

    package func multiplied(by other: ValueRange) -> ValueRange {
        // Nothing times whatever is nothing, also where that isn't bounded.
        let ends = [(low, other.low), (low, other.high), (high, other.low), (high, other.high)].map { x, y in
            x == 0 || y == 0 ? 0 : x * y
        }
        return ends.dropFirst().reduce(ValueRange(ends[0], ends[0])) { $0.union(ValueRange($1, $1)) }
    }

    /// Of squares.
    package var squared: ValueRange {
        let far = magnitude * magnitude
        if low <= 0, high >= 0 { return ValueRange(0, far) }
        let near = Swift.min(low.magnitude, high.magnitude)
        return ValueRange(near * near, far)
    }

    /// Of sums of so many numbers of the range.
    package func times(_ count: Int) -> ValueRange {
        count == 0 ? .zero : ValueRange(low * Double(count), high * Double(count))
    }

    /// Of a growing function's values.
    package func map(_ function: (Double) -> Double) -> ValueRange {
        ValueRange(function(low), function(high))
    }
}
