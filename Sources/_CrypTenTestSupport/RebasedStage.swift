import CrypTenGates
import CrypTenRing

/// Correlations as parties without a dealer have them, made in the clear: wherever a gate reads bits of a mask λ, those of another mask r.
///
/// d = λ − r goes to the parties, who subtract it from the public part that they read (`PartyStage.bitwise`). It is a function of λ alone, element by element,
/// so that a wire has one d, whoever reads it and in whichever pieces. Its 16 low bits are zeros: truncations by as many bits round as with a dealer.
final class RebasedStage: DealStage {
    private let dealer: DealerStage
    private let differences: SimulatedDifferences

    init(_ dealer: DealerStage, differences: SimulatedDifferences) {
        self.dealer = dealer
        self.differences = differences
    }

    /// d of an element: anything that looks random.
    private static func difference(_ mask: UInt64) -> UInt64 {
        var x = mask &+ 0x9E37_79B9_7F4A_7C15
        x = (x ^ x >> 30) &* 0xBF58_476D_1CE4_E5B9
        x = (x ^ x >> 27) &* 0x94D0_49BB_1331_11EB
        return (x ^ x >> 31) & ~0xFFFF
    }

    /// r, whose d the parties are told.
    private func rebased(_ mask: RingTensor) -> RingTensor {
        let difference = RingTensor(mask.elements.map(RebasedStage.difference), shape: mask.shape)
        differences.append(difference)
        return dealer.subtract(mask, difference)
    }

    /// A truncation read in place is of a mask whose bits are known already.
    private func rebased(_ wire: WireMask<RingTensor>) -> WireMask<RingTensor> {
        guard wire.alternative == nil else {
            differences.append(nil)
            return wire
        }
        return WireMask(mask: rebased(wire.mask), sharesHeld: wire.sharesHeld)
    }

    // MARK: What reads bits

    func bits(of wire: WireMask<RingTensor>, _ ranges: [Range<Int>]) -> [BitPlanes] {
        dealer.bits(of: rebased(wire), ranges)
    }

    func truncated(_ wire: WireMask<RingTensor>, by shift: Int) -> WireMask<RingTensor> {
        dealer.truncated(rebased(wire), by: shift)
    }

    func dealQuotient(of mask: RingTensor, factor: UInt64) throws {
        try dealer.dealQuotient(of: rebased(mask), factor: factor)
    }

    func dealOctaves(of mask: RingTensor, where bits: BitPlanes, entries: Int, octaves: Int, fractionBits: Int) throws {
        try dealer.dealOctaves(
            of: rebased(mask),
            where: bits,
            entries: entries,
            octaves: octaves,
            fractionBits: fractionBits
        )
    }

    // MARK: All else is the dealer's

    var slabs: Slabs { dealer.slabs }
    var inputs: [DealerValue] { dealer.inputs }
    var memory: MaskMemory<RingTensor, BitPlanes> { dealer.memory }

    func yield(_ value: DealerValue) {
        dealer.yield(value)
    }

    func openMask(_ shape: Shape, absorbing products: [MaskProduct<RingTensor>]) -> RingTensor {
        dealer.openMask(shape, absorbing: products)
    }

    func openBitMask(planes: Int, count: Int) -> BitPlanes {
        dealer.openBitMask(planes: planes, count: count)
    }

    func publishMask(owner: Int, shape: Shape) -> RingTensor {
        dealer.publishMask(owner: owner, shape: shape)
    }

    func zeros(_ shape: Shape) -> RingTensor {
        dealer.zeros(shape)
    }

    func zeroBits(planes: Int, count: Int) -> BitPlanes {
        dealer.zeroBits(planes: planes, count: count)
    }

    func slab(_ words: RingTensor, _ range: Range<Int>) -> RingTensor {
        dealer.slab(words, range)
    }

    func slab(_ bits: BitPlanes, _ range: Range<Int>) -> BitPlanes {
        dealer.slab(bits, range)
    }

    func planes(_ bits: BitPlanes, _ range: Range<Int>) -> BitPlanes {
        dealer.planes(bits, range)
    }

    func subtract(_ a: RingTensor, _ b: RingTensor) -> RingTensor {
        dealer.subtract(a, b)
    }

    func apply(_ operation: LinearOperation, to words: [RingTensor]) -> RingTensor {
        dealer.apply(operation, to: words)
    }

    func apply(_ operation: LinearOperation, to bits: [BitPlanes], shapes: [Shape]) -> BitPlanes {
        dealer.apply(operation, to: bits, shapes: shapes)
    }

    func join(_ slabs: [BitPlanes], count: Int) -> BitPlanes {
        dealer.join(slabs, count: count)
    }

    func xor(_ bits: [BitPlanes], count: Int) -> BitPlanes {
        dealer.xor(bits, count: count)
    }

    func dealProduct(_ product: MaskProduct<RingTensor>) throws {
        try dealer.dealProduct(product)
    }

    func dealProduct(of wire: WireMask<RingTensor>, times other: RingTensor) throws {
        try dealer.dealProduct(of: wire, times: other)
    }

    func dealPowers(of wire: WireMask<RingTensor>, exponents: ClosedRange<Int>) throws {
        try dealer.dealPowers(of: wire, exponents: exponents)
    }

    func dealShares(of wire: WireMask<RingTensor>) throws {
        try dealer.dealShares(of: wire)
    }

    func dealHarmonics(of mask: RingTensor, numbers: ClosedRange<Int>) throws {
        try dealer.dealHarmonics(of: mask, numbers: numbers)
    }

    func dealBits(_ bits: BitPlanes) throws {
        try dealer.dealBits(bits)
    }

    func dealSubsetProducts(of planes: BitPlanes, starts: [Int], size: Int) throws {
        try dealer.dealSubsetProducts(of: planes, starts: starts, size: size)
    }

    func dealProducts(_ products: BitProducts, of blocks: [BitPlanes]) throws {
        try dealer.dealProducts(products, of: blocks)
    }

    func dealNumber(of bits: BitPlanes) throws {
        try dealer.dealNumber(of: bits)
    }

    func dealSelection(_ bits: BitPlanes, of wire: WireMask<RingTensor>) throws {
        try dealer.dealSelection(bits, of: wire)
    }

    func dealLowBits(_ bits: Int, count: Int) throws {
        try dealer.dealLowBits(bits, count: count)
    }

    func dealEvent(numerator: UInt64, bits: Int, count: Int) throws -> BitPlanes {
        try dealer.dealEvent(numerator: numerator, bits: bits, count: count)
    }

    func dealRows(of masks: [RingTensor], inOrderOf party: Int, rows: Int) throws {
        try dealer.dealRows(of: masks, inOrderOf: party, rows: rows)
    }
}

/// What every party subtracts from the public parts that it reads bit by bit, in the order of reading; nil: nothing.
final class SimulatedDifferences {
    private(set) var all: [RingTensor?] = []

    func append(_ difference: RingTensor?) {
        all.append(difference)
    }
}
