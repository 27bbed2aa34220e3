import CrypTenBase

/// Whole numbers x whose probabilities are proportional to exp(−x² / (2·variance)), drawn exactly: with whole numbers alone, and no
/// logarithm or root of a real number in between.
///
/// Numbers of a discrete Laplace distribution are accepted or refused by coins of probability e^(−n/d), and these are made of fair choices
/// among whole numbers. Left out are magnitudes beyond 65 deviations, which have a probability of less than 2^−2900.
///
/// > Note: How long a number takes depends on it.
/// > Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy", NeurIPS 2020, algorithms 1 to 3.
package struct DiscreteGaussian: Sendable {
    /// The largest variance, with which everything fits 128 bits.
    package static let largestVariance = UInt64(1) << 48

    private let variance: UInt128
    /// ⌊√variance⌋ + 1: the scale of the Laplace distribution.
    private let scale: UInt128

    /// A distribution.
    ///
    /// - Throws: `.invalidArgument` for a variance of 0 or more than 2^48.
    package init(variance: UInt64) throws {
        guard (1...DiscreteGaussian.largestVariance).contains(variance) else {
            throw CrypTenError(
                .invalidArgument,
                "a discrete Gaussian can't have variance \(variance): it lies from 1 to 2^48"
            )
        }
        self.variance = UInt128(variance)
        // Exact: below 2^53 a double's root, rounded down, is the whole root or one more.
        var root = UInt64(Double(variance).squareRoot())
        if root * root > variance { root -= 1 }
        scale = UInt128(root) + 1
    }

    /// One number.
    package func draw(using generator: inout some RandomNumberGenerator) -> Int64 {
        while true {
            let candidate = drawLaplace(using: &generator)
            // (|y| − variance / t)² / (2·variance) = (|y|·t − variance)² / (2·variance·t²)
            let product = UInt128(candidate.magnitude) * scale
            let distance = product > variance ? product - variance : variance - product
            if isHead(distance * distance, 2 * variance * scale * scale, using: &generator) { return candidate }
        }
    }

    /// A whole number y of probability proportional to exp(−|y| / t).
    private func drawLaplace(using generator: inout some RandomNumberGenerator) -> Int64 {
        while true {
            let rest = UInt128.random(in: 0..<scale, using: &generator)
            guard isHead(rest, scale, using: &generator) else { continue }
            var whole: UInt128 = 0
            while whole < 64, isHead(1, 1, using: &generator) { whole += 1 }
            let magnitude = Int64(rest + scale * whole)
            let isNegative = Bool.random(using: &generator)
            // 0 has one sign.
            if isNegative, magnitude == 0 { continue }
            return isNegative ? -magnitude : magnitude
        }
    }

    /// A coin of probability exp(−numerator / denominator).
    private func isHead(
        _ numerator: UInt128,
        _ denominator: UInt128,
        using generator: inout some RandomNumberGenerator
    ) -> Bool {
        var rest = numerator
        while rest > denominator {
            guard isHead(1, 1, using: &generator) else { return false }
            rest -= denominator
        }
        // With a ratio γ ≤ 1: of coins with probabilities γ/1, γ/2, … the first tail is at an odd place with probability e^−γ.
        var place: UInt128 = 1
        while UInt128.random(in: 0..<denominator * place, using: &generator) < rest { place += 1 }
        return place % 2 == 1
    }
}
