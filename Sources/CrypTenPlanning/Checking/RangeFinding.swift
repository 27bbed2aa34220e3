package import CrypTenRing

/// Why a number that a gate reads is one that it can't be right on.
package enum RangeRule: Hashable, Sendable {
    /// It lies beyond ±2^63, so the ring holds another one: for comparisons, functions and results.
    case ring
    /// It lies beyond ±2^62: truncations, of a product or within a function, go wrong.
    case truncation
    /// The difference of what is compared takes more than so many bits with its sign.
    case difference(bits: Int)
    /// It is a public number that was too large for its scale, as a factor or a threshold.
    case publicNumber

    /// The limit in the ring, as a power of two: magnitudes up to it are right.
    package var exponent: Int {
        switch self {
        case .ring: 63
        case .truncation, .publicNumber: 62
        case .difference(let bits): bits - 1
        }
    }
}

/// A number that has left the range in which what reads it is right.
package struct RangeViolation: Error, Hashable, Sendable {
    /// The layer whose step made the number.
    package var layer: String?
    /// The operation that made it, and the number of its entry, by which `GraphSources.origins` knows where it was written.
    package var operation: String
    package var originNumber: Int?
    /// What reads it.
    package var reader: String
    package var rule: RangeRule
    /// The number in the ring's units, unwrapped, and the fraction bits that make it the value; nil where they aren't known.
    package var number: Double
    package var scale: Int?
    /// Where it stands.
    package var place: Int
    package var shape: Shape
}

/// The narrowest place that a value was read at, and how near it came.
package struct RangeUse: Hashable, Sendable {
    package var reader: String
    package var rule: RangeRule
    /// Bits between the largest number that was read and the limit; infinite for zeros.
    package var headRoomBits: Double
}
