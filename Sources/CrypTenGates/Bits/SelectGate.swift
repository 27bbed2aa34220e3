package import CrypTenRing

/// A wire where a masked bit is 1, else zero: a share of b·x. (See `Selection.swift` for the identity.)
///
/// Operands: masked bits, then a wire of the same shape and of form `form`. - Returns: a share at the wire's scale.
/// - Complexity: no round, no bytes; the dealer sends 16 bytes an element, 24 for a wire whose mask isn't shared, and
///   `24 + form.shift / 4` for a truncation read in place.
/// > Security: Semi-honest, up to all parties but one; exact; shows nothing but the shape.
package struct SelectGate: Gate {
    package static let name = "select"

    package let shape: Shape
    package let form: WireForm

    package init(shape: Shape, form: WireForm = WireForm()) {
        self.shape = shape
        self.form = form
    }

    package func check() throws {
        try form.check()
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 2)
        try operands.bits(0, count: shape.count)
        try operands.wire(1, count: shape.count, form: form)
        return [.share(shape)]
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        for slab in context.slabs.of(shape.count) {
            try context.dealSelect(context.slab(context.bits(0), slab), context.slab(context.wire(1), slab))
        }
        context.yield(.nothing)
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let kernels = context.kernels
        let selected = try context.selected(shape) { slab in
            (kernels.slab(context.bits(0).hat, slab), context.wire(1).slab(slab, kernels))
        }
        context.yield(.share(selected))
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [slabs.cost(of: shape.count) { SelectGate.dealtWords(form, $0) }]
    }

    /// What a selection of `count` elements is dealt.
    static func dealtWords(_ form: WireForm, _ count: Int) -> Int {
        count + form.maskWords(count) + form.functionWords(count)
    }
}

extension DealStage {
    /// A slab's selection by bits of mask `mask`: β, λ, β·λ.
    func dealSelect(_ mask: Bits, _ wire: WireMask<Words>) throws {
        try dealNumber(of: mask)
        try dealMask(of: wire)
        try dealSelection(mask, of: wire)
    }
}

extension PartyStage {
    /// The selections of all slabs, as one tensor: the public parts of a slab's bits, and its wire, are asked for slab by slab.
    func selected(
        _ shape: Shape,
        _ operands: (Range<Int>) throws -> (hat: BitPlanes, wire: MaskedWire)
    ) throws -> RingTensor {
        // On a processor slabs are made where they belong; on a device they are put together by what reads them.
        let isAside = kernels.computesAside
        var out = isAside ? RingTensor(zeros: shape) : RingTensor(uninitialized: shape)
        var parts: [RingTensor] = []
        for range in slabs.of(shape.count) {
            let (hat, wire) = try operands(range)
            let beta = try correlation(wire.hat.shape)
            let mask = try mask(of: wire)
            let product = try function(of: wire)
            guard !isAside else {
                parts.append(selection(hat, beta: beta, product: product, of: wire, mask: mask))
                continue
            }
            kernels.select(
                wire.hat,
                beta: beta,
                product: product,
                mask: mask,
                where: hat,
                first: isFirst,
                to: &out,
                at: range.lowerBound
            )
        }
        return isAside ? kernels.join(parts, shape: shape) : out
    }
}
