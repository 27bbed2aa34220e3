package import CrypTenRing

/// XORs and negations of masked bits: the same of the public parts and of the masks.
///
/// Operands: masked bits of one shape; an output's mask is shared where those of all its inputs are. No product may have
/// more than one input.
/// - Complexity: local; nothing is opened or dealt.
package struct LinearBitsGate: Gate {
    package static let name = "linear bits"

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
        try BooleanForm.check(outputs, inputs: inputs, fanIn: 1)
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: inputs)
        let held = try (0..<inputs).map { try operands.bits($0, count: shape.count) }
        return outputs.map { output in
            .bits(count: shape.count, sharesHeld: self.operands(output).allSatisfy { held[$0] })
        }
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        for output in outputs {
            context.yield(.bits(context.xor(operands(output).map { context.bits($0) }, count: shape.count)))
        }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        for output in outputs {
            let bits = operands(output).map { context.bits($0) }
            let masks = bits.compactMap(\.maskShare)
            let hat = context.kernels.xor(bits.map(\.hat), count: shape.count)
            context.yield(
                .bits(
                    MaskedBits(
                        hat: output.constantTerm ? context.kernels.not(hat) : hat,
                        maskShare: masks.count == bits.count ? context.kernels.xor(masks, count: shape.count) : nil
                    )
                )
            )
        }
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [StageCost()]
    }

    private func operands(_ output: BooleanForm) -> [Int] {
        output.terms.map(\.trailingZeroBitCount)
    }
}
