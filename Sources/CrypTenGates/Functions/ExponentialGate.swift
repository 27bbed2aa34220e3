package import CrypTenRing

/// Two to the power of a wire where a masked bit is 1, else zero: an exponential without a polynomial in secrets.
///
/// The wire is in octaves, 2^58 of them a unit: u = K·v with K = round(2^58·log2(e) / 2^fractionBits) for e^v. With x = u + offset,
/// of which 0 ≤ x / 2^58 ≤ octaves wherever the bit is 1, the power of the sum is the product of the powers,
///
///     2^x = 2^x^ · 2^−λ,    both in [2^−48, 2^64] as the high bits are counted modulo 64
///
/// exactly as the sine's period divides the ring: where x^ − λ wraps, so does the whole part. The public factor takes of x^ all but the
/// highest bits, two if there are four entries; for each of their values the dealer deals shares of b·2^−λ' and of (1 − b)·2^−λ', where λ' = λ less
/// what those bits stand for and b is the selecting bit's mask: the public part of the bit chooses.
///
/// Operands: masked bits, then an ordinary wire, with shares of its mask or without; the multiplication by K is a linear step
/// before. - Returns: a share of the same shape at scale `tableBits + factorBits`.
/// - Complexity: no round, no bytes; the dealer sends 16 bytes an element and entry.
/// > Note: The error is at most 2^(64 / entries − 1 − tableBits) and a relative 2^(−1 − factorBits). The factors are integers
/// > (`integerPower`), for they multiply shares and must be bit-identical everywhere.
/// > Security: Semi-honest, up to all parties but one; shows nothing but the shape and the scales.
package struct ExponentialGate: Gate {
    package static let name = "exponential"

    package let shape: Shape
    /// What is added to the wire before.
    package let offset: UInt64
    /// The largest power where the bit is 1.
    package let octaves: Int
    /// How many values of the wire's high bits are dealt for: 4, 8 or 16.
    package let entries: Int
    /// Fraction bits of what is dealt.
    package let tableBits: Int
    /// Fraction bits of the public factor.
    package let factorBits: Int

    package init(shape: Shape, offset: UInt64, octaves: Int, entries: Int = 4, tableBits: Int, factorBits: Int) {
        self.shape = shape
        self.offset = offset
        self.octaves = octaves
        self.entries = entries
        self.tableBits = tableBits
        self.factorBits = factorBits
        trapUnlessValid()
    }

    /// An octave in the ring.
    package static let octave: UInt64 = 1 << 58
    private var octavesPerEntry: Int {
        64 / entries
    }

    package func check() throws {
        try require([4, 8, 16].contains(entries), "a table of \(entries)")
        // Whole parts of what is dealt lie between −octavesPerEntry and the octaves.
        try require((octavesPerEntry - 1...46).contains(tableBits), "a table of \(tableBits) fraction bits")
        try require((0...46).contains(factorBits), "a factor of \(factorBits) fraction bits")
        try require(
            (0..<64 - octavesPerEntry).contains(octaves) && octaves + tableBits + factorBits <= 62,
            "\(octaves) octaves with \(tableBits) and \(factorBits) fraction bits"
        )
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 2)
        try operands.bits(0, count: shape.count)
        try operands.wire(1, count: shape.count)
        return [.share(shape)]
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        let wire = context.wire(1)
        precondition(wire.alternative == nil, "a truncation read in place is of no use as an exponent")
        for slab in context.slabs.of(shape.count) {
            try context.dealOctaves(
                of: context.slab(wire.mask, slab),
                where: context.slab(context.bits(0), slab),
                entries: entries,
                octaves: octaves,
                fractionBits: tableBits
            )
        }
        context.yield(.nothing)
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let kernels = context.kernels
        let slabs = try context.slabs.of(shape.count).map { slab in
            let exponent = kernels.add(try context.bitwise(context.wire(1).hat.flat(slab)), scalar: offset)
            let selecting = kernels.slab(context.bits(0).hat, slab)
            let choices = choices(exponent, [kernels.not(selecting), selecting], kernels)
            var share = RingTensor(zeros: exponent.shape)
            for choice in choices {
                kernels.accumulate(&share, adding: try context.correlation(exponent.shape), where: choice)
            }
            let low = kernels.lowBits(exponent, 64 - entries.trailingZeroBitCount)
            return kernels.multiply(share, kernels.powerOfTwo(low, fractionBits: factorBits))
        }
        context.yield(.share(kernels.join(slabs, shape: shape)))
    }

    /// Where each of the dealt words is the one that is meant, in the order in which they are dealt.
    private func choices(_ exponent: RingTensor, _ parts: [BitPlanes], _ kernels: any Kernels) -> [BitPlanes] {
        let digits = entries.trailingZeroBitCount
        var choices = parts
        // From the lowest digit on, which varies fastest but for the part.
        for digit in 64 - digits..<64 {
            let isSet = kernels.planes(of: exponent, from: digit, count: 1)
            let isClear = kernels.not(isSet)
            choices = choices.map { kernels.and($0, isClear) } + choices.map { kernels.and($0, isSet) }
        }
        return choices
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [slabs.cost(of: shape.count) { 2 * entries * $0 }]
    }

    package var redacted: ExponentialGate {
        ExponentialGate(
            shape: shape,
            offset: 0,
            octaves: octaves,
            entries: entries,
            tableBits: tableBits,
            factorBits: factorBits
        )
    }
}
