package import CrypTenRing

/// What a gate's `deal` may do in one stage: name the correlations that its `evaluate` reads, in the order in which it reads them, and follow its
/// masks through what is linear.
///
/// A gate doesn't compute functions of masks; it asks for them, and a *maker* answers. A dealer has the masks and computes (`DealerStage`). Parties without
/// one know each its own share of every mask, and make fresh shares of the functions between them. So what a gate has here are `Words` and `Bits` that it
/// can't look into: elements at a dealer, shares at a party, or names of what is yet to be computed, where a maker goes through the plan first and
/// makes all correlations together afterwards. It may do three things with them:
///
/// - ask for a correlation: each request says its formula, its operands, and which words it deals in which order;
/// - apply what is linear, which each party can do to its shares: slices, joins, differences, sums, permutations, broadcasts, XORs. A public constant
///   is the first party's to add, and the public part of what it belongs to takes it: `not` of masked bits leaves the mask as it is;
/// - name masks of openings and fresh words, keep them for a later stage, and yield.
///
/// *Words*: a request deals, for each element, one word of additive shares modulo 2^64; where it says *packed*, words that hold shares modulo 2^k of
/// elements of k bits one after the other (`Slabs.packedWords`); where it says *bits*, XOR shares of planes (`Slabs.bitWords`). The n-th correlation that
/// is dealt in a stage is the n-th one that `evaluate` reads there.
///
/// *Wires with two masks*: a truncation read in place has one of two masks, which agree modulo 2^(64 − k) for its k = `alternative.shift`, and so
/// do equal polynomials φ of them. Of such a wire a request for φ(λ) deals two correlations: φ(mask), and then, packed with k bits an element,
/// (φ(alternative) − φ(mask)) / 2^(64 − k).
///
/// *Reading bits*: some requests depend on single bits of a mask: `bits(of:_:)`, `truncated(_:by:)`, `dealQuotient` and `dealOctaves`. Parties
/// without a dealer answer them of another mask r, whose bits they share, and open d = λ − r beforehand; the public part that goes with r is
/// `hat − d`. So for each of these requests `evaluate` calls `PartyStage.bitwise(_:)` once, in the same order, and goes on with what it returns: `hat` itself where
/// there is a dealer. A wire with two masks, which comes of such a request, has its r already.
///
/// *Names of r*: r belongs to one wire of one run, and is fresh for each wire that is read bit by bit: under one r for two wires, d would show the
/// difference of their masks, or, of a wire and its multiple, the mask. What only moves elements (`slab`, and those of `LinearOperation` that do) gives a *view*, which
/// takes r, d and bits of the wire that it looks into, so that all that read the wire share its dither. Sums, differences and multiples are
/// wires of their own. Whoever makes correlations without a dealer therefore keeps with `Words` which operand they come from and by which views.
package protocol DealStage: AnyObject {
    /// Masks of ring elements, in row-major order.
    associatedtype Words: Sendable
    /// Masks of bits: planes, each of one bit an element.
    associatedtype Bits: Sendable

    /// In which slabs gates work: the plan's.
    var slabs: Slabs { get }
    /// The masks of the gate's operands, in the plan's order.
    var inputs: [MaskValue<Words, Bits>] { get }
    /// What earlier stages of this gate left.
    var memory: MaskMemory<Words, Bits> { get }
    /// Hands out what the gate yields, in the order of its outputs.
    func yield(_ value: MaskValue<Words, Bits>)

    // MARK: Masks of openings

    /// The mask under which the parties open a share in this stage, the sum of words of each one's seed, less products of masks:
    ///
    ///     λz = Σ_i t_i − Σ op(λx, λy)
    ///
    /// Nothing is dealt, and the parties need no shares of what the products are: a party that has its share c_i of them opened its share of
    /// the message under t_i, and has t_i − c_i of λz. (Counterpart: `open`, `freshShare`, `skipFreshShare`.)
    func openMask(_ shape: Shape, absorbing products: [MaskProduct<Words>]) -> Words
    /// The masks under which the parties open bits in this stage: the XOR of bits of each one's seed. (`open`, `freshBits`)
    func openBitMask(planes: Int, count: Int) -> Bits
    /// The mask of a value that its owner publishes: the owner's alone, so that the others' shares are zeros. (`publish`)
    func publishMask(owner: Int, shape: Shape) -> Words

    // MARK: Linear operations

    /// Masks that are zero: of public numbers, and of what fills up.
    func zeros(_ shape: Shape) -> Words
    /// The same of bits.
    func zeroBits(planes: Int, count: Int) -> Bits
    /// A run of the elements in row-major order, of rank 1: a view.
    func slab(_ words: Words, _ range: Range<Int>) -> Words
    /// Elements `range` of every plane, from a multiple of 64 on: a view.
    func slab(_ bits: Bits, _ range: Range<Int>) -> Bits
    /// Some of the planes: a view.
    func planes(_ bits: Bits, _ range: Range<Int>) -> Bits
    /// `a − b`
    func subtract(_ a: Words, _ b: Words) -> Words
    /// An operation of a plan's.
    func apply(_ operation: LinearOperation, to words: [Words]) -> Words
    /// One that moves elements, on one plane of bits for each of some shapes.
    func apply(_ operation: LinearOperation, to bits: [Bits], shapes: [Shape]) -> Bits
    /// Slabs of one plane, in order, as one: all but the last hold whole words.
    func join(_ slabs: [Bits], count: Int) -> Bits
    /// The XOR of any number of single planes of `count` bits.
    func xor(_ bits: [Bits], count: Int) -> Bits

    // MARK: Requests: products of masks

    /// *Product*: `op(λx, λy)` of two masks that the parties share, of any shape, with what is known of who knows them.
    ///
    /// A party knows its own share of a mask; of one that is zero but at one party, that party knows it all, and of the two products of shares
    /// of different parties one is left, or none. Words: one for each element of the result.
    func dealProduct(_ product: MaskProduct<Words>) throws
    /// *Product, element by element, of any wire*: λ·μ for the wire's mask λ and an ordinary mask μ.
    ///
    /// Words: λ·μ; packed, of a wire with two masks, the difference.
    func dealProduct(of wire: WireMask<Words>, times other: Words) throws
    /// *Powers*: λ^e for each of some exponents e ≥ 2, ascending.
    ///
    /// Words, exponent by exponent: λ^e; packed, of a wire with two masks, the difference.
    func dealPowers(of wire: WireMask<Words>, exponents: ClosedRange<Int>) throws
    /// *Held mask*: λ itself. Words: λ; packed, of a wire with two masks, the difference.
    ///
    /// Gates call `dealMask(of:)`, which asks for it only where the parties lack it.
    func dealShares(of wire: WireMask<Words>) throws

    // MARK: Requests: bits of masks

    /// *Bits of a mask*: runs of bits, lowest first, each a block of planes; of a wire with two masks those of `mask`, of which 64 − k are not zero.
    ///
    /// Nothing is dealt. Reads bits.
    func bits(of wire: WireMask<Words>, _ ranges: [Range<Int>]) -> [Bits]
    /// *Truncated mask*: for the bits λ63 and k = `shift`, 1 … 62, the two masks
    ///
    ///     mask = ⌊λ / 2^k⌋,    alternative = ⌊λ / 2^k⌋ − 2^(64 − k)·λ63
    ///
    /// of a wire truncated in place (`Truncation.swift`). Nothing is dealt. Reads bits.
    func truncated(_ wire: WireMask<Words>, by shift: Int) -> WireMask<Words>
    /// *Quotient of a mask*: words ⌊λ·factor / 2^62⌋ for λ without a sign and a factor below 2^62, then words λ63. Reads bits.
    func dealQuotient(of mask: Words, factor: UInt64) throws
    /// *Octaves*: powers of two of a mask where a bit is 1, and where it is 0. Reads bits.
    ///
    /// Words, for each e in 0 ..< entries: b·P_e, then (1 − b)·P_e, with P_e = 2^(e·64/entries − λ / 2^58) at scale 2^fractionBits, where exponents
    /// count modulo 64. Gates use powers of exponents between −64/entries and `octaves` only: what is dealt of others is never looked at.
    func dealOctaves(of mask: Words, where bits: Bits, entries: Int, octaves: Int, fractionBits: Int) throws
    /// *Harmonics*: for each number n in turn words cos(n·λ), then words sin(n·λ), at scale 2^30, where 2^64 is a whole turn.
    ///
    /// Reads no bits: the addition theorems hold of shares, whose sums wrap at whole turns.
    func dealHarmonics(of mask: Words, numbers: ClosedRange<Int>) throws

    // MARK: Requests: functions of bits

    /// *Held mask of bits*: XOR shares of the planes as they are. Bits.
    func dealBits(_ bits: Bits) throws
    /// *Carries, level one*: the ANDs of all non-empty subsets of groups of 1 to 4 planes; group g has planes `starts[g] ..< starts[g] + size`.
    ///
    /// Bits: for each subset in turn (the set of planes j for which bit j of 1, 2, … is 1) a plane for each group, in one correlation.
    func dealSubsetProducts(of planes: Bits, starts: [Int], size: Int) throws
    /// *Products of bits*, and *carries, further levels*: ANDs of planes of some blocks.
    ///
    /// Bits: a plane for each product, in one correlation.
    func dealProducts(_ products: BitProducts, of blocks: [Bits]) throws
    /// *Number of a bit*: one plane as words 0 and 1.
    func dealNumber(of bits: Bits) throws
    /// *Selection*: β·λ, λ where the bit β is 1 and else 0; one plane.
    ///
    /// Words: β·λ; packed, of a wire with two masks, the difference. A gate that selects asks for the number of β, too, and for λ.
    func dealSelection(_ bits: Bits, of wire: WireMask<Words>) throws

    // MARK: Requests: random numbers and orders

    /// *Low bits*: numbers that nobody knows, uniform in 0 ..< 2^bits for fewer than 64 bits. Words.
    ///
    /// A dealer takes them from the sum of a word of each party's seed, which takes a number of a mask. (`skipFreshShare`)
    func dealLowBits(_ bits: Int, count: Int) throws
    /// *Event*: a bit that nobody knows, 1 with probability numerator / 2^bits: `[u < numerator]` of a uniform u of `bits` bits, at most 62. Bits, one plane.
    ///
    /// As for `dealLowBits` a number of a mask goes with it.
    /// - Returns: The bits.
    func dealEvent(numerator: UInt64, bits: Int, count: Int) throws -> Bits
    /// *Rows in an order*: each mask's rows, along its first axis, in the order that random keys of one party say, the same for all. Words,
    /// mask by mask. With a request goes a number of that party's orders. (`orderKeys`)
    func dealRows(of masks: [Words], inOrderOf party: Int, rows: Int) throws
}

