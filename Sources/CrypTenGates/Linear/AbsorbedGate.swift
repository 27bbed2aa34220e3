package import CrypTenRing

/// A product of two wires as one term of an `AbsorbedGate`.
package typealias AbsorbedProduct = MaskedProduct

/// A sum of products and shares, opened at once under a mask that swallows the products' corrections.
///
/// Party i opens `t_i + Σ (its share of op(x, y) − op(λx, λy)) + Σ share_i` with fresh words `t_i` of its seed, so the
/// wire's mask is `λz = Σ t_i − Σ op(λx, λy)`: the dealer knows it, and nothing is dealt. It is uniform because any one
/// `t_i` is. The parties hold no shares of it: what follows reads it through dealt functions of the mask.
/// Operands: the products' in pairs, then `addends` shares of shape `shape`.
/// - Returns: A wire of shape `shape` whose mask the parties don't share.
/// - Complexity: one round, 8 bytes an element; nothing is dealt.
/// > Security: Semi-honest, up to all parties but one; exact; shows nothing but the shape.
package struct AbsorbedGate: Gate {
    package static let name = "absorbed"

    package let products: [AbsorbedProduct]
    package let addends: Int
    package let shape: Shape

    package init(products: [AbsorbedProduct], addends: Int, shape: Shape) {
        self.products = products
        self.addends = addends
        self.shape = shape
        trapUnlessValid()
    }

    package func check() throws {
        try require((0...GateLimits.list).contains(addends), "a sum of \(addends) shares")
        try require(products.count <= GateLimits.list, "a sum of \(products.count) products")
        for product in products {
            let output = try product.operation.checkedOutput(product.left, product.right)
            try require(output == shape, "a product of shape \(output) in a sum of shape \(shape)")
        }
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 2 * products.count + addends)
        for (index, product) in products.enumerated() {
            _ = try product.result(of: operands, from: 2 * index, parties: parties)
        }
        for index in 0..<addends { try operands.share(2 * products.count + index, count: shape.count) }
        return [.wire(shape, WireForm(sharesHeld: false))]
    }

    package var stages: Int {
        2
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        guard stage == 0 else {
            context.yield(.wire(context.memory.wireMasks.removeFirst()))
            return
        }
        let products = products.enumerated().map { index, product in
            product.masks(context.wire(2 * index), context.wire(2 * index + 1))
        }
        let mask = context.openMask(shape, absorbing: products)
        context.memory.wireMasks.append(WireMask(mask: mask, sharesHeld: false))
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        guard stage == 0 else {
            context.yield(.wire(MaskedWire(hat: try context.openedWords(shape), maskShare: nil)))
            return
        }
        var message = context.freshShare(shape)
        for (index, product) in products.enumerated() {
            product.evaluate(&message, context.wire(2 * index), context.wire(2 * index + 1), index: index, context)
        }
        for index in 0..<addends {
            context.kernels.accumulate(&message, adding: context.share(2 * products.count + index))
        }
        try context.open(masked: message)
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [StageCost(openings: [Opening(words: shape.count, combination: .sum)]), StageCost()]
    }
}
