import CrypTenBase

/// Numbers as words and back, by the one rule that all clients of a cell share.
///
/// A real x becomes round(x · 2^f), to the nearest whole number, halves away from zero; negative numbers are two's complement. Whole
/// numbers, and booleans as 0 and 1, are themselves.
package enum FixedPointWords {
    /// The numbers of fraction bits there are.
    package static let fractionBits = 0...62

    /// The words of reals.
    ///
    /// Exact but for the rounding: scaling by a power of two loses nothing.
    ///
    /// - Parameters:
    ///   - values: The reals.
    ///   - fractionBits: f.
    ///   - range: The numbers that the model takes.
    ///   - input: The input's name, for the error.
    /// - Returns: A word for each.
    /// - Throws: `.outOfRange` with the index of the first number that isn't finite, lies outside of the range or has no word.
    package static func encode(
        _ values: [Double],
        fractionBits: Int,
        range: ClosedRange<Double>?,
        input: String
    ) throws -> [UInt64] {
        var words: [UInt64] = []
        words.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            guard value.isFinite else { throw refusal("isn't finite", index, input) }
            if let range, !range.contains(value) { throw refusal("lies outside of \(text(range))", index, input) }
            let scaled = Double(sign: .plus, exponent: fractionBits, significand: value)
                .rounded(.toNearestOrAwayFromZero)
            guard let number = Int64(exactly: scaled) else {
                throw refusal("is too large for \(fractionBits) fraction bits", index, input)
            }
            words.append(UInt64(bitPattern: number))
        }
        return words
    }

    /// The words of whole numbers.
    ///
    /// - Throws: `.outOfRange` with the index of the first number that lies outside of the range.
    package static func encode(_ values: [Int64], range: ClosedRange<Double>?, input: String) throws -> [UInt64] {
        if let range, let index = values.firstIndex(where: { !contains($0, range) }) {
            throw refusal("lies outside of \(text(range))", index, input)
        }
        return values.map(UInt64.init(bitPattern:))
    }

    /// The words of booleans.
    package static func encode(_ values: [Bool]) -> [UInt64] {
        values.map { $0 ? 1 : 0 }
    }

    /// The reals of words: x / 2^f, rounded to the nearest double where |x| is above 2^53.
    package static func decodeReals(_ words: [UInt64], fractionBits: Int) -> [Double] {
        words.map { Double(sign: .plus, exponent: -fractionBits, significand: Double(Int64(bitPattern: $0))) }
    }

    /// The whole numbers of words.
    package static func decodeIntegers(_ words: [UInt64]) -> [Int64] {
        words.map(Int64.init(bitPattern:))
    }

    /// The booleans of words.
    ///
    /// - Throws: `.malformedFrame` with the index of the first word that is neither 0 nor 1.
    package static func decodeBooleans(_ words: [UInt64], output: String) throws -> [Bool] {
        if let index = words.firstIndex(where: { $0 > 1 }) {
            throw CrypTenError(
                .malformedFrame,
                "element \(index) of output \"\(output)\" is neither 0 nor 1: a party has sent what isn't its share"
            )
        }
        return words.map { $0 == 1 }
    }

    /// Whether a whole number lies in a range; exact, also where no double is the number.
    private static func contains(_ value: Int64, _ range: ClosedRange<Double>) -> Bool {
        let lowest = range.lowerBound <= -0x1p63 ? Int64.min : Int64(exactly: range.lowerBound.rounded(.up))
        let highest = range.upperBound >= 0x1p63 ? Int64.max : Int64(exactly: range.upperBound.rounded(.down))
        guard let lowest, let highest else { return false }
        return value >= lowest && value <= highest
    }

    /// Names the place, and not the number: the message may be read where the input isn't.
    private static func refusal(_ what: String, _ index: Int, _ input: String) -> CrypTenError {
        CrypTenError(
            .outOfRange,
            "element \(index) of input \"\(input)\" \(what): mend it before it is split into shares"
        )
    }

    private static func text(_ range: ClosedRange<Double>) -> String {
        "\(range.lowerBound) to \(range.upperBound)"
    }
}
