import CrypTenBase

/// Reals as ring elements: `round(x · 2^fractionBits)`, two's complement.
package enum FixedPoint {
    /// Values that are put in must lie below this in magnitude: products of two such sums stay in the ring's range.
    package static func limit(fractionBits: Int) -> Double {
        Double(sign: .plus, exponent: 62 - 2 * fractionBits, significand: 1)
    }

    /// Fraction bits that a sum or product may have where nothing is known of it: a few more than a product of two values with
    /// `fractionBits`, so that exact factors such as the quarter of a 2×2 mean cost no truncation; reals up to
    /// `2^(62 − scaleLimit)` stay in range.
    package static func scaleLimit(fractionBits: Int) -> Int {
        2 * fractionBits + max(0, min(4, (30 - fractionBits) / 2))
    }

    /// Encodes what comes from outside.
    ///
    /// - Parameter range: Where all numbers are said to lie; nil: below `limit(fractionBits:)`.
    /// - Throws: `CrypTenError.Code.outOfRange` naming the index of the first number that isn't finite or is too large.
    package static func encode(
        _ values: [Double],
        fractionBits: Int,
        within range: ClosedRange<Double>? = nil,
        shape: Shape,
        name: String
    ) throws -> RingTensor {
        let unit = Double(sign: .plus, exponent: fractionBits, significand: 1)
        let limit =
            range == nil
            ? limit(fractionBits: fractionBits) : Double(sign: .plus, exponent: 62 - fractionBits, significand: 1)
        if let range, let index = values.firstIndex(where: { !range.contains($0) }) {
            throw CrypTenError(
                .outOfRange,
                """
                \(name), element \(index), lies outside of the range \(range.lowerBound) to \(range.upperBound) that is declared for it; \
                declare a wider one at all parties
                """
            )
        }
        var out = RingTensor(uninitialized: shape)
        try out.withMutableWords { words in
            for (index, value) in values.enumerated() {
                guard value.magnitude < limit else {
                    throw CrypTenError(
                        .outOfRange,
                        """
                        \(name), element \(index): \(value.isNaN ? "not a number" : value.isInfinite ? "infinite" : "too large") \
                        for fixed point with \(fractionBits) fraction bits, which takes magnitudes below \(limit); \
                        scale the data, or use fewer fraction bits
                        """
                    )
                }
                words[index] = UInt64(bitPattern: Int64((value * unit).rounded()))
            }
        }
        return out
    }

    /// A public number: what is too large becomes the largest of its sign, so that a mask's −10,000 or −∞ saturates.
    package static func encodeConstant(_ value: Double, scale: Int) -> UInt64 {
        let scaled = (value * Double(sign: .plus, exponent: scale, significand: 1)).rounded()
        let largest = Double(sign: .plus, exponent: 62, significand: 1)
        if scaled >= largest { return 1 << 62 }
        if scaled <= -largest { return UInt64(bitPattern: -(1 << 62)) }
        return scaled.isNaN ? 0 : UInt64(bitPattern: Int64(scaled))
    }

    /// Public numbers at a scale: whole ones exactly where nothing follows the point.
    package static func encodePublic(_ values: [Double], integers: [Int64]?, scale: Int, shape: Shape) -> RingTensor {
        if scale == 0, let integers { return RingTensor(integers.map(UInt64.init(bitPattern:)), shape: shape) }
        return RingTensor(values.map { encodeConstant($0, scale: scale) }, shape: shape)
    }

    /// Ring elements as reals.
    package static func decode(_ words: RingTensor, scale: Int) -> [Double] {
        let unit = Double(sign: .plus, exponent: -scale, significand: 1)
        return words.elements.map { Double(Int64(bitPattern: $0)) * unit }
    }
}
