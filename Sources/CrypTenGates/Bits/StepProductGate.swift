package import CrypTenRing

/// Public functions of masked bits that are linear in them, and such functions times a wire, without masking them first.
///
/// With shares of the bits' masks β_j dealt, `b_j = b_j^ + (1 − 2·b_j^)·β_j`; with those of λ and β_j·λ also b_j·v
/// (`Selection.swift`), and so shares of `(constant + Σ_j factors[j]·b_j)·v`. What is public is added up first: with
/// w = constant + Σ_j factors[j]·b_j^, s_j = 1 − 2·b_j^, and v = v^ − λ,
///
///     constant + Σ_j factors[j]·b_j = w + Σ_j factors[j]·s_j·β_j
///     (constant + Σ_j factors[j]·b_j)·v = w·(v^ − λ) + Σ_j factors[j]·s_j·(v^·β_j − β_j·λ)
///
/// Operands: masked bits, with XOR shares of their masks or without, then a wire of form `form`, which may be a truncation read in
/// place. - Returns: a share for each of `steps`, then for each of `products`, modulo 2^64.
/// - Complexity: no round, no bytes; the dealer sends 16 bytes an element and bit, and what a truncation in place needs; 8 bytes
///   more for a wire whose mask isn't shared.
/// > Security: Semi-honest, up to all parties but one; exact; shows nothing but the shape and the numbers of bits and outputs.
package struct StepProductGate: Gate {
    package static let name = "step product"

    package let shape: Shape
    package let form: WireForm
    package let bits: Int
    /// Functions of the bits alone.
    package let steps: [StepGate.Output]
    /// Functions by which the wire is multiplied.
    package let products: [StepGate.Output]

    package init(
        shape: Shape,
        form: WireForm,
        bits: Int,
        steps: [StepGate.Output],
        products: [StepGate.Output]
    ) {
        self.shape = shape
        self.form = form
        self.bits = bits
        self.steps = steps
        self.products = products
        trapUnlessValid()
    }

    package func check() throws {
        try form.check()
        try require((1...GateLimits.list).contains(bits), "steps of \(bits) bits")
        try require(steps.count <= GateLimits.list, "\(steps.count) steps")
        try require((1...GateLimits.list).contains(products.count), "\(products.count) products of steps")
        try require(
            (steps + products).allSatisfy { $0.factors.count == bits },
            "a step has a factor for each of its \(bits) bits"
        )
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: bits + 1)
        for index in 0..<bits { try operands.bits(index, count: shape.count) }
        try operands.wire(bits, count: shape.count, form: form)
        return (steps + products).map { _ in .share(shape) }
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        for slab in context.slabs.of(shape.count) {
            let wire = context.slab(context.wire(bits), slab)
            try context.dealMask(of: wire)
            for index in 0..<bits {
                let mask = context.slab(context.bits(index), slab)
                try context.dealNumber(of: mask)
                try context.dealSelection(mask, of: wire)
            }
        }
        for _ in steps + products { context.yield(.nothing) }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let kernels = context.kernels
        var slabs = (steps + products).map { _ in [RingTensor]() }
        for slab in context.slabs.of(shape.count) {
            let wire = context.wire(bits).slab(slab, kernels)
            let mask = try context.mask(of: wire)
            let value = context.unmasked(wire, mask: mask)
            let hats = (0..<bits).map { kernels.slab(context.bits($0).hat, slab) }
            var sums = context.publicPart(of: steps, hats)
            var products = products.map { output in
                kernels.multiply(value, kernels.weights(of: hats, factors: output.factors, constant: output.constant))
            }
            try context.inTurns(bits) { _ in
                (beta: try context.correlation(wire.hat.shape), product: try context.drawFunction(of: wire))
            } _: { index, dealt in
                let (beta, hat) = (dealt.beta, hats[index])
                for (place, output) in steps.enumerated() where output.factors[index] != 0 {
                    kernels.accumulate(&sums[place], adding: beta, times: output.factors[index], negatedWhere: hat)
                }
                let product = context.function(dealt.product, of: wire)
                for (place, output) in self.products.enumerated() where output.factors[index] != 0 {
                    kernels.accumulate(
                        &products[place],
                        addingProductOf: wire.hat,
                        beta,
                        less: product,
                        times: output.factors[index],
                        negatedWhere: hat
                    )
                }
            }
            for (place, sum) in (sums + products).enumerated() { slabs[place].append(sum) }
        }
        for slabs in slabs { context.yield(.share(kernels.join(slabs, shape: shape))) }
    }

    package func streams(slabs: Slabs) -> Int {
        slabs.count(of: shape.count) * (form.shift > 0 ? 2 + 3 * bits : 1 + 2 * bits)
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [slabs.cost(of: shape.count) { form.maskWords($0) + bits * ($0 + form.functionWords($0)) }]
    }

    package var redacted: StepProductGate {
        let zeros = StepGate.Output(constant: 0, factors: [UInt64](repeating: 0, count: bits))
        return StepProductGate(
            shape: shape,
            form: form,
            bits: bits,
            steps: steps.map { _ in zeros },
            products: products.map { _ in zeros }
        )
    }
}
