import CrypTenExpressions

/// What Adam and its kin remember of a gradient: sums M ← β₁·M + g and V ← β₂·V + g².
struct AdamMoments {
    static let slots = [
        OptimizerSlot("first", fractionBits: 24), OptimizerSlot("second", fractionBits: 48, isDivisor: true),
    ]

    let first: CrypTensor
    let second: CrypTensor
    private let betas: (Double, Double)

    /// Those after one more gradient.
    ///
    /// - Parameter remainder: What ``remainder(of:)`` gives, as a public tensor of one element, where β₁ changes from step to step.
    init(
        _ remembered: [String: CrypTensor],
        _ slope: CrypTensor,
        betas: (Double, Double),
        remainder: CrypTensor? = nil
    ) {
        let last = remembered["first"]!
        first = (remainder.map { last * $0 } ?? last.decayed(to: betas.0)) + slope
        second = remembered["second"]!.decayed(to: betas.1) + slope.square()
        self.betas = betas
    }

    /// What is remembered from now on.
    var remembered: [String: CrypTensor] { ["first": first, "second": second] }

    /// M / √(V + floor), which times ``scale(betas:at:)`` is the mean gradient over the root of the mean square.
    ///
    /// - Parameter floor: What ``floor(betas:epsilon:at:)`` gives, as a public tensor of one element.
    func direction(floor: CrypTensor) -> CrypTensor {
        first * (second + floor).inverseSquareRoot(sparingDealer: true)
    }

    /// ε² · (1 − β₂ᵗ) / (1 − β₂): of sums, before their bias is taken away, what ε² is of the mean square after it; at least 2⁻⁴⁶, a unit of V with 16 fraction bits.
    static func floor(betas: (Double, Double), epsilon: Double, at step: Int) -> Double {
        max(epsilon * epsilon * (1 - power(betas.1, step)) / (1 - betas.1), 0x1p-46)
    }

    /// √(1 − β₂ᵗ) / (1 − β₁ᵗ) · (1 − β₁) / √(1 − β₂): makes means of the sums, and takes their bias away.
    static func scale(betas: (Double, Double), at step: Int) -> Double {
        let (first, second) = (power(betas.0, step), power(betas.1, step))
        return (1 - second).squareRoot() / (1 - first) * (1 - betas.0) / (1 - betas.1).squareRoot()
    }

    /// β · (1 − β′) / (1 − β), where β′ was the first β before: by what M = m / (1 − β) is multiplied so that m ← β · m + (1 − β) · g.
    static func remainder(of momentum: FollowedMomentum) -> Double {
        momentum.now * (1 - momentum.before) / (1 - momentum.now)
    }

    private static func power(_ base: Double, _ exponent: Int) -> Double {
        (0..<exponent).reduce(1) { product, _ in product * base }
    }
}
