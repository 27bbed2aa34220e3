package import CrypTenRing

/// Fair bits that nobody knows, nor the dealer: the XOR of bits that each party draws from a generator of its own, masked.
///
/// Party i draws `r_i` under a key that it has from its system's generator and shares with nobody. These are XOR shares of
/// `r = r_0 ⊕ … ⊕ r_(n−1)` as they stand, and r is uniform to whoever lacks one of them; what is left to do is to mask it: party i
/// sends `r_i ⊕ β_i`. No operands; yields `planes` bits for each element, with shares of their masks.
/// - Complexity: one round, one bit for each bit; nothing is dealt.
/// > Security: Semi-honest, up to all parties but one. The dealer's part is independent of the bits: it knows their masks, as
/// > of every wire, and nothing that all of the parties' own bits don't hide.
package struct DrawnBitsGate: Gate {
    package static let name = "drawn bits"

    package let planes: Int
    package let shape: Shape

    package init(planes: Int, shape: Shape) {
        self.planes = planes
        self.shape = shape
        trapUnlessValid()
    }

    package func check() throws {
        try require((1...GateLimits.list).contains(planes), "\(planes) bits are drawn for an element")
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 0)
        return (0..<planes).map { _ in .bits(count: shape.count, sharesHeld: true) }
    }

    package var stages: Int {
        2
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        if stage == 0 {
            for slab in context.slabs.of(shape.count) {
                context.memory.bits.append(context.openBitMask(planes: planes, count: slab.count))
            }
        } else {
            let slabs = context.slabs.of(shape.count).map { _ in context.memory.bits.removeFirst() }
            for plane in 0..<planes {
                context.yield(.bits(context.join(slabs.map { context.plane($0, plane) }, count: shape.count)))
            }
        }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        if stage == 0 {
            for slab in context.slabs.of(shape.count) {
                try context.open(context.ownBits(planes: planes, count: slab.count))
            }
        } else {
            let slabs = try context.slabs.of(shape.count).map { _ in try context.openedBits() }
            for plane in 0..<planes {
                context.yield(.bits(context.kernels.join(slabs.map { $0[plane] }, count: shape.count)))
            }
        }
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [slabs.cost(of: shape.count, openedPlanes: planes), StageCost()]
    }
}
