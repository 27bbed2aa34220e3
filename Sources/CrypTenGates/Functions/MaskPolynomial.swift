internal import CrypTenRing

/// A polynomial Σ a_k·v^k modulo 2^64 with public coefficients, of v = h − λ with h public, from shares of the powers of λ.
///
///     Σ_k a_k (h − λ)^k = Σ_e h^e · A_e,    A_e = Σ_d (−1)^d·C(d + e, d)·a_{d+e}·λ^d
///
/// The sums A_e are linear in shares of λ^d; Horner's rule in h ends it.
struct MaskPolynomial {
    private var sums: [RingTensor?]

    init(degree: Int) {
        sums = [RingTensor?](repeating: nil, count: degree + 1)
    }

    /// Adds a polynomial, given shares of λ^0, λ^1, … (or of b·λ^d); nil is a share of zeros.
    mutating func add(_ coefficients: [UInt64], _ powers: [RingTensor?], _ kernels: any Kernels) {
        for (d, power) in powers.enumerated() {
            guard let power else { continue }
            for k in stride(from: d, to: coefficients.count, by: 1) {
                let binomial = UInt64(truncatingIfNeeded: MaskPolynomial.binomial(k, d))
                let factor = coefficients[k] &* (d % 2 == 0 ? binomial : 0 &- binomial)
                guard factor != 0 else { continue }
                if sums[k - d] == nil {
                    sums[k - d] = kernels.multiply(power, scalar: factor)
                } else {
                    kernels.accumulate(&sums[k - d]!, adding: power, times: factor)
                }
            }
        }
    }

    /// The share of the sum of all polynomials.
    func value(at hat: RingTensor, _ kernels: any Kernels) -> RingTensor {
        var value: RingTensor?
        for sum in sums.reversed() {
            if let higher = value {
                var next = sum ?? RingTensor(zeros: hat.shape)
                kernels.accumulate(&next, addingProductOf: higher, hat)
                value = next
            } else {
                value = sum
            }
        }
        return value ?? RingTensor(zeros: hat.shape)
    }

    static func binomial(_ n: Int, _ k: Int) -> Int {
        (0..<k).reduce(1) { $0 * (n - $1) / ($1 + 1) }
    }
}

extension WireForm {
    /// Words that the powers of a mask up to `degree` take.
    func powerWords(_ count: Int, degree: Int) -> Int {
        degree == 0 ? 0 : maskWords(count) + (degree - 1) * functionWords(count)
    }
}

extension DealStage {
    /// Deals λ (unless it is held), λ², …, λ^degree.
    func dealPowers(of wire: WireMask<Words>, degree: Int) throws {
        guard degree > 0 else { return }
        try dealMask(of: wire)
        if degree > 1 { try dealPowers(of: wire, exponents: 2...degree) }
    }
}

extension PartyStage {
    /// Shares of λ^0, λ, …, λ^degree.
    func powers(of wire: MaskedWire, degree: Int) throws -> [RingTensor?] {
        var powers: [RingTensor?] = [isFirst ? RingTensor(repeating: 1, shape: wire.hat.shape) : nil]
        guard degree > 0 else { return powers }
        powers.append(try mask(of: wire))
        try inTurns(max(0, degree - 1)) { _ in
            try drawFunction(of: wire)
        } _: { _, drawn in
            powers.append(function(drawn, of: wire))
        }
        return powers
    }
}
