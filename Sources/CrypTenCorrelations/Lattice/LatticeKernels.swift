internal import CCrypTenKernels
package import CrypTenRing

/// What the lattice computes with: the only caller of the C functions of CCrypTenLattice.h, on up to so many threads.
///
/// A *row* is 8192 residues modulo prime `limb`. No method branches on, indexes by or takes time by what rows hold, but for `unpack` and
/// `uniformPublic`, whose rows are public.
package struct LatticeKernels: Sendable {
    package typealias Row = UnsafeMutablePointer<UInt32>
    package typealias ConstantRow = UnsafePointer<UInt32>

    package let native: NativeKernels
    let set: cct_instruction_set
    let tables = LatticeTables.shared
    let slots = LatticeSlotTables.shared

    package init(_ native: NativeKernels) {
        self.native = native
        set = native.instructionSet.value
    }

    private static let degree = LatticeParameters.degree

    /// Calls `body` with ranges that together are `0 ..< count`, on as many threads as there are.
    package func split(_ count: Int, _ body: (Range<Int>) -> Void) {
        native.split(count, pieces: count, body)
    }

    // MARK: Transforms

    /// Coefficients to values.
    package func forward(_ row: Row, limb: Int) {
        cct_lattice_forward(set, row, tables.primes + limb)
    }

    /// Values to coefficients.
    package func backward(_ row: Row, limb: Int) {
        cct_lattice_backward(set, row, tables.primes + limb)
    }

    /// Coefficients to values of 16 polynomials of `points` coefficients (a power of two up to 4096), side by side.
    package func forwardMany(_ rows: Row, points: Int, limb: Int) {
        precondition(points > 0 && points <= LatticeParameters.mostPointsSideBySide && points & (points - 1) == 0)
        cct_lattice_forward_many(set, rows, points, tables.primes + limb)
    }

    /// The first `count` of 16 such polynomials, of 1024 points or more, one after the other.
    package func apart(_ rows: ConstantRow, points: Int, count: Int, to out: Row) {
        precondition(count <= 16 && points > LatticeParameters.mostPointsKeptSideBySide && points & (points - 1) == 0)
        cct_lattice_apart(set, out, rows, points, count)
    }

    // MARK: Elementwise

    /// Residues of round(q · word / 2^64), of `count` words without a sign that were multiplied by `LatticeKernels.modulus`; exact.
    ///
    /// With w the product modulo 2^64, as a number with a sign, the rounded quotient is (q · word − w) / 2^64, which is −w / 2^64 modulo
    /// each prime of q.
    package func encode(_ scaled: UnsafePointer<UInt64>, count: Int, to out: Row, limb: Int) {
        cct_lattice_residues(set, out, scaled, count, tables.encoding[limb], tables.primes + limb)
    }

    /// q modulo 2^64.
    package static var modulus: UInt64 { LatticeTables.shared.modulus }

    /// Residues of words in two's complement, times 2^32: as second factors of products.
    package func residues(_ words: UnsafePointer<UInt64>, count: Int, to out: Row, limb: Int) {
        cct_lattice_residues(set, out, words, count, tables.montgomery[limb], tables.primes + limb)
    }

    /// row += small, in two's complement.
    package func add(small: ConstantRow, to row: Row, limb: Int) {
        cct_lattice_add_small(set, row, small, Self.degree, tables.primes + limb)
    }

    /// row += other, of `count` residues.
    package func add(_ other: ConstantRow, to row: Row, count: Int, limb: Int) {
        cct_lattice_add(set, row, other, count, tables.primes + limb)
    }

    /// row −= other, of `count` residues.
    package func subtract(_ other: ConstantRow, from row: Row, count: Int, limb: Int) {
        cct_lattice_subtract(set, row, other, count, tables.primes + limb)
    }

    /// Makes a row a second factor of products.
    package func makeFactor(_ row: Row, limb: Int) {
        cct_lattice_scale(set, row, row, Self.degree, tables.montgomery[limb], tables.primes + limb)
    }

    /// out = addend ± a · b, of values, where b was made a factor.
    package func multiplyAdd(
        _ out: Row,
        _ addend: ConstantRow,
        _ a: ConstantRow,
        _ b: ConstantRow,
        subtracting: Bool = false,
        limb: Int
    ) {
        cct_lattice_multiply_add(set, out, addend, a, b, Self.degree, subtracting ? 1 : 0, tables.primes + limb)
    }

    /// Residues between −p/2 and p/2, as sums of products take them.
    package func centre(_ row: Row, count: Int, limb: Int) {
        cct_lattice_centre(set, row, count, tables.primes + limb)
    }

    // MARK: Sums of products

    /// Sums of products of rows: see cct_lattice_products.
    struct Products {
        var sums: Row
        var sumStep, sumComponentStep: Int
        var left: ConstantRow
        var right: ConstantRow
        var rightStep, firstOutput, points, terms, outputs: Int
    }

    func accumulate(_ products: Products, chunks: Range<Int>, limb: Int) {
        var products = cct_lattice_products(
            sums: products.sums,
            sum_step: products.sumStep,
            sum_component_step: products.sumComponentStep,
            left: products.left,
            components: 2,
            right: products.right,
            right_step: products.rightStep,
            first_output: products.firstOutput,
            points: products.points,
            terms: products.terms,
            outputs: products.outputs
        )
        cct_lattice_accumulate(set, &products, chunks.lowerBound, chunks.upperBound, tables.primes + limb)
    }

    // MARK: Rounding, and what is sent

    /// From six rows of coefficients, one after the other, to four of round(x / P), P the product of the last two primes.
    package func dropLimbs(_ rows: Row) {
        cct_lattice_drop_limbs(set, rows, Self.degree, Self.degree, tables.drop, tables.primes)
    }

    /// round(2^64 · x / q′) of x by its four residues, which are `step` apart; exact.
    package func round(_ rows: ConstantRow, step: Int, count: Int, to out: UnsafeMutablePointer<UInt64>) {
        cct_lattice_round(out, rows, step, count, tables.fractions)
    }

    /// Residues, a multiple of 32 of them, as 31 bits each.
    package func pack(_ row: ConstantRow, count: Int, to out: Row) {
        precondition(count % 32 == 0)
        cct_lattice_pack(set, out, row, count / 32)
    }

    /// The residues of such words; false where one isn't below the prime.
    package func unpack(_ words: ConstantRow, count: Int, to row: Row, limb: Int) -> Bool {
        precondition(count % 32 == 0)
        return cct_lattice_unpack(set, row, words, count / 32, LatticeParameters.primes[limb]) == 1
    }

    // MARK: Sampling

    /// A uniform row under a public seed: residues of stream `number`, with replacements out of the words behind them.
    package func uniformPublic(_ seed: ExpansionKey, number: UInt64, to row: Row, limb: Int, scratch: LatticeWords) {
        let (needed, spares) = (Self.degree / 2, Self.degree / 16)
        precondition(scratch.count >= needed + spares)
        native.write(seed, number: number, from: 0, count: needed + spares, to: scratch.elements)
        let complete = scratch.elements.withMemoryRebound(to: UInt32.self, capacity: 2 * (needed + spares)) { words in
            let prime = LatticeParameters.primes[limb]
            return cct_lattice_uniform_public(row, words, Self.degree, words + 2 * needed, 2 * spares, prime)
        }
        // Some four of the 8192 are replaced; 1,024 with a probability below 2^-4000.
        precondition(complete == 1, "a generator's words aren't uniform")
    }

    /// Words that `uniformPublic` needs.
    package static let publicWords = degree / 2 + degree / 16

    /// Secret uniform residues out of two words each.
    package func uniform(_ words: UnsafePointer<UInt64>, count: Int, to out: Row, limb: Int) {
        cct_lattice_uniform(set, out, words, count, tables.primes + limb)
    }

    /// −1, 0 and 1, out of two words each.
    package func ternary(_ words: UnsafePointer<UInt64>, to out: Row) {
        cct_lattice_ternary(set, out, words, Self.degree)
    }

    /// Noise, out of a word each.
    package func binomial(_ words: UnsafePointer<UInt64>, to out: Row) {
        cct_lattice_binomial(set, out, words, Self.degree)
    }
}
