import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing
import _CrypTenTestSupport

/// Against float64 of the decoded operand, with 16 fraction bits unless something else is said.
@Suite("Public factors keep their significant bits, however small or large")
struct PublicFactorTests {
    private static let unit = 0x1p-16

    /// Multiples of a unit of all magnitudes up to a bound, with both signs.
    private static func operands(below bound: Double) -> [Double] {
        (0..<400).map { index in
            let magnitude = bound * pow(2, -Double(index % 40)) * (1 - Double(index) / 1000)
            return (magnitude / unit).rounded() * unit * (index % 2 == 0 ? 1 : -1)
        }
    }

    @Test("x · c for c from 10^-9 to 10^9, and x / n for n to 10^9", arguments: [2, 3])
    func factors(parties: Int) async throws {
        let factors = (-36...36).map { pow(10, Double($0) / 4) * ($0 % 3 == 0 ? -1 : 1) }
        let divisors = [3.0, 7, 49, 86_400, 50_176, 1e6, 41_000, 1e9 - 1]
        let all = factors + divisors.map { 1 / $0 }
        let points = Self.operands(below: 0x1p26)
        let results = try await revealed(points, parties: parties) { x in
            factors.map { x * $0 } + divisors.map { x / $0 }
        }
        var checked = 0
        for (factor, result) in zip(all, results) {
            // A factor has no more than 44 fraction bits beside the operand's 16: of those below 10^-8 that leaves fewer than 20.
            let rounding = (abs(factor) < 1e-8 ? 1.13 : 1.01) * Self.unit
            for (x, y) in zip(points, result) where abs(x * factor) < 0x1p26 {
                #expect(abs(y - x * factor) <= 0x1p-20 * abs(x * factor) + rounding, "\(x) · \(factor)")
                checked += 1
            }
        }
        #expect(checked > 20_000)
    }

    @Test("factors of quite different sizes in one tensor, along an axis and one by one", arguments: [true, false])
    func mixed(alongAxis: Bool) async throws {
        let factors = (0..<24).map { pow(10, Double($0) / 2 - 6) * ($0 % 5 == 0 ? -1 : 1) } + [0, 0.5, 1]
        let (rows, columns) = (8, factors.count)
        let points = (0..<rows * columns).map { place in
            (100 / abs(factors[place % columns] == 0 ? 1 : factors[place % columns]) * Double(place % 7 + 1) / 7
                / Self.unit)
                .rounded() * Self.unit
        }.map { Swift.min($0, 0x1p25) }
        let all = (0..<rows * columns).map { factors[$0 % columns] }
        let constant = alongAxis ? Tensor(factors, shape: [columns]) : Tensor(all, shape: [rows, columns])
        let result = try await revealed(points, shape: [rows, columns]) { [$0 * constant] }[0]
        for (place, (x, y)) in zip(points, result).enumerated() {
            let want = x * all[place]
            #expect(abs(y - want) <= 0x1p-20 * abs(want) + 1.01 * Self.unit, "\(x) · \(all[place])")
        }
    }

