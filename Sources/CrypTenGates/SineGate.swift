package import CrypTenRing

/// Sine and cosine of a wire in turns, u = K·v with K = round(2^64 / (2π·2^fractionBits)): a period is the whole ring.
///
/// `sin(u^ − λ) = sin(u^)·cos(λ) − cos(u^)·sin(λ)` with shares of the sine and cosine of the mask dealt; the cosine is the same
/// a quarter turn on, from the same dealing. Operand: an ordinary wire, with shares of its mask or without; the multiplication
/// by K is a linear step before. Yields a share for each output, sine first, at scale 60 (two factors of scale 30).
/// - Complexity: no round, no bytes; the dealer sends 16 bytes an element.
/// > Note: within 2·10^-8, and K's rounding: a relative 2π·2^fractionBits / 2^65 of the angle. The factors are integers
/// > (`integerSine`), for they multiply shares and must be bit-identical everywhere.
/// > Security: Semi-honest, up to all parties but one; shows nothing but the shape.
package struct SineGate: Gate {
    package static let name = "sine"

    package enum Outputs: String, Hashable, Sendable, Codable {
        case sine
        case cosine
        case both
    }

    package let shape: Shape
    package let outputs: Outputs

    package init(shape: Shape, outputs: Outputs) {
        self.shape = shape
        self.outputs = outputs
    }

    private static let quarter: UInt64 = 1 << 62

    /// In quarter turns, what is added for each output.
    private var phases: [UInt64] {
        switch outputs {
        case .sine: [0]
        case .cosine: [SineGate.quarter]
        case .both: [0, SineGate.quarter]
        }
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        try operands.wire(0, count: shape.count)
        return phases.map { _ in .share(shape) }
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: DealerStage) throws {
        let kernels = context.kernels
        for slab in Slabs.of(shape.count) {
            let wire = context.wire(0)
            precondition(wire.alternative == nil, "a truncation read in place has no period")
            let mask = wire.mask.flat(slab)
            try context.deal(kernels.sine(mask))
            try context.deal(kernels.sine(kernels.add(mask, scalar: SineGate.quarter)))
        }
        for _ in phases { context.yield(.nothing) }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let kernels = context.kernels
        var slabs = phases.map { _ in [RingTensor]() }
        for slab in Slabs.of(shape.count) {
            let hat = context.wire(0).hat.flat(slab)
            let sine = try context.correlation([slab.count])
            let cosine = try context.correlation([slab.count])
            for (index, phase) in phases.enumerated() {
                let angle = phase == 0 ? hat : kernels.add(hat, scalar: phase)
                var share = kernels.multiply(kernels.sine(angle), cosine)
                let ahead = kernels.sine(kernels.add(angle, scalar: SineGate.quarter))
                kernels.accumulate(&share, subtractingProductOf: ahead, sine)
                slabs[index].append(share)
            }
        }
        for slabs in slabs { context.yield(.share(kernels.join(slabs, shape: shape))) }
    }

    package func cost(parties: Int) -> [StageCost] {
        [.slabs(of: shape.count) { 2 * $0 }]
    }
}