extension DealStage {
    // MARK: Operands

    /// The mask of an operand that is a wire.
    package func wire(_ index: Int) -> WireMask<Words> {
        guard case .wire(let wire) = inputs[index] else { preconditionFailure("operand \(index) is not masked") }
        return wire
    }

    /// The masks of an operand that is masked bits.
    package func bits(_ index: Int) -> Bits {
        guard case .bits(let bits) = inputs[index] else { preconditionFailure("operand \(index) is not masked bits") }
        return bits
    }

    // MARK: Masks of openings

    /// The mask under which the parties open a share in this stage.
    package func openMask(_ shape: Shape) -> Words {
        openMask(shape, absorbing: [])
    }

    /// The sum of the parties' `freshShare` words.
    package func freshSum(_ shape: Shape) -> Words {
        openMask(shape)
    }

    /// The XOR of the parties' `freshBits`.
    package func freshBits(planes: Int, count: Int) -> Bits {
        openBitMask(planes: planes, count: count)
    }

    // MARK: What is composed of the others

    /// A run of a wire's elements, of rank 1: a view.
    package func slab(_ wire: WireMask<Words>, _ range: Range<Int>) -> WireMask<Words> {
        WireMask(
            mask: slab(wire.mask, range),
            sharesHeld: wire.sharesHeld,
            alternative: wire.alternative.map { .init(mask: slab($0.mask, range), shift: $0.shift) }
        )
    }

    /// One of the planes: a view.
    package func plane(_ bits: Bits, _ index: Int) -> Bits {
        planes(bits, index..<index + 1)
    }

    /// Deals the mask itself, unless the parties hold it.
    package func dealMask(of wire: WireMask<Words>) throws {
        if !wire.isHeld { try dealShares(of: wire) }
    }
}
