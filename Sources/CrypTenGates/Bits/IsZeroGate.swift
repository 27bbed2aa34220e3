package import CrypTenRing

/// Whether a wire is zero: a masked bit. `v = 0` where all 64 bits of the public `v^` equal those of the mask.
///
/// Groups of four bits are compared and ANDed level by level (`CarryChains`): 16 + 4 + 1 bits. Equality of two wires is this
/// of their difference, which is local. Operand: an ordinary wire of any shape, with shares of its mask or without.
/// - Complexity: 3 rounds, 21 bits opened and 295 bits (36.9 bytes) dealt an element.
/// > Note: exact on the whole ring.
/// > Security: Semi-honest, up to all parties but one; shows nothing but the shape.
package struct IsZeroGate: Gate {
    package static let name = "is zero"

    package let shape: Shape

    package init(shape: Shape) {
        self.shape = shape
    }

    private var chains: CarryChains {
        CarryChains([CarryLevelOne.Section(low: 0, width: 64, reading: .equality, instances: 1)])
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        try operands.wire(0, count: shape.count)
        return [.bits(count: shape.count, sharesHeld: true)]
    }

    package var stages: Int {
        chains.openings + 1
    }

    package func deal<Stage: DealStage>(stage: Int, _ context: Stage) throws {
        let chains = chains
        var slabs: [Stage.Bits] = []
        for slab in context.slabs.of(shape.count) {
            switch stage {
            case 0:
                let wire = context.wire(0)
                precondition(wire.alternative == nil, "a truncation read in place has no 64 bits to compare")
                try chains.deal(context.slab(wire, slab), top: nil, dealsTop: false, count: slab.count, context)
            case chains.openings: slabs.append(chains.finish(context).pairs[0][0].propagate!)
            default: try chains.deal(level: stage, context)
            }
        }
        guard stage == chains.openings else { return }
        context.yield(.bits(context.join(slabs, count: shape.count)))
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let chains = chains
        var slabs: [MaskedBits] = []
        for slab in context.slabs.of(shape.count) {
            switch stage {
            case 0:
                let hat = try context.bitwise(context.wire(0).hat.flat(slab))
                try chains.evaluate([[hat]], count: slab.count, known: nil, dealsTop: false, context)
            case chains.openings: slabs.append(try chains.finish(context).pairs[0][0].propagate!)
            default: try chains.evaluate(level: stage, context)
            }
        }
        guard stage == chains.openings else { return }
        context.yield(.bits(context.kernels.join(slabs, count: shape.count)))
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        let chains = chains
        return (0..<chains.openings).map { level in
            slabs.cost(of: shape.count, openedPlanes: chains.openedPlanes(level)) {
                Slabs.bitWords(planes: chains.dealtPlanes(level), count: $0)
            }
        } + [StageCost()]
    }
}
