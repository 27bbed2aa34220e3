internal import CCrypTenKernels

/// What the kernels need of every prime, made once for a process: roots of unity with their quotients, inverses, fractions.
///
/// Safety of `@unchecked Sendable`: written when it is made, and never freed.
final class LatticeTables: @unchecked Sendable {
    static let shared = LatticeTables()

    /// One for each of the six primes.
    let primes: UnsafeMutablePointer<cct_lattice_prime>
    /// From six primes to four.
    let drop: UnsafeMutablePointer<cct_lattice_drop>
    /// From residues modulo four primes to words: see cct_lattice_round.
    let fractions: UnsafeMutablePointer<cct_lattice_fraction>
    /// -2^-64 modulo each prime, which makes encodings of words: see `LatticeKernels.encode`.
    let encoding: [cct_lattice_factor]
    /// 2^32 modulo each prime: a product by such a multiple takes Montgomery's 2^-32 away.
    let montgomery: [cct_lattice_factor]
    /// q modulo 2^64.
    let modulus: UInt64

    private init() {
        let values = LatticeParameters.primes
        let fields = values.map(PrimeField.init)
        primes = .allocate(capacity: values.count)
        for (k, field) in fields.enumerated() { (primes + k).initialize(to: LatticeTables.prime(field)) }
        encoding = fields.map { LatticeTables.factor($0.negated($0.inverse($0.powerOfTwo(64))), $0) }
        montgomery = fields.map { LatticeTables.factor($0.powerOfTwo(32), $0) }
        modulus = values.reduce(1) { $0 &* UInt64($1) }

        drop = .allocate(capacity: 1)
        drop.initialize(to: LatticeTables.drop(fields))
        fractions = .allocate(capacity: LatticeParameters.sentLimbs)
        for k in 0..<LatticeParameters.sentLimbs {
            (fractions + k).initialize(
                to: LatticeTables.fraction(k, of: Array(fields.prefix(LatticeParameters.sentLimbs)))
            )
        }
    }

    static func factor(_ value: UInt64, _ field: PrimeField) -> cct_lattice_factor {
        cct_lattice_factor(factor: UInt32(value), quotient: UInt32((value << 32) / field.prime))
    }

    static func prime(_ field: PrimeField) -> cct_lattice_prime {
        let root = field.root
        let (roots, rootQuotients) = table(field, root)
        let (inverses, inverseQuotients) = table(field, field.inverse(root))
        var inverse: UInt32 = 1
        for _ in 0..<5 { inverse = inverse &* (2 &- UInt32(field.prime) &* inverse) }
        return cct_lattice_prime(
            prime: UInt32(field.prime),
            inverse: inverse,
            half: UInt32(field.powerOfTwo(63)),
            word: factor(field.powerOfTwo(32), field),
            words: factor(field.powerOfTwo(64), field),
            scale: factor(field.inverse(UInt64(LatticeParameters.degree)), field),
            roots: UnsafePointer(roots),
            root_quotients: UnsafePointer(rootQuotients),
            inverse_roots: UnsafePointer(inverses),
            inverse_root_quotients: UnsafePointer(inverseQuotients)
        )
    }

    /// Powers of a root in the kernels' order.
    ///
    /// Block i of a stage of m blocks has the power whose exponent is m + i with its 13 bits reversed. The first 512 as they are; then for each chunk of 16 blocks the vectors of the last four stages.
    private static func table(
        _ field: PrimeField,
        _ root: UInt64
    ) -> (UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt32>) {
        let degree = LatticeParameters.degree
        var powers = [UInt64](repeating: 1, count: degree)
        for i in 1..<degree { powers[i] = field.multiply(powers[i - 1], root) }
        let bits = degree.trailingZeroBitCount
        func power(_ index: Int) -> UInt64 {
            powers[Int(UInt64(index).reversedBits >> UInt64(64 - bits))]
        }
        var ordered = (0..<512).map(power)
        for chunk in 0..<degree / LatticeParameters.chunk {
            for stage in 0..<4 {
                let blocks = 512 << stage
                for sub in 0..<1 << stage {
                    ordered += (0..<16).map { power(blocks + (16 * chunk + $0) << stage + sub) }
                }
            }
        }
        let factors = UnsafeMutablePointer<UInt32>.allocate(capacity: degree)
        let quotients = UnsafeMutablePointer<UInt32>.allocate(capacity: degree)
        for (i, value) in ordered.enumerated() {
            let factor = factor(value, field)
            (factors + i).initialize(to: factor.factor)
            (quotients + i).initialize(to: factor.quotient)
        }
        return (factors, quotients)
    }

    private static func drop(_ fields: [PrimeField]) -> cct_lattice_drop {
        let (fourth, fifth) = (fields[4], fields[5])
        let half = (fourth.prime * fifth.prime - 1) / 2
        var drop = cct_lattice_drop()
        drop.half = (UInt32(half % fourth.prime), UInt32(half % fifth.prime))
        drop.combine = factor(fifth.inverse(fourth.prime), fifth)
        let kept = fields.prefix(4)
        let halves = kept.map { UInt32(half % $0.prime) }
        let first = kept.map { factor(fourth.prime % $0.prime, $0) }
        let inverse = kept.map { factor($0.inverse($0.multiply(fourth.prime, fifth.prime)), $0) }
        drop.half_kept = (halves[0], halves[1], halves[2], halves[3])
        drop.first = (first[0], first[1], first[2], first[3])
        drop.inverse = (inverse[0], inverse[1], inverse[2], inverse[3])
        return drop
    }

    /// ⌊2^256 · ((q′ / p)^-1 mod p) / p⌋ by long division, a word after the other.
    private static func fraction(_ k: Int, of fields: [PrimeField]) -> cct_lattice_fraction {
        let field = fields[k]
        let others = fields.indices.filter { $0 != k }.reduce(UInt64(1)) { field.multiply($0, fields[$1].prime) }
        var remainder = field.inverse(others)
        var words: [UInt64] = []
        for _ in 0..<4 {
            let (quotient, rest) = field.prime.dividingFullWidth((remainder, 0))
            words.append(quotient)
            remainder = rest
        }
        return cct_lattice_fraction(words: (words[3], words[2], words[1], words[0]))
    }
}

extension UInt64 {
    /// Its bits, the last one first.
    fileprivate var reversedBits: UInt64 {
        var (x, result) = (self, UInt64(0))
        for _ in 0..<64 {
            result = result << 1 | x & 1
            x >>= 1
        }
        return result
    }
}
