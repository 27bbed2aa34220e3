import CrypTenExpressions

/// What Adam and its kin remember of a gradient: sums M ← β₁·M + g and V ← β₂·V + g².
struct AdamMoments {
    static let slots = [OptimizerSlot("first", fractionBits: 24), OptimizerSlot("second", fractionBits: 46)]

    let first: CrypTensor
    let second: CrypTensor
    private let betas: (Double, Double)

    /// Those after one more gradient.
    init(_ remembered: [String: CrypTensor], _ slope: CrypTensor, betas: (Double, Double)) {
        first = remembered["first"]!.decayed(to: betas.0) + slope
        second = remembered["second"]!.decayed(to: betas.1) + slope.square()
        self.betas = betas
    }

    /// What is remembered from now on.
    var remembered: [String: CrypTensor] { ["first": first, "second": second] }

    /// M / √(V + ε² / (1 − β₂)), which times ``scale(betas:at:)`` is the mean gradient over the root of the mean square.
    func direction(epsilon: Double) -> CrypTensor {
        first * (second + epsilon * epsilon / (1 - betas.1)).inverseSquareRoot()
    }

    /// √(1 − β₂ᵗ) / (1 − β₁ᵗ) · (1 − β₁) / √(1 − β₂): makes means of the sums, and takes their bias away.
    static func scale(betas: (Double, Double), at step: Int) -> Double {
        let (first, second) = (power(betas.0, step), power(betas.1, step))
        return (1 - second).squareRoot() / (1 - first) * (1 - betas.0) / (1 - betas.1).squareRoot()
    }

    private static func power(_ base: Double, _ exponent: Int) -> Double {
        (0..<exponent).reduce(1) { product, _ in product * base }
    }
}
