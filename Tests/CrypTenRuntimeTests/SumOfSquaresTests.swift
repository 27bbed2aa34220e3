import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing
import _CrypTenTestSupport

/// Functions of a² + b², whose truth is computed from the operands as they are encoded.
@Suite("Functions read sums of products as they are")
struct SumOfSquaresTests {
    /// Pairs whose squares add up to all magnitudes from 2^low to 2^high.
    private static func pairs(_ low: Double, _ high: Double, unit: Double) -> (a: [Double], b: [Double]) {
        var (a, b): ([Double], [Double]) = ([], [])
        for index in 0..<2000 {
            let radius = pow(2, (low + (high - low) * Double(index) / 1999) / 2)
            let angle = Double(index) * 0.7
            a.append((radius * cos(angle) / unit).rounded() * unit)
            b.append((radius * sin(angle) / unit).rounded() * unit)
        }
        return (a, b)
    }

    private func revealed(
        _ a: [Double],
        _ b: [Double],
        parties: Int = 2,
        fractionBits: Int,
        _ functions: @escaping @Sendable (CrypTensor) -> [CrypTensor]
    ) async throws -> (values: [[Double]], rounds: Int) {
        var configuration = SessionConfiguration()
        configuration.fractionBits = fractionBits
        let results = try await withLocalParties(parties, configuration: configuration) { session in
            let x = try await session.input(from: .party(0)) { Tensor(a, shape: [a.count]) }
            let y = try await session.input(from: .party(1)) { Tensor(b, shape: [b.count]) }
            let values = try await session.reveal(functions(x * x + y * y), to: .party(0))
            return (values, try await session.statistics.rounds)
        }
        let tensors = try #require(results[0].0)
        return (tensors.map(\.doubles), results[0].1)
    }

    @Test(
        "log within 10^-3, roots and reciprocals within 10^-3 of themselves or a unit",
        arguments: [(16, 2), (16, 3), (20, 2), (24, 2), (12, 2), (8, 2)]
    )
    func functions(fractionBits: Int, parties: Int) async throws {
        let unit = Double(sign: .plus, exponent: -fractionBits, significand: 1)
        let (low, high) = (2.2 - 2 * Double(fractionBits), min(30, 62 - 2 * Double(fractionBits)) - 0.01)
        let (a, b) = Self.pairs(low, high, unit: unit)
        let names = ["log", "sqrt", "rsqrt"]
        let values = try await revealed(a, b, parties: parties, fractionBits: fractionBits) {
            [log($0), sqrt($0), rsqrt($0)]
        }.values
        for index in a.indices {
            let sum = a[index] * a[index] + b[index] * b[index]
            let truths = [Foundation.log(sum), sum.squareRoot(), 1 / sum.squareRoot()]
            for (function, truth) in truths.enumerated() where sum > 0 {
                let error = abs(values[function][index] - truth)
                // Of less than four units an inverse root is 0.
                let units = fractionBits < 16 && function == 2 ? 4.1 : 1.1
                let allowed =
                    function == 0
                    ? 1e-3 + (fractionBits < 12 ? 1.6 * unit : 0) : max(1e-3 * truth, units * unit, 0x1p-13)
                #expect(error <= allowed, "\(names[function]) of \(sum) is \(values[function][index]), not \(truth)")
            }
        }
    }

    @Test("a small number that is added, and a mean, cost nothing of it", arguments: [16, 24])
    func shifted(fractionBits: Int) async throws {
        let unit = Double(sign: .plus, exponent: -fractionBits, significand: 1)
        let (a, b) = Self.pairs(-2 * Double(fractionBits) + 3, 4, unit: unit)
        let epsilon = fractionBits == 16 ? 1e-8 : 1e-10
        let values = try await revealed(a, b, fractionBits: fractionBits) { sum in
            [
                log(sum + epsilon), rsqrt(sum * (1 / 3.0) + epsilon), sqrt(sum * 0.3), log(sum * 7.7),
                1.0 / (sum * 0.1 + 0.5),
            ]
        }.values
        for index in a.indices {
            let sum = a[index] * a[index] + b[index] * b[index]
            let truths = [
                Foundation.log(sum + epsilon), 1 / (sum / 3 + epsilon).squareRoot(), (sum * 0.3).squareRoot(),
                Foundation.log(sum * 7.7), 1 / (sum * 0.1 + 0.5),
            ]
            for (function, truth) in truths.enumerated() where truth.isFinite {
                let error = abs(values[function][index] - truth)
                let isLogarithm = function == 0 || function == 3
                #expect(
                    error <= (isLogarithm ? 1.5e-3 : max(1.5e-3 * truth, 0x1p-13)),
                    "function \(function) of \(sum) is \(values[function][index]), not \(truth)"
                )
            }
        }
    }
}
