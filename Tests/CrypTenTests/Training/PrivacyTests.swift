import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing

@Suite("Differential privacy: what steps spend, and the noise that they add")
struct PrivacyTests {
    /// Values of TensorFlow Privacy's tests `rdp_accountant_test.py`, which gives five digits.
    @Test(
        "the divergence of sampled Gaussian sums is what is published",
        arguments: [
            (0.1, 2.0, 10, 5, 0.07737), (0.01, 2.5, 50, 5, 0.00218075), (0.01, 2.5, 50, 50, 0.023846),
            (0.01, 2.5, 50, 100, 167.416307), (1, 10, 1, 20, 0.1),
        ]
    )
    func divergences(rate: Double, multiplier: Double, steps: Int, order: Int, published: Double) throws {
        var accountant = PrivacyAccountant(orders: [order])
        try accountant.addSteps(steps, samplingRate: rate, noiseMultiplier: multiplier)
        #expect(abs(accountant.divergences[0] - published) < 1e-5)
        var twice = PrivacyAccountant(orders: [order])
        try twice.addSteps(steps - steps / 2, samplingRate: rate, noiseMultiplier: multiplier)
        try twice.addSteps(steps / 2, samplingRate: rate, noiseMultiplier: multiplier)
        #expect(abs(twice.divergences[0] - accountant.divergences[0]) < 1e-9)
    }

    /// Values of TensorFlow Privacy's tests `compute_dp_sgd_privacy_test.py`, whose best orders, 19 and 13, are whole numbers.
    @Test(
        "ε of a training is what is published",
        arguments: [
            (60_000, 150, 1.3, 15, 1e-5, 0.7242234026109595), (100_000, 100, 1.0, 30, 1e-7, 1.4154988495444845),
        ]
    )
    func epsilons(rows: Int, batch: Int, multiplier: Double, epochs: Int, delta: Double, published: Double) throws {
        var accountant = PrivacyAccountant()
        let rate = Double(batch) / Double(rows)
        try accountant.addSteps(epochs * rows / batch, samplingRate: rate, noiseMultiplier: multiplier)
        #expect(abs(try accountant.epsilon(delta: delta) - published) < 1e-9)
    }

    @Test("ε of the documentation's examples is what stands there")
    func documented() throws {
        var count = PrivacyAccountant()
        try count.addSteps(1, samplingRate: 1, noiseMultiplier: 8)
        #expect(abs(try count.epsilon(delta: 1e-6) - 0.55) < 0.005)
        var digits = PrivacyAccountant()
        try digits.addSteps(14_100, samplingRate: 256 / 60_000, noiseMultiplier: 1.1)
        #expect(abs(try digits.epsilon(delta: 1e-5) - 2.6) < 0.05)
    }

    /// The table of TensorFlow Privacy's tutorial on MNIST: 60,000 rows, batches of 256, δ = 10⁻⁵; its ε are those of Mironov 2017, R + log(1/δ) / (α − 1), with
    /// fractional orders.
    @Test(
        "with an older conversion ε of three trainings is the tutorial's within four thousandths",
        arguments: [(1.3, 15, 1.19), (1.1, 60, 3.01), (0.7, 45, 7.10)]
    )
    func tutorial(multiplier: Double, epochs: Int, published: Double) throws {
        var accountant = PrivacyAccountant()
        try accountant.addSteps(epochs * 60_000 / 256, samplingRate: 256.0 / 60_000, noiseMultiplier: multiplier)
        let older = zip(accountant.orders, accountant.divergences).map { $1 + log(1e5) / Double($0 - 1) }.min() ?? 0
        #expect(abs(older / published - 1) < 4e-3)
        // The newer one gives less.
        let newer = try accountant.epsilon(delta: 1e-5)
        #expect(newer < older && newer > 0.75 * older)
    }

    /// Each side of A_α, integrated.
    @Test("the divergence is that of the definition, in the worse of both directions", arguments: [2, 3, 8])
    func definition(order: Int) throws {
        let (rate, multiplier) = (0.3, 1.2)
        var (there, back) = (0.0, 0.0)
        let step = 1e-3
        for place in stride(from: -14.0, to: 15.0, by: step) {
            let without = exp(-place * place / (2 * multiplier * multiplier))
            let with = exp(-(place - 1) * (place - 1) / (2 * multiplier * multiplier))
            let mixture = (1 - rate) * without + rate * with
            there += without * pow(mixture / without, Double(order)) * step
            back += mixture * pow(without / mixture, Double(order)) * step
        }
        let norm = multiplier * (2 * Double.pi).squareRoot()
        var accountant = PrivacyAccountant(orders: [order])
        try accountant.addSteps(1, samplingRate: rate, noiseMultiplier: multiplier)
        let found = accountant.divergences[0]
        #expect(abs(found - log(there / norm) / Double(order - 1)) < 1e-6)
        #expect(found >= log(back / norm) / Double(order - 1))
    }

