package import CrypTenRing

/// A masked bit as an additive share of 0 or 1: `[b] = b^ + (1 − 2·b^)·[β]`, with shares of the mask β dealt.
///
/// Operand: masked bits, with XOR shares of their mask or without. - Returns: a share of `shape`, at scale 1.
/// - Complexity: no round, no bytes; the dealer sends 8 bytes an element.
/// > Security: Semi-honest, up to all parties but one; exact; shows nothing but the shape.
package struct BitToArithmeticGate: Gate {
    package static let name = "bit to arithmetic"

    package let shape: Shape

    package init(shape: Shape) {
        self.shape = shape
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        try operands.bits(0, count: shape.count)
        return [.share(shape)]
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        for slab in context.slabs.of(shape.count) {
            try context.dealNumber(of: context.slab(context.bits(0), slab))
        }
        context.yield(.nothing)
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let slabs = try context.slabs.of(shape.count).map { slab in
            let hat = context.kernels.slab(context.bits(0).hat, slab)
            return context.arithmetic(hat, mask: try context.correlation([slab.count]))
        }
        context.yield(.share(context.kernels.join(slabs, shape: shape)))
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [slabs.cost(of: shape.count) { $0 }]
    }
}

extension PartyStage {
    /// A share of `b = b^ ⊕ β` out of a share of β.
    func arithmetic(_ hat: BitPlanes, mask: RingTensor) -> RingTensor {
        var share = kernels.negate(mask, where: hat)
        if isFirst { kernels.accumulate(&share, adding: kernels.words(of: hat, shape: share.shape)) }
        return share
    }
}
