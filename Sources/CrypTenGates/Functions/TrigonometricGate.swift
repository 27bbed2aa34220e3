package import CrypTenRing

/// A trigonometric series of a wire in turns: a share of c + Σ_k a_k·cos(k·u) + b_k·sin(k·u), k = 1, 2, …, where a period of u is the
/// whole ring.
///
/// From the addition theorems, with shares of the cosine and sine of the mask's multiples dealt,
///
///     a·cos(u^ − λ) + b·sin(u^ − λ) = cos(λ)·(a·cos(u^) + b·sin(u^)) + sin(λ)·(a·sin(u^) − b·cos(u^))
///
/// exactly: where u^ − λ wraps, a whole period has passed. So a series approximates any smooth function on an interval, at the price
/// of its terms alone: a wire v in an interval of length less than P is u = K·v with K = round(2^64 / P / 2^fractionBits).
///
/// Operand: an ordinary wire, with shares of its mask or without; the multiplication by K is a linear step before.
/// - Returns: a share of the same shape at scale 30 + `factorBits`.
/// - Complexity: no round, no bytes; the dealer sends 16 bytes an element and term.
/// > Note: A term's error is 10^-8 of its coefficients, and 2^-factorBits; K's rounding adds a relative 2^-65·2^fractionBits·P of the
/// > phase. The public factors are integers (`integerSine`), for they multiply shares and must be bit-identical everywhere.
/// > Security: Semi-honest, up to all parties but one; shows nothing but the shape and the number of terms.
package struct TrigonometricGate: Gate {
    package static let name = "trigonometric series"

    package let shape: Shape
    /// c at the result's scale.
    package let constant: UInt64
    /// a_1, a_2, … at scale `factorBits`.
    package let cosines: [UInt64]
    /// b_1, b_2, …, as many.
    package let sines: [UInt64]

    /// Fraction bits of the sines that are dealt.
    package static let dealtBits = 30
    static let quarter: UInt64 = 1 << 62

    package init(shape: Shape, constant: UInt64 = 0, cosines: [UInt64], sines: [UInt64]) {
        self.shape = shape
        self.constant = constant
        self.cosines = cosines
        self.sines = sines
        trapUnlessValid()
    }

    package func check() throws {
        try require(
            (1...64).contains(cosines.count) && sines.count == cosines.count,
            "a series of \(cosines.count) terms"
        )
        try require(
            (cosines + sines).allSatisfy { Int64(bitPattern: $0).magnitude <= 1 << 32 },
            "coefficients of a series are at most 2^32"
        )
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        try operands.wire(0, count: shape.count)
        return [.share(shape)]
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        let wire = context.wire(0)
        precondition(wire.alternative == nil, "a truncation read in place has no period")
        for slab in context.slabs.of(shape.count) {
            try context.dealHarmonics(of: context.slab(wire.mask, slab), numbers: 1...cosines.count)
        }
        context.yield(.nothing)
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let kernels = context.kernels
        let slabs = try context.slabs.of(shape.count).map { slab in
            let phase = context.wire(0).hat.flat(slab)
            var share = context.first(RingTensor(repeating: constant, shape: phase.shape))
            try context.inTurns(cosines.count) { _ in
                (cosine: try context.correlation(phase.shape), sine: try context.correlation(phase.shape))
            } _: { index, dealt in
                kernels.accumulate(
                    &share,
                    harmonic: index + 1,
                    of: phase,
                    cosine: dealt.cosine,
                    sine: dealt.sine,
                    factors: (Int64(bitPattern: cosines[index]), Int64(bitPattern: sines[index]))
                )
            }
            return share
        }
        context.yield(.share(kernels.join(slabs, shape: shape)))
    }

    package func streams(slabs: Slabs) -> Int {
        slabs.count(of: shape.count) * 2 * cosines.count
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [slabs.cost(of: shape.count) { 2 * cosines.count * $0 }]
    }

    package var redacted: TrigonometricGate {
        let zeros = [UInt64](repeating: 0, count: cosines.count)
        return TrigonometricGate(shape: shape, cosines: zeros, sines: zeros)
    }
}