    @Test("the noise for an ε is the least that spends no more, and what can't be counted is an error")
    func noiseForEpsilon() throws {
        let multiplier = try PrivacyAccountant.noiseMultiplier(epsilon: 2, delta: 1e-5, samplingRate: 0.05, steps: 400)
        func spent(_ multiplier: Double) throws -> Double {
            var accountant = PrivacyAccountant()
            try accountant.addSteps(400, samplingRate: 0.05, noiseMultiplier: multiplier)
            return try accountant.epsilon(delta: 1e-5)
        }
        #expect(try spent(multiplier) <= 2)
        #expect(try spent(multiplier * 0.998) > 2)
        #expect(try PrivacyAccountant().epsilon(delta: 1e-5) == 0)
        var nothing = PrivacyAccountant()
        try nothing.addSteps(10, samplingRate: 0, noiseMultiplier: 1)
        #expect(try nothing.epsilon(delta: 1e-5) == 0)
        func code(_ body: () throws -> Void) -> CrypTenError.Code? {
            do { try body() } catch { return (error as? CrypTenError)?.code }
            return nil
        }
        #expect(code { try nothing.addSteps(-1, samplingRate: 0.1, noiseMultiplier: 1) } == .invalidArgument)
        #expect(code { try nothing.addSteps(1, samplingRate: 1.1, noiseMultiplier: 1) } == .invalidArgument)
        #expect(code { try nothing.addSteps(1, samplingRate: 0.1, noiseMultiplier: 0) } == .invalidArgument)
        #expect(code { _ = try nothing.epsilon(delta: 0) } == .invalidArgument)
        let impossible = code {
            _ = try PrivacyAccountant.noiseMultiplier(epsilon: 1e-9, delta: 1e-9, samplingRate: 1, steps: 1000)
        }
        #expect(impossible == .invalidArgument)
    }

    /// Hypothesis: the numbers are drawn with these probabilities.
    ///
    /// Pearson's statistic of 100,000 numbers exceeds its bound with a probability of
    /// about 10⁻⁶ under it; the seed is fixed.
    @Test("small discrete Gaussian numbers have their probabilities", arguments: [1, 2, 7, 30] as [UInt64])
    func frequencies(variance: UInt64) throws {
        let distribution = try DiscreteGaussian(variance: variance)
        var generator = SeededGenerator(seed: 41 + variance)
        let count = 100_000
        var seen: [Int64: Int] = [:]
        for _ in 0..<count { seen[distribution.draw(using: &generator), default: 0] += 1 }
        func weight(_ x: Int64) -> Double { exp(-Double(x * x) / Double(2 * variance)) }
        let all = (-200...200).reduce(0) { $0 + weight($1) }
        var (statistic, cells) = (0.0, 0.0)
        for x in Int64(-200)...200 {
            let expected = Double(count) * weight(x) / all
            if expected < 10 { continue }
            let difference = Double(seen[x] ?? 0) - expected
            statistic += difference * difference / expected
            cells += 1
        }
        // A chi-squared variable with k degrees is below k + 2√(k·t) + 2t but for e^−t (Laurent and Massart 2000).
        let degrees = cells - 1
        #expect(statistic < degrees + 2 * (degrees * 14).squareRoot() + 28)
    }

    /// Hypothesis: as above.
    ///
    /// Each bound is exceeded with a probability of less than 10⁻⁶ under it; the seed is fixed.
    @Test("large discrete Gaussian numbers have mean 0, their variance and a normal distribution's steps")
    func moments() throws {
        let deviation = Double(1 << 24)
        let distribution = try DiscreteGaussian(variance: 1 << 48)
        var generator = SeededGenerator(seed: 5)
        let numbers = (0..<20_000).map { _ in Double(distribution.draw(using: &generator)) / deviation }.sorted()
        let count = Double(numbers.count)
        #expect(abs(numbers.reduce(0, +) / count) < 5 / count.squareRoot())
        #expect(abs(numbers.reduce(0) { $0 + $1 * $1 } / count - 1) < 5 * (2 / count).squareRoot())
        // Dvoretzky, Kiefer, Wolfowitz and Massart: 2·exp(−2·n·d²).
        var largest = 0.0
        for (index, number) in numbers.enumerated() {
            let normal = 0.5 * erfc(-number / 2.0.squareRoot())
            largest = max(largest, abs((Double(index) + 0.5) / count - normal))
        }
        #expect(largest < (log(2e6) / (2 * count)).squareRoot() + 1 / count)
        #expect(throws: CrypTenError.self) { try DiscreteGaussian(variance: 0) }
        #expect(throws: CrypTenError.self) { try DiscreteGaussian(variance: 1 << 48 + 1) }
    }

    /// Numbers come from the system's generator.
    ///
    /// Hypothesis: the noise has the variance n·σ²; the bounds are exceeded with a probability of less than 10⁻⁸
    /// each under it.
    @Test("noise of a session is whole, of every party, and new in each call", arguments: [2, 3])
    func sessionNoise(parties: Int) async throws {
        let told = try await withLocalParties(parties) { session -> [Tensor] in
            let x = try await session.input(from: .party(1)) {
                Tensor([Int](repeating: 1000, count: 8192), shape: [8192])
            }
            let first = try await session.discreteGaussianNoise([8192], deviation: 50)
            let second = try await session.discreteGaussianNoise([8192], deviation: 50)
            let revealed = try await session.reveal([x + first, x + second], to: .all)
            do {
                _ = try await session.discreteGaussianNoise([2], deviation: 0.5)
                Issue.record("a deviation below 1 is refused")
            } catch let error as CrypTenError {
                #expect(error.code == .invalidArgument)
            }
            return revealed ?? []
        }
        for tensors in told {
            #expect(tensors == told[0] && tensors[0] != tensors[1])
            for tensor in tensors {
                let noise = (tensor.integers ?? []).map { Double($0 - 1000) }
                #expect(noise.count == 8192)
                let variance = Double(parties) * 2500
                #expect(abs(noise.reduce(0, +) / 8192) < 6 * (variance / 8192).squareRoot())
                #expect(abs(noise.reduce(0) { $0 + $1 * $1 } / 8192 / variance - 1) < 6 * (2.0 / 8192).squareRoot())
            }
        }
    }
}
