import Foundation
import Testing

/// The figures that the documentation of random numbers gives for binomial noise, from the definition of privacy.
@Suite("Binomial noise hides a count as well as is documented")
struct BinomialPrivacyTests {
    /// The least δ with which noise of k fair coins makes a count (ε, δ)-private: how far the probabilities of x + noise
    /// exceed e^ε times those of x + 1 + noise, summed over all outcomes.
    private func delta(_ trials: Int, _ epsilon: Double) -> Double {
        let probabilities = (0...trials).map { heads -> Double in
            let ways = lgamma(Double(trials + 1)) - lgamma(Double(heads + 1)) - lgamma(Double(trials - heads + 1))
            return exp(ways - Double(trials) * log(2.0))
        }
        // The distribution is symmetric: the other order of the two neighbours gives the same.
        var sum = 0.0
        for heads in probabilities.indices {
            let neighbour = heads > 0 ? probabilities[heads - 1] : 0
            sum += max(0, probabilities[heads] - exp(epsilon) * neighbour)
        }
        return sum
    }

    /// Theorem 1 of Agarwal et al. for one value of sensitivity 1 in steps of the scale; nil where it says nothing.
    private func bound(_ trials: Int, _ delta: Double) -> Double? {
        let variance = Double(trials) / 4
        guard variance >= max(23 * log(10 / delta), 2) else { return nil }
        let first = (2 * log(1.25 / delta)).squareRoot() / variance.squareRoot()
        let second = (7 * 2.0.squareRoot() / 4 * log(10 / delta).squareRoot() + 1 / 3) / (variance * (1 - delta / 10))
        let third = 2 / 3 * (log(1.25 / delta) + log(20 / delta) * log(10 / delta)) / variance
        return first + second + third
    }

    /// Trials; the deviation; ε by the definition, and by the theorem; both for δ = 10^-6, rounded up.
    static let table: [(trials: Int, deviation: Double, exact: Double, theorem: Double?)] = [
        (64, 4, 1.16, nil), (256, 8, 0.52, nil), (1024, 16, 0.25, nil), (4096, 32, 0.12, 0.37),
        (16_384, 64, 0.055, 0.14), (65_536, 128, 0.026, 0.054),
    ]

    @Test("for every line of the table", arguments: table)
    func line(_ line: (trials: Int, deviation: Double, exact: Double, theorem: Double?)) {
        #expect((Double(line.trials) / 4).squareRoot() == line.deviation)
        #expect(delta(line.trials, line.exact) <= 1e-6, "private as stated")
        #expect(delta(line.trials, line.exact * 0.95) > 1e-6, "and hardly more")
        switch (bound(line.trials, 1e-6), line.theorem) {
        case (let bound?, let stated?): #expect(bound <= stated && bound > stated * 0.93)
        case (let bound, let stated): #expect(bound == nil && stated == nil)
        }
    }
}
