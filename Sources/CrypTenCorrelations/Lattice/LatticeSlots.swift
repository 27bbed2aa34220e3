private import Foundation

/// Products element by element under ring-LWE: how numbers lie in slots, and why shares of their products are right.
///
/// One party has x, the other y, words as numbers between −2^63 and 2^63; sums of a few such products, too. Six primes t below 2^29 that are
/// 1 modulo 16384 have roots of unity of order 16384, so that a polynomial modulo t has 8192 *slots*: its values at the odd powers of a root, and
/// products of polynomials are products of slots. By pairs, M = t·t′ < 2^58, and 8192 words take three ciphertexts, one a pair, under the run's key and with the primes of
/// every other ciphertext (`LatticeParameters`). Complex numbers have two slots each, and take two pairs.
///
/// 1. x, modulo M in slots, is a polynomial m; it is encrypted as round(q m / M) + e − a s. So 8192 words are three ciphertexts.
/// 2. The other party multiplies by w, y's polynomial with coefficients between −(M + t)/2 and (M + t)/2. round(q m / M)·w is q (m w) / M modulo q, off by the rounding times w.
/// 3. It adds an encryption of zero with a fresh ternary secret and fresh noise; else the second half were a·w, and who knows a knew w.
/// 4. It drops two primes, rounding, and takes a uniform ρ modulo q′ off the first half; 124 bits, 8192 coefficients, all of both halves are sent.
/// 5. V = c0 + c1 s is what the first party decrypts. It takes round(M V / q′), the other round(M ρ / q′), and both read the slots: shares of x y modulo
///    each t. Six of them are, by the Chinese remainder theorem, shares α + β = x y modulo T = Π t, 2^173.99, with α and β from 0 to T.
/// 6. As numbers, α + (β − T) is x y, but where that wraps: shares modulo 2^64 are α, and β − T.
///
/// *Privacy.* V is uniform modulo q′ whatever x, y and noise are, for ρ is: of what depends on y, the first party sees the second half alone, which an
/// encryption of zero hides (`LatticeSecurity`). No estimate of noise and no flooding enters. The other party sees ciphertexts.
///
/// *Exactness.* Two things may go wrong, with probabilities over V and ρ, whatever the words are. A word is any number then.
///
/// - α + β − T differs from x y where α − x y is below 0 or not below T. α is uniform, and |x y| ≤ 2^126: with probability below `terms` · 2^-47.9 an element.
/// - Two roundings to a multiple of q′ / M > 2^66 add up to that of the sum but where ρ lies within the noise of a half: with probability 2 |noise| M / q′ a
///   coefficient, and a wrong coefficient spoils all of its 8192 slots. The noise that is left (`noiseBits`) is below 2^10.2 at the worst words,
///   and about 2^4.7 for uniform ones: below 2^-40.2 an element at the worst, 2^-45.7 for masks.
///
/// *Complex numbers*, x + i y with x² + y² ≤ 2^60 but for their roundings: sines of angles at scale 2^30. Each t has an ι with ι² = −1, and Z_t[i] / (i² + 1) is
/// Z_t × Z_t by i ↦ ι, −ι. So x + i y has the slots u = x + ι y and v = x − ι y, and a product of complex numbers is the products of both. Its parts (u + v) / 2 and
/// (u − v) / (2 ι) are linear: each party takes them of its shares, which two pairs make shares modulo T = t_0 t_1 t_2 t_3, 2^115.998. As numbers, α + (β − T) is the
/// part at scale 2^60, but where that wraps. Each party then rounds its own to 2^30, α down and β − T up, and reduces it modulo 2^64 last.
///
/// - *Error*: what α loses and what β − T gains are from 0 to a unit of 2^-30, the unit excluded: so a part is within a unit of the product's, on either side, and right
///   on average, for α is uniform.
/// - It wraps where α lies within |part| ≤ 2^60 of an end: with probability 2^-56 a part, 2^-55 an element. An element's chunk has 2 · 8192 coefficients, two
///   thirds of a word's: roundings go wrong below 2^-41.6 an element at the worst numbers, 2^-46.2 for sines of uniform angles.
///
/// *Real numbers* between −1 and 1 at scale 2^30 are words, modulo two pairs alone: α and β − T, as they are, add up to the product at scale 2^60, exactly but
/// with probability 2^-56 and what roundings make of it, as above.
///
/// > Smart, Vercauteren, "Fully homomorphic SIMD operations", 2014; Brakerski, CRYPTO '12; Fan, Vercauteren, ePrint 2012/144.
package enum LatticeSlots: CaseIterable, Sendable {
    /// Words in two's complement, a slot each: their products modulo 2^64.
    case words
    /// Complex numbers of magnitude one at scale 2^30, real parts and imaginary parts, two slots each: their products at that scale.
    case complex
    /// Real numbers between −1 and 1 at scale 2^30, a slot each: their products at scale 2^60, as numbers of two words.
    case real

    /// The largest six below 2^29, largest first; a pair of them is a plaintext modulus M.
    package static let primes: [UInt32] = [
        536_690_689, 536_641_537, 536_608_769, 536_543_233, 536_494_081, 536_215_553,
    ]
    /// Products that one answer may sum up, element by element.
    package static let mostTerms = 4

    /// Ciphertexts of a chunk: one a pair of primes, of the first ones.
    package var pairs: Int {
        switch self {
        case .words: 3
        case .complex, .real: 2
        }
    }

    /// Tensors that elements are given as: words, real and imaginary parts, numbers.
    package var parts: Int { self == .complex ? 2 : 1 }

    /// Tensors that shares are: words, real and imaginary parts, low words and high ones.
    package var shares: Int { self == .words ? 1 : 2 }

    /// Fraction bits of complex and of real numbers.
    package static let fractionBits = 30

    /// Elements of a chunk, which fill a polynomial's slots.
    package var chunk: Int { LatticeParameters.degree / parts }

    /// Chunks of so many elements, the last of which may be filled up with zeros.
    package func chunks(_ count: Int) -> Int {
        (count + chunk - 1) / chunk
    }

    /// Bytes of a message that encrypts so many elements: 190,464 a pair and chunk, and a seed.
    package func encryptionBytes(_ count: Int) -> Int {
        LatticeParameters.seedBytes + chunks(count) * pairs * LatticeParameters.ciphertextBytes
    }

    /// Bytes of an answer: 253,952 a pair and chunk.
    package func answerBytes(_ count: Int) -> Int {
        chunks(count) * pairs * LatticeSlots.pairBytes
    }

    /// Bytes of one pair's answer.
    static let pairBytes = LatticeParameters.answerBytes(used: LatticeParameters.degree)

    /// The base-two logarithm of what a coefficient may be off by when it is rounded, in a sum of so many products.
    ///
    /// Of Σ ciphertext · plaintext, with coefficients up to M/2 < 2^57 of the plaintext: encodings' roundings at their worst, terms · 8192 · 2^56, and
    /// coins, Hoeffding's 2^57 · sqrt(42/2 · terms · 8192 · ln(2 / δ)) but for δ = 2^-64. That and the encryption of zero, below 2^19, over the two primes that are dropped; a half for
    /// the first half's rounding; and the second half's rounding times s: 8192 numbers between −1/2 and 1/2, sqrt(8192/2 · ln(2 / δ)).
    package static func noiseBits(terms: Int) -> Double {
        let products = Double(terms * LatticeParameters.degree)
        let tail = 65 * log(2.0)
        let coins = exp2(57) * (21 * products * tail).squareRoot()
        let dropped = LatticeParameters.primes.suffix(2).reduce(1) { $0 * Double($1) }
        let rounding = 0.5 + (Double(LatticeParameters.degree) / 2 * tail).squareRoot()
        return log2((products * exp2(56) + coins + exp2(19)) / dropped + rounding)
    }
}
