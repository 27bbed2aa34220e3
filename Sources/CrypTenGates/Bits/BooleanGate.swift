package import CrypTenRing

/// Boolean functions of masked bits, opened under fresh masks: and, or, and whatever else has products of fan-in ≤ 4.
///
/// A product of inputs `x^ ⊕ λ` expands over the products of their masks, of which the dealer deals XOR shares, each once for
/// all outputs (`SubsetProducts`). Operands: masked bits of one shape with shares of their masks; yields masked bits.
/// - Complexity: one round, a bit for each output; the dealer sends a bit for each set of two inputs or more of a product:
///   1 for an AND of two, 4 of three, 11 of four.
/// > Security: Semi-honest, up to all parties but one; exact; shows nothing but the shape.
/// > Ohata, Nuida, "Communication-Efficient (Client-Aided) Secure Two-Party Protocols", FC '20; here on masked bits.
package struct BooleanGate: Gate {
    package static let name = "boolean"

    package let outputs: [BooleanForm]
    package let inputs: Int
    package let shape: Shape

    package init(outputs: [BooleanForm], inputs: Int, shape: Shape) {
        self.outputs = outputs
        self.inputs = inputs
        self.shape = shape
        trapUnlessValid()
    }

    package func check() throws {
        try BooleanForm.check(outputs, inputs: inputs, fanIn: 4)
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: inputs)
        for index in 0..<inputs { try operands.bits(index, count: shape.count, sharesHeld: true) }
        return outputs.map { _ in .bits(count: shape.count, sharesHeld: true) }
    }

    private var products: SubsetProducts {
        SubsetProducts(terms: outputs.flatMap(\.terms), held: .max)
    }

    private struct ProgramName: Hashable {
        var outputs: [BooleanForm]
        var inputs: Int
        var role: LevelRole
    }

    private static let programs = Memo<ProgramName, BitProgram>()

    private struct ProductsName: Hashable {
        var outputs: [BooleanForm]
        var inputs: Int
    }

    private static let maskProducts = Memo<ProductsName, BitProducts>()

    /// What is dealt of the inputs' masks, a block each.
    private var masks: BitProducts {
        BooleanGate.maskProducts.value(ProductsName(outputs: outputs, inputs: inputs)) { _ in
            let variables = (0..<inputs).map { ($0, BitProducts.Place(block: $0, plane: 0)) }
            return BitProducts(
                blocks: [Int](repeating: 1, count: inputs),
                products: products.masks(Dictionary(uniqueKeysWithValues: variables))
            )
        }
    }

    /// What a role computes: of the public parts, the party's shares of the masks, and what is dealt.
    private func program(_ role: LevelRole) -> BitProgram {
        BooleanGate.programs.value(ProgramName(outputs: outputs, inputs: inputs, role: role)) { _ in
            var program = BitProgram.Builder()
            let inputs = role.inputs([Int](repeating: 1, count: inputs), &program)
            func variables(_ planes: [[BitProgram.Builder.Bit]]) -> [Int: BitProgram.Builder.Bit] {
                Dictionary(uniqueKeysWithValues: planes.enumerated().map { ($0.offset, $0.element[0]) })
            }
            let products = products
            let shares = products.shares(
                hats: variables(inputs.hats),
                held: variables(inputs.masks),
                dealt: program.input(planes: products.dealt.count),
                first: role == .firstParty
            )
            let sums = outputs.map { output in
                let sum = shares.sum(output.terms.map { ($0, nil) }, &program)
                return output.constantTerm && role == .firstParty ? program.not(sum) : sum
            }
            return program.program(sums)
        }
    }

    package var stages: Int {
        2
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        guard stage == 0 else {
            let slabs = context.slabs.of(shape.count).map { _ in context.memory.bits.removeFirst() }
            for output in outputs.indices {
                context.yield(.bits(context.join(slabs.map { context.plane($0, output) }, count: shape.count)))
            }
            return
        }
        let hasProducts = !products.dealt.isEmpty
        for slab in context.slabs.of(shape.count) {
            if hasProducts {
                try context.dealProducts(masks, of: (0..<inputs).map { context.slab(context.bits($0), slab) })
            }
            context.memory.bits.append(context.openBitMask(planes: outputs.count, count: slab.count))
        }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let (products, kernels) = (products, context.kernels)
        guard stage == 0 else {
            let slabs = try context.slabs.of(shape.count).map { _ in try context.openedBits() }
            for output in outputs.indices {
                context.yield(.bits(kernels.join(slabs.map { $0[output] }, count: shape.count)))
            }
            return
        }
        for slab in context.slabs.of(shape.count) {
            let dealt =
                products.dealt.isEmpty
                ? BitPlanes(zeros: 0, count: slab.count)
                : try context.correlationBits(planes: products.dealt.count, count: slab.count)
            let role: LevelRole = context.isFirst ? .firstParty : .party
            let bits = (0..<inputs).map { context.bits($0).slab(slab, kernels) }
            try context.open(kernels.run(program(role), on: role.inputs(bits) + [dealt]))
        }
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        let products = products
        return [
            slabs.cost(of: shape.count, openedPlanes: outputs.count) {
                Slabs.bitWords(planes: products.dealt.count, count: $0)
            },
            StageCost(),
        ]
    }
}
