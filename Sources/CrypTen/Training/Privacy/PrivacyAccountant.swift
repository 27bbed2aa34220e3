import CrypTenBase
internal import CrypTenRing

/// Adds up how much privacy is spent by sums that are published with Gaussian noise, each over a random sample of the rows.
///
/// A step publishes a sum of vectors, one a row, each no longer than C, plus noise of deviation `noiseMultiplier` · C in each coordinate; a row is in
/// the sum with probability `samplingRate`, independently of all others, and nobody who sees the result knows which rows are. Then
/// whether one row is there or not changes what the probability of any published numbers is by a factor of at most e^ε, but for a probability δ:
///
/// ```swift
/// var accountant = PrivacyAccountant()
/// try accountant.addSteps(14_100, samplingRate: 256 / 60_000, noiseMultiplier: 1.1)
/// let epsilon = try accountant.epsilon(delta: 1e-5)                          // 2.6
/// ```
///
/// It counts in Rényi divergences of whole orders α ≥ 2. A step's is log A / (α − 1) with
///
///     A = Σ_k (α choose k) · q^k · (1 − q)^(α−k) · exp(k·(k − 1) / (2·z²)),       k = 0 … α
///
/// for rate q and multiplier z; those of steps add up; and an order gives ε = R + log((α − 1) / α) − (log δ + log α) / (α − 1). The least
/// of the orders' ε holds. Fractional orders would give up to some percent less where ε is large.
///
/// Of whole orders the sum holds as it stands for discrete Gaussian noise on whole numbers, in any number of dimensions, as
/// ``Session/discreteGaussianNoise(_:deviation:)`` draws it: A is the expectation of a power of a mixture of two likelihoods, whose k-th
/// powers have for discrete noise the expectations exp(k·(k − 1) / (2·z²)) at most; and the other direction's divergence isn't larger,
/// since x ↦ v − x exchanges the two distributions.
///
/// > Important: Where those who see the result know which rows are in a batch, as they do of the batches of a ``BatchOrder``, the sampling rate
/// > is 1; an epoch, in which each row is in one batch, then is one step.
///
/// > Mironov, "Rényi Differential Privacy", CSF 2017; Mironov, Talwar, Zhang, "Rényi Differential Privacy of the Sampled Gaussian Mechanism", 2019,
/// > section 3.3; Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy", NeurIPS 2020, theorem 4 and proposition 12.
public struct PrivacyAccountant: Sendable {
    /// 2 to 64, and some up to 1,024 for small ε.
    public static let usualOrders = Array(2...64) + [72, 80, 96, 112, 128, 160, 192, 256, 384, 512, 768, 1024]

    /// The orders.
    public let orders: [Int]
    /// The divergence that has been added up at each of the orders.
    public private(set) var divergences: [Double]

    /// An account on which nothing is spent.
    ///
    /// - Parameter orders: Whole numbers from 2 on; others are left out.
    public init(orders: [Int] = usualOrders) {
        self.orders = orders.filter { $0 >= 2 }
        divergences = [Double](repeating: 0, count: self.orders.count)
    }

    /// Counts steps of one kind.
    ///
    /// - Parameters:
    ///   - count: How many.
    ///   - samplingRate: The probability with which a row is in a step's sum, in [0, 1]; 1 where those who see the result know which are.
    ///   - noiseMultiplier: The noise's deviation over the bound of a row's length.
    /// - Throws: `.invalidArgument` for a negative number of steps, a rate outside [0, 1], and a multiplier that isn't positive.
    /// - Complexity: in the sum of the orders.
    public mutating func addSteps(_ count: Int, samplingRate: Double, noiseMultiplier: Double) throws {
        guard count >= 0, (0...1).contains(samplingRate), noiseMultiplier > 0, noiseMultiplier.isFinite else {
            throw CrypTenError(
                .invalidArgument,
                "\(count) steps of a rate of \(samplingRate) and noise of \(noiseMultiplier) times the bound can't be counted: "
                    + "a rate lies in [0, 1], and noise is positive"
            )
        }
        for (index, order) in orders.enumerated() {
            divergences[index] +=
                Double(count)
                * PrivacyAccountant.divergence(order, rate: samplingRate, multiplier: noiseMultiplier)
        }
    }

