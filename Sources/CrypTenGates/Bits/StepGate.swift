package import CrypTenRing

/// Public functions of masked bits that are linear in them: shares of `constant + Σ_j factors[j]·b_j`, several of the same bits.
///
/// Of thermometer bits [v < threshold] these are the step functions of v. With shares of the bits' masks β_j dealt,
/// `b_j = b_j^ + (1 − 2·b_j^)·β_j`.
///
/// Operands: masked bits, with XOR shares of their masks or without. - Returns: a share for each output, modulo 2^64.
/// - Complexity: no round, no bytes; the dealer sends 8 bytes an element and bit, however many outputs there are.
/// > Security: Semi-honest, up to all parties but one; exact; shows nothing but the shape and the numbers of bits and outputs.
package struct StepGate: Gate {
    package static let name = "step"

    /// One function of the bits.
    package struct Output: Hashable, Sendable, Codable {
        package let constant: UInt64
        package let factors: [UInt64]

        package init(constant: UInt64, factors: [UInt64]) {
            self.constant = constant
            self.factors = factors
        }
    }

    package let shape: Shape
    package let bits: Int
    package let outputs: [Output]

    package init(shape: Shape, bits: Int, outputs: [Output]) {
        self.shape = shape
        self.bits = bits
        self.outputs = outputs
        trapUnlessValid()
    }

    package func check() throws {
        try require((1...GateLimits.list).contains(bits), "steps of \(bits) bits")
        try require((1...GateLimits.list).contains(outputs.count), "\(outputs.count) steps")
        try require(outputs.allSatisfy { $0.factors.count == bits }, "a step has a factor for each of its \(bits) bits")
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: bits)
        for index in 0..<bits { try operands.bits(index, count: shape.count) }
        return outputs.map { _ in .share(shape) }
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        for slab in context.slabs.of(shape.count) {
            for index in 0..<bits { try context.dealNumber(of: context.slab(context.bits(index), slab)) }
        }
        for _ in outputs { context.yield(.nothing) }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let kernels = context.kernels
        var slabs = outputs.map { _ in [RingTensor]() }
        for slab in context.slabs.of(shape.count) {
            let hats = (0..<bits).map { kernels.slab(context.bits($0).hat, slab) }
            var sums = context.publicPart(of: outputs, hats)
            try context.inTurns(bits) { _ in
                try context.correlation([slab.count])
            } _: { index, beta in
                for (place, output) in outputs.enumerated() where output.factors[index] != 0 {
                    kernels.accumulate(
                        &sums[place],
                        adding: beta,
                        times: output.factors[index],
                        negatedWhere: hats[index]
                    )
                }
            }
            for (place, sum) in sums.enumerated() { slabs[place].append(sum) }
        }
        for slabs in slabs { context.yield(.share(kernels.join(slabs, shape: shape))) }
    }

    package func streams(slabs: Slabs) -> Int {
        slabs.count(of: shape.count) * bits
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [slabs.cost(of: shape.count) { bits * $0 }]
    }

    package var redacted: StepGate {
        let zeros = Output(constant: 0, factors: [UInt64](repeating: 0, count: bits))
        return StepGate(shape: shape, bits: bits, outputs: outputs.map { _ in zeros })
    }
}

extension PartyStage {
    /// Of `constant + Σ_j factors[j]·b_j`, as shares, what the public parts of the bits make of it: nothing at the other parties.
    func publicPart(of outputs: [StepGate.Output], _ hats: [BitPlanes]) -> [RingTensor] {
        outputs.map { output in
            isFirst
                ? kernels.weights(of: hats, factors: output.factors, constant: output.constant)
                : RingTensor(zeros: [hats[0].count])
        }
    }
}
