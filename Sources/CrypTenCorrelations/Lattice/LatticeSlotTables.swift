internal import CCrypTenKernels

/// What the kernels need of the primes of slots, made once for a process.
///
/// Safety of `@unchecked Sendable`: written when it is made, and never freed.
final class LatticeSlotTables: @unchecked Sendable {
    static let shared = LatticeSlotTables()

    /// One for each prime of slots.
    let primes: UnsafeMutablePointer<cct_lattice_prime>
    /// Words as residues, of each prime of slots: for plaintexts, and q times that, for encryptions.
    let plain, scaled: UnsafeMutablePointer<cct_lattice_word_factor>
    /// Complex numbers as residues, likewise.
    let plainComplex, scaledComplex: UnsafeMutablePointer<cct_lattice_complex_factor>
    /// 1 over a pair's first prime, modulo its second.
    let joining: [cct_lattice_factor]
    /// [pair · 6 + prime of ciphertexts]: two factors that make residues of a pair's numbers.
    ///
    /// Times 2^32, for plaintexts; times −1 / M, for encodings.
    let factors, encoding: UnsafeMutablePointer<cct_lattice_factor>
    /// From answers to slots, by pair.
    let lowering: UnsafeMutablePointer<cct_lattice_lowering>
    /// From slots to words.
    let collection: UnsafeMutablePointer<cct_lattice_collection>
    /// From slots to products of numbers of fixed point.
    let fixedCollection: UnsafeMutablePointer<cct_lattice_fixed_collection>
    /// T modulo 2^64.
    let modulus: UInt64

    private init() {
        let values = LatticeSlots.primes
        let fields = values.map(PrimeField.init)
        let outer = LatticeParameters.primes.map(PrimeField.init)
        primes = .allocate(capacity: fields.count)
        (plain, scaled) = (.allocate(capacity: fields.count), .allocate(capacity: fields.count))
        (plainComplex, scaledComplex) = (.allocate(capacity: fields.count), .allocate(capacity: fields.count))
        for (k, field) in fields.enumerated() {
            (primes + k).initialize(to: LatticeTables.prime(field))
            (plain + k).initialize(to: LatticeSlotTables.words(times: 1, field))
            let modulus = outer.reduce(1) { field.multiply($0, $1.prime) }
            (scaled + k).initialize(to: LatticeSlotTables.words(times: modulus, field))
            (plainComplex + k).initialize(to: LatticeSlotTables.complex(times: 1, field))
            (scaledComplex + k).initialize(to: LatticeSlotTables.complex(times: modulus, field))
        }
        let pairs = fields.count / 2
        joining = (0..<pairs).map { pair in
            let second = fields[2 * pair + 1]
            return LatticeTables.factor(second.inverse(fields[2 * pair].prime), second)
        }
        let count = pairs * outer.count
        (factors, encoding) = (.allocate(capacity: 2 * count), .allocate(capacity: 2 * count))
        lowering = .allocate(capacity: pairs)
        for pair in 0..<pairs {
            let (first, second) = (fields[2 * pair], fields[2 * pair + 1])
            for (limb, field) in outer.enumerated() {
                let product = field.multiply(first.prime, second.prime)
                let at = 2 * (pair * outer.count + limb)
                for (table, factor) in [
                    (factors, field.powerOfTwo(32)), (encoding, field.negated(field.inverse(product))),
                ] {
                    (table + at).initialize(to: LatticeTables.factor(factor, field))
                    let next = field.multiply(first.prime, factor)
                    (table + at + 1).initialize(to: LatticeTables.factor(next, field))
                }
            }
            let sent = Array(outer.prefix(LatticeParameters.sentLimbs))
            (lowering + pair).initialize(to: LatticeSlotTables.lowering((first, second), from: sent))
        }
        collection = .allocate(capacity: 1)
        collection.initialize(to: LatticeSlotTables.collection(fields))
        fixedCollection = .allocate(capacity: 1)
        fixedCollection.initialize(
            to: LatticeSlotTables.fixedCollection(Array(fields.prefix(2 * LatticeSlots.complex.pairs)))
        )
        modulus = values.reduce(1) { $0 &* UInt64($1) }
    }

