/// The ring that products of tensors are computed in, and its primes: the same for everybody.
///
/// Polynomials modulo X^8192 + 1 and q, a product of six primes below 2^31 that are 1 modulo 16384, so that each has roots of unity of
/// order 16384. Plaintexts are words, modulo 2^64; secrets are ternary; noise is centred binomial of 42 coins, deviation 3.24.
///
/// log2 q = 186. For 128 bits of security against classical attacks it may be 218, against quantum attacks 202 ("Homomorphic Encryption
/// Security Standard", 2018, ternary secrets); stricter tables of quantum attacks say 165: the claim is 128 bits, classical.
package enum LatticeParameters {
    /// Coefficients of a polynomial.
    package static let degree = 8192
    /// The largest six, largest first.
    package static let primes: [UInt32] = [
        2_147_352_577, 2_147_205_121, 2_147_074_049, 2_146_959_361, 2_146_713_601, 2_146_418_689,
    ]
    /// Primes of a ciphertext.
    package static let limbs = 6
    /// Primes of an answer, the first ones; their product is q′, 124 bits.
    package static let sentLimbs = 4
    /// Values that lie together in memory: see CCrypTenLattice.h.
    package static let chunk = 256
    /// Polynomials in X^lanes with so few values or fewer are transformed 16 at a time.
    package static let mostPointsSideBySide = 4_096
    /// With so few or fewer they lie side by side afterwards, too: a value serves 16 vectors.
    package static let mostPointsKeptSideBySide = 512

    /// Bytes of a row of `count` residues of 31 bits: 32 of them take 31 words.
    package static func bytes(ofResidues count: Int) -> Int {
        (count + 31) / 32 * 124
    }

    /// Bytes of a ciphertext, of whose second half a seed is sent for a whole message.
    package static let ciphertextBytes = limbs * bytes(ofResidues: degree)
    /// Bytes of a seed.
    package static let seedBytes = 16

    /// Bytes of an answer of which `used` coefficients are results.
    package static func answerBytes(used: Int) -> Int {
        sentLimbs * (bytes(ofResidues: degree) + bytes(ofResidues: used))
    }
}

/// Arithmetic modulo a prime below 2^31, of public numbers.
struct PrimeField {
    let prime: UInt64

    init(_ prime: UInt32) {
        self.prime = UInt64(prime)
    }

    func multiply(_ a: UInt64, _ b: UInt64) -> UInt64 { a % prime * (b % prime) % prime }

    func power(_ base: UInt64, _ exponent: UInt64) -> UInt64 {
        var (result, square, left) = (UInt64(1), base % prime, exponent)
        while left > 0 {
            if left & 1 == 1 { result = multiply(result, square) }
            square = multiply(square, square)
            left >>= 1
        }
        return result
    }

    func inverse(_ x: UInt64) -> UInt64 { power(x, prime - 2) }

    func negated(_ x: UInt64) -> UInt64 { (prime - x % prime) % prime }

    /// 2^exponent.
    func powerOfTwo(_ exponent: UInt64) -> UInt64 { power(2, exponent) }

    /// The root of unity of order 2 · degree that the smallest base gives.
    var root: UInt64 {
        for base in 2... {
            let root = power(UInt64(base), (prime - 1) / UInt64(2 * LatticeParameters.degree))
            if power(root, UInt64(LatticeParameters.degree)) == prime - 1 { return root }
        }
        preconditionFailure("primes are 1 modulo 16384")
    }
}
