package import CrypTenRing

/// A wire divided by a public whole number and by 2^shift, as a share: the quotient to within one unit, at the price of a truncation.
///
/// With q = m / 2^62, m = round(2^(62 − shift) / divisor), let |z| ≤ 2^62 and c = z^ + 2^62 = (z + 2^62) + λ, as in
/// `Truncation.swift`: that sum wrapped exactly where λ has its top bit and c has not. Hence, with λ63 and c63 the top bits,
///
///     z·q  ≈  ⌊c·q⌋ − m − ⌊λ·q⌋ + (1 − c63)·4m·λ63        (2^62·q = m and 2^64·q = 4m are whole numbers)
///
/// of which the dealer deals shares of ⌊λ·q⌋ and λ63. Products of 64 and 62 bits have 126, so that no bit of z is lost, however
/// large it is.
///
/// Operand: a wire of any shape, with shares of its mask or without. - Returns: a share of the same shape.
/// - Complexity: no round, no bytes; the dealer sends 16 bytes an element.
/// > Note: The rounding is off by less than one unit, unbiased over the mask, and q by |z| / 2^63 units more; exact in this sense for
/// > |z| ≤ 2^62.
/// > Security: Semi-honest, up to all parties but one; shows nothing but the shape. The dealer knows the divisor.
/// > Escudero, Ghosh, Keller, Rachuri, Scholl, "Improved primitives for MPC over mixed arithmetic-binary circuits", CRYPTO '20; here
/// > by any whole number.
package struct QuotientGate: Gate {
    package static let name = "quotient"

    package let shape: Shape
    package let divisor: Int
    package let shift: Int

    package init(shape: Shape, divisor: Int, shift: Int) {
        self.shape = shape
        self.divisor = divisor
        self.shift = shift
        trapUnlessValid()
    }

    package func check() throws {
        try require((2...1 << 40).contains(divisor), "a quotient by \(divisor)")
        try require((0...62).contains(shift), "a quotient by 2^\(shift)")
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        try operands.wire(0, count: shape.count)
        return [.share(shape)]
    }

    package var stages: Int {
        1
    }

    /// m, below 2^62.
    package var factor: UInt64 {
        let (numerator, divisor) = (UInt64(1) << UInt64(62 - shift), UInt64(divisor))
        let (quotient, rest) = numerator.quotientAndRemainder(dividingBy: divisor)
        return quotient + (rest >= divisor - rest ? 1 : 0)
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        let wire = context.wire(0)
        precondition(wire.alternative == nil, "a truncation read in place is rounded already")
        for slab in context.slabs.of(shape.count) {
            try context.dealQuotient(of: context.slab(wire.mask, slab), factor: factor)
        }
        context.yield(.nothing)
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let kernels = context.kernels
        let slabs = try context.slabs.of(shape.count).map { slab in
            let sum = kernels.add(try context.bitwise(context.wire(0).hat.flat(slab)), scalar: 1 << 62)
            let high = try context.correlation(sum.shape)
            let top = try context.correlation(sum.shape)
            var share = context.first(
                kernels.add(kernels.multiplyHigh(sum, factor: factor), scalar: 0 &- factor)
            )
            kernels.accumulate(&share, subtracting: high)
            let hasNoTop = kernels.not(kernels.planes(of: sum, from: 63, count: 1))
            kernels.accumulate(&share, adding: kernels.keep(top, where: hasNoTop), times: 4 &* factor)
            return share
        }
        context.yield(.share(kernels.join(slabs, shape: shape)))
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [slabs.cost(of: shape.count) { 2 * $0 }]
    }
}
