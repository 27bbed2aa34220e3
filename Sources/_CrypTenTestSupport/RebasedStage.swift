import CrypTenGates
package import CrypTenRing

/// Correlations as parties without a dealer have them, made in the clear: wherever a gate reads bits of a mask λ, those of another mask r.
///
/// d = λ − r goes to the parties, who subtract it from the public part that they read (`PartyStage.bitwise`).
final class RebasedStage: DealStage {
    private let dealer: DealerStage
    private let differences: SimulatedDifferences
    private let record: DealtRecord?

    /// One that tells a record what each correlation is, and deals the random numbers that it has.
    init(_ dealer: DealerStage, differences: SimulatedDifferences, record: DealtRecord? = nil) {
        self.dealer = dealer
        self.differences = differences
        self.record = record
    }

    /// A function of a wire's mask is dealt next, and of its other mask, if it has one, by what it differs.
    private func note(_ wire: WireMask<RingTensor>) {
        record?.append(.words(.none))
        guard let alternative = wire.alternative else { return }
        record?.append(.packed(bits: alternative.shift, count: wire.mask.count))
    }

    /// r, whose d the parties are told.
    private func rebased(_ mask: RingTensor) -> RingTensor {
        let difference = differences.of(mask)
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
        record?.append(.words(.units(1)))
        record?.append(.words(.none))
        try dealer.dealQuotient(of: rebased(mask), factor: factor)
    }

    func dealOctaves(of mask: RingTensor, where bits: BitPlanes, entries: Int, octaves: Int, fractionBits: Int) throws {
        let mask = rebased(mask)
        if let record {
            let apart = UInt64(64 / entries) &* ExponentialGate.octave
            for entry in 0..<entries {
                // Exponents in octaves, which count modulo 64.
                let areRead = mask.elements.map { mask in
                    let exponent = UInt64(entry) &* apart &- mask
                    return exponent <= UInt64(octaves) &* ExponentialGate.octave || exponent >= 0 &- apart
                }
                for _ in 0..<2 { record.append(.words(.powers(areRead: areRead))) }
            }
        }
        try dealer.dealOctaves(
            of: mask,
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
        record?.append(.words(.none))
        try dealer.dealProduct(product)
    }

    func dealProduct(of wire: WireMask<RingTensor>, times other: RingTensor) throws {
        note(wire)
        try dealer.dealProduct(of: wire, times: other)
    }

    func dealPowers(of wire: WireMask<RingTensor>, exponents: ClosedRange<Int>) throws {
        for _ in exponents { note(wire) }
        try dealer.dealPowers(of: wire, exponents: exponents)
    }

    func dealShares(of wire: WireMask<RingTensor>) throws {
        note(wire)
        try dealer.dealShares(of: wire)
    }

    func dealHarmonics(of mask: RingTensor, numbers: ClosedRange<Int>) throws {
        // A unit for each of a chooser's 28 bits.
        for _ in 0..<2 * numbers.count { record?.append(.words(.units(28))) }
        try dealer.dealHarmonics(of: mask, numbers: numbers)
    }

    func dealBits(_ bits: BitPlanes) throws {
        record?.append(.bits(count: bits.count))
        try dealer.dealBits(bits)
    }

    func dealSubsetProducts(of planes: BitPlanes, starts: [Int], size: Int) throws {
        record?.append(.bits(count: planes.count))
        try dealer.dealSubsetProducts(of: planes, starts: starts, size: size)
    }

    func dealProducts(_ products: BitProducts, of blocks: [BitPlanes]) throws {
        record?.append(.bits(count: blocks[0].count))
        try dealer.dealProducts(products, of: blocks)
    }

    func dealNumber(of bits: BitPlanes) throws {
        record?.append(.words(.none))
        try dealer.dealNumber(of: bits)
    }

    func dealSelection(_ bits: BitPlanes, of wire: WireMask<RingTensor>) throws {
        note(wire)
        try dealer.dealSelection(bits, of: wire)
    }

    func dealLowBits(_ bits: Int, count: Int) throws {
        guard let record else { return try dealer.dealLowBits(bits, count: count) }
        // The number of a mask that goes with the request.
        _ = dealer.openMask([count], absorbing: [])
        let drawn = record.drawn(.words(.drawn(bits: bits)))
        try dealer.dealShares(of: WireMask(mask: drawn, sharesHeld: false))
    }

    func dealEvent(numerator: UInt64, bits: Int, count: Int) throws -> BitPlanes {
        guard let record else { return try dealer.dealEvent(numerator: numerator, bits: bits, count: count) }
        _ = dealer.openMask([count], absorbing: [])
        let drawn = BitPlanes(record.drawn(.bits(count: count)), planes: 1, count: count)
        try dealer.dealBits(drawn)
        return drawn
    }

    func dealRows(of masks: [RingTensor], inOrderOf party: Int, rows: Int) throws {
        for _ in masks { record?.append(.words(.none)) }
        try dealer.dealRows(of: masks, inOrderOf: party, rows: rows)
    }
}

/// What every party subtracts from the public parts that it reads bit by bit, in the order of reading; nil: nothing.
final class SimulatedDifferences {
    private(set) var all: [RingTensor?] = []
    private let rule: Rebasing

    init(_ rule: Rebasing) {
        self.rule = rule
    }

    func of(_ mask: RingTensor) -> RingTensor {
        rule.difference(mask)
    }

    func append(_ difference: RingTensor?) {
        all.append(difference)
    }
}

/// d for a mask that is read bit by bit.
package struct Rebasing: Sendable {
    package let difference: @Sendable (RingTensor) -> RingTensor

    package init(_ difference: @escaping @Sendable (RingTensor) -> RingTensor) {
        self.difference = difference
    }

    /// Anything that looks random, element by element, so that a wire has one d in whichever pieces it is read. Its 16 low bits are zeros:
    /// truncations by as many bits round as with a dealer.
    package static let elementwise = Rebasing { mask in
        RingTensor(
            mask.elements.map { mask in
                var x = mask &+ 0x9E37_79B9_7F4A_7C15
                x = (x ^ x >> 30) &* 0xBF58_476D_1CE4_E5B9
                x = (x ^ x >> 27) &* 0x94D0_49BB_1331_11EB
                return (x ^ x >> 31) & ~0xFFFF
            },
            shape: mask.shape
        )
    }
}