    @Test("a product with a public matrix whose rows stand for ages, incomes and rates")
    func features() async throws {
        let weights = [0.031, -0.4, 2.3e-5, 1.7e-6, 0.8, -3.1, 4.4e-6, 9.1e-5]
        let features = [41.0, 0.5, 52_300.25, 810_000.5, 38, 0.125, 1_250_000, 17_000.75]
        let result = try await revealed(features, shape: [1, 8]) {
            [
                $0.matmul(CrypTensor(constant: Tensor(weights, shape: [8, 1]))),
                Tensor(weights, shape: [1, 8]).transposedProduct($0),
            ]
        }
        let want: Double = zip(weights, features).reduce(0.0) { $0 + $1.0 * $1.1 }
        for y in result { #expect(abs(y[0] - want) < 3 * Self.unit + 0x1p-20 * 10) }
    }

    @Test("means of many: nothing of their sum is lost", arguments: [16, 20])
    func means(fractionBits: Int) async throws {
        let unit = Double(sign: .plus, exponent: -fractionBits, significand: 1)
        let amounts: [Double] = (0..<40_000).map { index in
            let amount = Double(20_000 + index * 7919 % 40_009) + 0.25
            return fractionBits == 20 ? amount / 1024 : amount
        }
        let result = try await revealed(amounts, fractionBits: fractionBits) {
            [
                $0.mean(), $0.reshape([200, 200]).mean(axis: 0),
                $0.reshape([200, 200]).mean(axis: 1, keepDimensions: true),
            ]
        }
        func mean(_ numbers: [Double]) -> Double { numbers.reduce(0, +) / Double(numbers.count) }
        #expect(abs(result[0][0] - mean(amounts)) <= 1.01 * unit)
        for index in 0..<200 {
            #expect(abs(result[1][index] - mean((0..<200).map { amounts[$0 * 200 + index] })) <= 1.01 * unit)
            #expect(abs(result[2][index] - mean(Array(amounts[index * 200..<index * 200 + 200]))) <= 1.01 * unit)
        }
    }

    @Test("the mean of ten million")
    func meanOfTenMillion() async throws {
        // Rows of ten thousand that are equal, so that the input is small: their sum is 10^7 terms.
        let row = (0..<10_000).map { Double($0 % 997) + 0.5 }
        let result = try await revealed(row) { [$0.broadcast(to: [1000, 10_000]).mean()] }
        #expect(abs(result[0][0] - row.reduce(0, +) / 10_000) <= 1.01 * Self.unit)
    }

    @Test("take no round and no byte more than factors that are powers of two")
    func costs() async throws {
        let costs = try await withLocalParties(2) { session in
            let x = try await session.input(from: .party(0), shape: [100]) {
                Tensor([Double](repeating: 1, count: 100), shape: [100])
            }
            var costs: [(String, Int, Int)] = []
            let functions: [(String, @Sendable (CrypTensor) -> CrypTensor)] = [
                ("exact", { $0 * 0.25 }), ("0.7", { $0 * 0.7 }), ("small", { $0 * 3e-8 }), ("large", { $0 * 3333.3 }),
                ("mean", { $0.reshape([10, 10]).mean(axis: 0) }), ("sum", { $0 * 0.3 + $0 }),
            ]
            for (name, function) in functions {
                let cost = try await session.cost(of: function(x))
                costs.append((name, cost.rounds, cost.onlineBytes.max() ?? 0))
            }
            return costs
        }[0]
        // Of exact ones a share is truncated when it is revealed, too.
        for (name, rounds, bytes) in costs {
            #expect(rounds == costs[0].1, "\(name) in \(rounds) rounds, not \(costs[0].1)")
            #expect(bytes <= costs[0].2 + 8 * 100, "\(name) with \(bytes) bytes")
        }
    }

    @Test(
        "large factors leave their products room: up to 2^35, where 16 more bits would leave 2^30",
        arguments: [2, 3]
    )
    func room(parties: Int) async throws {
        let factors = [1000.3, -700.123, 3e5 + 0.7, 9.87654e6]
        let points = Self.operands(below: 0x1p26)
        let results = try await revealed(points, parties: parties) { x in factors.map { x * $0 } }
        var checked = 0
        for (factor, result) in zip(factors, results) {
            for (x, y) in zip(points, result) where abs(x * factor) < 0x1p35 {
                #expect(abs(y - x * factor) <= 0x1p-20 * abs(x * factor) + 1.01 * Self.unit, "\(x) · \(factor)")
                checked += abs(x * factor) > 0x1p30 ? 1 : 0
            }
        }
        #expect(checked > 50)
    }

    @Test("and with many fraction bits they keep as many more", arguments: [24, 28])
    func precise(fractionBits: Int) async throws {
        let unit = Double(sign: .plus, exponent: -fractionBits, significand: 1)
        for factor in [3.3, 41.7, -1000.3] {
            let points = (0..<200).map { (Double($0 - 100) / 128 / unit).rounded() * unit / abs(factor) }
                .map { ($0 / unit).rounded() * unit }
            let result = try await revealed(points, fractionBits: fractionBits) { [$0 * factor] }[0]
            for (x, y) in zip(points, result) {
                let part = Double(sign: .plus, exponent: -fractionBits - 2, significand: 1)
                #expect(abs(y - x * factor) <= part * abs(x * factor) + 1.01 * unit, "\(x) · \(factor)")
            }
        }
    }
}

extension Tensor {
    /// This public matrix times a secret one, both given as rows.
    fileprivate func transposedProduct(_ x: CrypTensor) -> CrypTensor {
        CrypTensor(constant: self).matmul(x.reshape([x.shape.count, 1]))
    }
}
