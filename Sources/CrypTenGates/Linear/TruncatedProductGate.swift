package import CrypTenRing

/// Multiplies two wires element by element, the first of which may be a truncation read in place, or have no shares.
///
/// With shares `m` of the first mask λx and `p` of λx·λy dealt, party i computes `−x^·λy_i − y^·m_i + p_i`, and party 0
/// adds `x^·y^`. Operands: a wire of form `form`, then an ordinary wire of the same shape whose mask is shared.
/// - Returns: A share of the same shape, at the sum of the scales.
/// - Complexity: no round, no bytes; the dealer sends 16 bytes and 2·`form.shift` bits an element, or 8 bytes where the
///   parties hold the first mask.
/// > Security: Semi-honest, up to all parties but one; exact; shows nothing but the shape.
package struct TruncatedProductGate: Gate {
    package static let name = "truncated product"

    package let shape: Shape
    package let form: WireForm

    package init(shape: Shape, form: WireForm) {
        self.shape = shape
        self.form = form
    }

    package func check() throws {
        try form.check()
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 2)
        try operands.wire(0, count: shape.count, form: form)
        try operands.wire(1, count: shape.count, sharesHeld: true)
        return [.share(shape)]
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        for slab in context.slabs.of(shape.count) {
            let (x, y) = (context.slab(context.wire(0), slab), context.slab(context.wire(1), slab))
            precondition(y.alternative == nil, "the second operand is an ordinary wire")
            try context.dealMask(of: x)
            try context.dealProduct(of: x, times: y.mask)
        }
        context.yield(.nothing)
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let kernels = context.kernels
        let slabs = try context.slabs.of(shape.count).map { slab in
            let (x, y) = (context.wire(0).slab(slab, kernels), context.wire(1).slab(slab, kernels))
            guard let yMask = y.maskShare else { preconditionFailure("the second operand's mask is shared") }
            let mask = try context.mask(of: x)
            var share = try context.function(of: x)
            kernels.accumulate(&share, subtractingProductOf: y.hat, mask)
            // −x^·λy_i, with x^·y^ at party 0
            if context.isFirst {
                kernels.accumulate(&share, addingProductOf: x.hat, kernels.subtract(y.hat, yMask))
            } else {
                kernels.accumulate(&share, subtractingProductOf: x.hat, yMask)
            }
            return share
        }
        context.yield(.share(kernels.join(slabs, shape: shape)))
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [slabs.cost(of: shape.count) { form.maskWords($0) + form.functionWords($0) }]
    }
}
