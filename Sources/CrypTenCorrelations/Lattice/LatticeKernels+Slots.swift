internal import CCrypTenKernels

/// Rows modulo primes of slots, by their number, and pairs of these.
extension LatticeKernels {
    /// Slots to coefficients.
    package func slotsToCoefficients(_ row: Row, prime: Int) {
        cct_lattice_backward(set, row, slots.primes + prime)
    }

    /// Coefficients to slots.
    package func coefficientsToSlots(_ row: Row, prime: Int) {
        cct_lattice_forward(set, row, slots.primes + prime)
    }

    /// A row of words in two's complement, modulo a prime; times q where they are to be encrypted.
    package func slots(_ words: UnsafePointer<UInt64>, timesModulus: Bool, to out: Row, prime: Int) {
        cct_lattice_slots(set, out, words, (timesModulus ? slots.scaled : slots.plain) + prime, slots.primes + prime)
    }

    /// 4096 complex numbers of scale 2^30, modulo a prime, in two slots each; times q where they are to be encrypted.
    package func slots(
        real: UnsafePointer<UInt64>,
        imaginary: UnsafePointer<UInt64>,
        timesModulus: Bool,
        to out: Row,
        prime: Int
    ) {
        let factor = (timesModulus ? slots.scaledComplex : slots.plainComplex) + prime
        cct_lattice_complex(set, out, real, imaginary, factor, LatticeSlots.primes[prime])
    }

    /// Makes the second row of a pair the signed digit of the number that both are residues of: `first + t · second`, within (M + t) / 2 of zero.
    package func join(_ first: ConstantRow, _ second: Row, pair: Int) {
        cct_lattice_join(set, second, first, slots.joining[pair], LatticeSlots.primes[2 * pair + 1])
    }

    /// Numbers of a pair, joined, modulo a prime of ciphertexts: as second factors of products.
    package func factors(_ first: ConstantRow, _ second: ConstantRow, pair: Int, to out: Row, limb: Int) {
        let factors = slots.factors + 2 * (pair * LatticeParameters.limbs + limb)
        cct_lattice_lift(set, out, first, second, factors, LatticeParameters.primes[limb])
    }

    /// Of numbers w that are q m modulo M, joined: round(q m / M) = (q m − w) / M, which is −w / M modulo a prime of q.
    package func encode(_ first: ConstantRow, _ second: ConstantRow, pair: Int, to out: Row, limb: Int) {
        let factors = slots.encoding + 2 * (pair * LatticeParameters.limbs + limb)
        cct_lattice_lift(set, out, first, second, factors, LatticeParameters.primes[limb])
    }

    /// round(M x / q′) modulo the primes of a pair, of x by its four rows; exact.
    package func lower(_ rows: ConstantRow, pair: Int, first: Row, second: Row) {
        cct_lattice_lower(set, first, second, rows, LatticeParameters.degree, slots.lowering + pair, tables.primes)
    }

    /// The numbers below T whose residues six rows are, modulo 2^64; less T where `negative`.
    package func collect(_ rows: ConstantRow, count: Int, negative: Bool, to out: UnsafeMutablePointer<UInt64>) {
        precondition(count <= LatticeParameters.degree, "\(count) words of a row")
        let offset = negative ? 0 &- slots.modulus : 0
        cct_lattice_collect(set, out, rows, LatticeParameters.degree, count, slots.collection, offset)
    }

    /// Of the numbers below T whose residues four rows are, less T where `negative`: a whole number of 2^-30 each, rounded towards 0, modulo 2^64.
    package func collect(
        complex rows: ConstantRow,
        count: Int,
        negative: Bool,
        real: UnsafeMutablePointer<UInt64>,
        imaginary: UnsafeMutablePointer<UInt64>
    ) {
        let degree = LatticeParameters.degree
        precondition(count <= degree / 2, "\(count) complex numbers of a row")
        cct_lattice_collect_complex(
            set,
            real,
            imaginary,
            rows,
            degree,
            count,
            slots.fixedCollection,
            negative ? 1 : 0
        )
    }

    /// The numbers below T whose residues four rows are, less T where `negative`, modulo 2^128: low words and high ones.
    package func collect(
        real rows: ConstantRow,
        count: Int,
        negative: Bool,
        low: UnsafeMutablePointer<UInt64>,
        high: UnsafeMutablePointer<UInt64>
    ) {
        let degree = LatticeParameters.degree
        precondition(count <= degree, "\(count) numbers of a row")
        cct_lattice_collect_real(set, low, high, rows, degree, count, slots.fixedCollection, negative ? 1 : 0)
    }
}