    private static func words(times factor: UInt64, _ field: PrimeField) -> cct_lattice_word_factor {
        cct_lattice_word_factor(
            high: LatticeTables.factor(field.multiply(field.powerOfTwo(32), factor), field),
            low: LatticeTables.factor(factor, field),
            half: UInt32(field.multiply(field.powerOfTwo(63), factor))
        )
    }

    private static func complex(times factor: UInt64, _ field: PrimeField) -> cct_lattice_complex_factor {
        cct_lattice_complex_factor(
            real: LatticeTables.factor(factor, field),
            imaginary: LatticeTables.factor(field.multiply(factor, field.imaginaryUnit), field)
        )
    }

    private static func lowering(
        _ pair: (PrimeField, PrimeField),
        from sent: [PrimeField]
    ) -> cct_lattice_lowering {
        var lowering = cct_lattice_lowering()
        let both = [pair.0, pair.1]
        lowering.primes = (UInt32(pair.0.prime), UInt32(pair.1.prime))
        // (q − 1) / 2 modulo a prime: q is 0 modulo its own.
        func half(_ field: PrimeField) -> UInt64 {
            let modulus = sent.reduce(1) { field.multiply($0, $1.prime) }
            return field.multiply(modulus + field.prime - 1, field.inverse(2))
        }
        write(sent.map { UInt32(half($0)) }, to: &lowering.half)
        write(sent.map { LatticeTables.factor($0.multiply(pair.0.prime, pair.1.prime), $0) }, to: &lowering.scale)
        write(inverses(sent), to: &lowering.inverse)
        let overModulus = both.map { field in field.inverse(sent.reduce(1) { field.multiply($0, $1.prime) }) }
        write(zip(both, overModulus).map { UInt32($0.multiply(half($0), $1)) }, to: &lowering.start)
        write(
            zip(both, overModulus).flatMap { field, inverse in
                sent.indices.map { k in
                    let weight = sent.prefix(k).reduce(inverse) { field.multiply($0, $1.prime) }
                    return LatticeTables.factor(field.negated(weight), field)
                }
            },
            to: &lowering.digits
        )
        return lowering
    }

    private static func collection(_ fields: [PrimeField]) -> cct_lattice_collection {
        var collection = cct_lattice_collection()
        write(fields.map { UInt32($0.prime) }, to: &collection.primes)
        write(inverses(fields), to: &collection.inverse)
        write(
            fields.indices.map { k in fields.prefix(k).reduce(UInt64(1)) { $0 &* $1.prime } },
            to: &collection.weights
        )
        return collection
    }

    private static func fixedCollection(_ fields: [PrimeField]) -> cct_lattice_fixed_collection {
        precondition(Int(CCT_LATTICE_FIXED_BITS) == LatticeSlots.fractionBits, "kernels shift by as many bits")
        var collection = cct_lattice_fixed_collection()
        write(fields.map { UInt32($0.prime) }, to: &collection.primes)
        write(inverses(fields), to: &collection.inverse)
        let twice = fields.map { $0.inverse(2) } + fields.map { $0.inverse($0.multiply(2, $0.imaginaryUnit)) }
        write(zip(twice, fields + fields).map { LatticeTables.factor($0, $1) }, to: &collection.halves)
        return collection
    }

    /// [k][j]: 1 / p_j modulo p_k for j < k, else nothing.
    private static func inverses(_ fields: [PrimeField]) -> [cct_lattice_factor] {
        fields.indices.flatMap { k in
            fields.indices.map { j in
                j < k ? LatticeTables.factor(fields[k].inverse(fields[j].prime), fields[k]) : cct_lattice_factor()
            }
        }
    }

    /// Fills an array of C's, which Swift sees as a tuple.
    private static func write<Element, Tuple>(_ elements: [Element], to tuple: inout Tuple) {
        withUnsafeMutableBytes(of: &tuple) { bytes in
            precondition(bytes.count == elements.count * MemoryLayout<Element>.stride, "\(elements.count) elements")
            elements.withUnsafeBytes { bytes.copyMemory(from: $0) }
        }
    }
}

extension PrimeField {
    /// A number whose square is −1.
    fileprivate var imaginaryUnit: UInt64 { power(root, UInt64(LatticeParameters.degree / 2)) }
}
