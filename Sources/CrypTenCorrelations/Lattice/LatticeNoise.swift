internal import CrypTenBase
internal import CrypTenRing
private import Foundation

/// How far a sum of products is from what it encodes, and what may be summed.
///
/// A ciphertext encodes a word m as round(q m / 2^64) + e: it is off by e, 42 fair coins less their mean, and by a rounding of at most a half. A
/// coefficient of Σ ciphertext · plaintext, with plaintexts between −2^63 and 2^63, of which it meets `terms`, is off by at most
///
///     terms · 2^62  +  2^63 · sqrt(42/2 · terms · ln(2 / δ)),
///
/// the roundings at their worst, for they follow from the word, and the coins by Hoeffding's inequality but for probability δ = 2^-64. An answer adds
/// less than 2^24. A result's unit is q / 2^64 > 2^121.9, and the two shares' roundings are off by one where the uniform r lies within the noise of
/// a half: with probability below 2^-41 an element at worst. Words of masks are uniform, and then both parts add up like random walks: for the longest
/// sums some 2^74 are measured, and that is 2^-47.
package enum LatticeNoise {
    /// The bound on what products may be off by: 2^80.
    package static let admittedBits = 80.0

    /// The most terms that a sum may have: the largest number whose bound is 2^80.
    package static let mostTerms = 232_481

    /// The base-two logarithm of the bound for so many terms.
    package static func bits(terms: Int) -> Double {
        let count = Double(max(terms, 1))
        let coins = exp2(63) * (21 * count * 65 * log(2.0)).squareRoot()
        return log2(count * exp2(62) + coins + exp2(24))
    }

    static func tooLong(_ form: LatticeForm, terms: Int) -> CrypTenError {
        CrypTenError(
            .invalidArgument,
            "\(form.operation.name) of \(form.leftShape) and \(form.rightShape) sums \(terms) products in one coefficient, and its noise may reach "
                + "2^\(Int(bits(terms: terms).rounded(.up))) where 2^80 is admitted: at most \(mostTerms) products are; split the sum"
        )
    }
}