    /// The ε of what was counted, for a δ.
    ///
    /// - Parameter delta: In (0, 1): a probability of the guarantee's failing; less than one over the number of rows is usual.
    /// - Returns: 0 or more; infinity where there are no orders.
    /// - Throws: `.invalidArgument` for a `delta` outside (0, 1).
    public func epsilon(delta: Double) throws -> Double {
        guard delta > 0, delta < 1 else {
            throw CrypTenError(.invalidArgument, "δ is a probability between 0 and 1, and can't be \(delta)")
        }
        if orders.isEmpty || divergences.contains(where: \.isNaN) { return .infinity }
        if divergences.allSatisfy({ $0 == 0 }) { return 0 }
        let found = zip(orders, divergences).map { order, divergence in
            let alpha = Double(order)
            return divergence + Portable.log1p(-1 / alpha) - (Portable.log(delta) + Portable.log(alpha)) / (alpha - 1)
        }
        return max(0, found.min() ?? .infinity)
    }

    /// The least noise with which steps of one kind spend no more than ε, within a thousandth of it.
    ///
    /// - Throws: `.invalidArgument` for arguments that ``addSteps(_:samplingRate:noiseMultiplier:)`` and ``epsilon(delta:)`` don't take,
    ///   and where noise of 10,000 times the bound isn't enough.
    public static func noiseMultiplier(
        epsilon: Double,
        delta: Double,
        samplingRate: Double,
        steps: Int
    ) throws -> Double {
        func spent(_ multiplier: Double) throws -> Double {
            var accountant = PrivacyAccountant()
            try accountant.addSteps(steps, samplingRate: samplingRate, noiseMultiplier: multiplier)
            return try accountant.epsilon(delta: delta)
        }
        var (low, high) = (0.01, 10_000.0)
        guard epsilon > 0, try spent(high) <= epsilon else {
            throw CrypTenError(
                .invalidArgument,
                "no noise makes \(steps) steps of a rate of \(samplingRate) spend ε = \(epsilon) at δ = \(delta): allow more, or take fewer steps"
            )
        }
        while high > low * 1.001 {
            let middle = (low * high).squareRoot()
            if try spent(middle) <= epsilon { high = middle } else { low = middle }
        }
        return high
    }

    /// One step's divergence.
    ///
    /// The terms of k = 0 and 1 have the exponent 0, and the binomial probabilities add up to 1: so A − 1 is the sum over k ≥ 2 of the probabilities
    /// times exp(…) − 1, of which none is negative. The sum is of logarithms: its terms are as large as e^(α²).
    private static func divergence(_ order: Int, rate: Double, multiplier: Double) -> Double {
        if rate == 0 { return 0 }
        let alpha = Double(order)
        if rate == 1 { return alpha / (2 * multiplier * multiplier) }
        var terms: [Double] = []
        var logBinomial = Portable.log(alpha)
        for count in 2...order {
            let k = Double(count)
            logBinomial += Portable.log((alpha - k + 1) / k)
            let exponent = k * (k - 1) / (2 * multiplier * multiplier)
            // log(exp(x) − 1)
            let excess =
                exponent > 1
                ? exponent + Portable.log1p(-Portable.exp(-exponent)) : Portable.log(Portable.expm1(exponent))
            terms.append(logBinomial + k * Portable.log(rate) + (alpha - k) * Portable.log1p(-rate) + excess)
        }
        let largest = terms.max() ?? -.infinity
        let logExcess = largest + Portable.log(terms.reduce(0) { $0 + Portable.exp($1 - largest) })
        return
            (logExcess > 0
            ? logExcess + Portable.log1p(Portable.exp(-logExcess)) : Portable.log1p(Portable.exp(logExcess)))
            / (alpha - 1)
    }
}

private typealias Portable = PortableFunctions
