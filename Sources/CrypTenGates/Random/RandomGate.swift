package import CrypTenRing

/// Random numbers that no party knows and the dealer does: uniform ones as a share, or bits of a given probability as masked bits.
///
/// The parties draw words of their seeds, whose sum the dealer knows: 64 uniform bits need nothing more, nor does a fair bit.
/// Fewer bits, and bits of another probability, `[u < numerator]`, are dealt out of that sum. Bits have a public part of zero:
/// the mask is the bit. No operands.
/// - Complexity: no round, no bytes; the dealer sends 8 bytes an element for fewer than 64 bits, 1 bit for an unfair bit.
/// > Security: Semi-honest, up to all parties but one. The dealer knows the numbers: once a result that depends on them is
/// > published, it knows what they hid. `DrawnBitsGate` draws bits that it doesn't know.
package struct RandomGate: Gate {
    package static let name = "random"

    package enum Distribution: Hashable, Sendable, Codable {
        /// Uniform in 0 ..< 2^bits, 1 ≤ bits ≤ 64.
        case uniformBits(Int)
        /// A bit.
        case bit(Probability)
    }

    package enum Probability: Hashable, Sendable, Codable {
        case fair
        /// 1 with probability numerator / 2^bits, 0 ≤ numerator ≤ 2^bits, 1 ≤ bits ≤ 62.
        case outOf(numerator: UInt64, bits: Int)
    }

    package let shape: Shape
    package let distribution: Distribution

    package init(shape: Shape, distribution: Distribution) {
        self.shape = shape
        self.distribution = distribution
        trapUnlessValid()
    }

    package func check() throws {
        switch distribution {
        case .uniformBits(let bits): try require((1...64).contains(bits), "\(bits) random bits")
        case .bit(.fair): break
        case .bit(.outOf(let numerator, let bits)):
            try require(
                (1...62).contains(bits) && numerator <= 1 << UInt64(bits),
                "a probability of \(numerator) / 2^\(bits)"
            )
        }
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 0)
        if case .bit = distribution { return [.bits(count: shape.count, sharesHeld: true)] }
        return [.share(shape)]
    }

    package var stages: Int {
        1
    }

    package func deal<Stage: DealStage>(stage: Int, _ context: Stage) throws {
        var planes: [Stage.Bits] = []
        for slab in context.slabs.of(shape.count) {
            switch distribution {
            case .uniformBits(64): _ = context.freshSum([slab.count])
            case .uniformBits(let bits): try context.dealLowBits(bits, count: slab.count)
            case .bit(.fair): planes.append(context.freshBits(planes: 1, count: slab.count))
            case .bit(.outOf(let numerator, let bits)):
                planes.append(try context.dealEvent(numerator: numerator, bits: bits, count: slab.count))
            }
        }
        switch distribution {
        case .uniformBits: context.yield(.nothing)
        case .bit: context.yield(.bits(context.join(planes, count: shape.count)))
        }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let kernels = context.kernels
        var planes: [BitPlanes] = []
        var slabs: [RingTensor] = []
        for slab in context.slabs.of(shape.count) {
            switch distribution {
            case .uniformBits(64): slabs.append(context.freshShare([slab.count]))
            case .uniformBits:
                context.skipFreshShare()
                slabs.append(try context.correlation([slab.count]))
            case .bit(.fair): planes.append(context.freshBits(planes: 1, count: slab.count))
            case .bit:
                context.skipFreshShare()
                planes.append(try context.correlationBits(planes: 1, count: slab.count))
            }
        }
        switch distribution {
        case .uniformBits: context.yield(.share(kernels.join(slabs, shape: shape)))
        case .bit:
            let share = kernels.join(planes, count: shape.count)
            context.yield(.bits(MaskedBits(hat: BitPlanes(zeros: 1, count: shape.count), maskShare: share)))
        }
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        switch distribution {
        case .uniformBits(64), .bit(.fair): [StageCost()]
        case .uniformBits: [slabs.cost(of: shape.count) { $0 }]
        case .bit: [slabs.cost(of: shape.count) { Slabs.bitWords(planes: 1, count: $0) }]
        }
    }
}
