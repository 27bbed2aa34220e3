import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing
import _CrypTenTestSupport

@Suite("Scales leave room: what meets small declared numbers, few fraction bits, or counts, is right")
struct RoomTests {
    @Test("means of bits and of integers have the session's fraction bits", arguments: [3, 7, 10, 100])
    func counts(terms: Int) async throws {
        let numbers = (0..<terms).map { Double($0 * 7919 % 10) / 10 }
        let share = Double(numbers.count { $0 < 0.4 }) / Double(terms)
        let result = try await revealed([(numbers, nil)]) { ($0[0] .< 0.4).toReal().mean() }
        #expect(abs(result[0] - share) <= 0x1p-15)
    }

    @Test("quotients with few fraction bits, by large numbers and of small ones", arguments: [4, 5, 6, 8, 9, 10, 12])
    func fewBits(fractionBits: Int) async throws {
        let unit = Double(sign: .plus, exponent: -fractionBits, significand: 1)
        let folded = try await revealed([([3], nil), ([4], nil)], fractionBits: fractionBits) {
            $0[0] / ($0[1] * 393_068.1875)
        }
        #expect(abs(folded[0] - 3 / (4 * 393_068.1875)) <= 8 * unit)
        let small = try await revealed([([0.00004], 0...0.00005), ([0.5], nil)], fractionBits: fractionBits) {
            $0[0] / $0[1]
        }
        #expect(abs(small[0] - 0.00008) <= 8 * unit)
        let product = try await revealed(
            [([0.0007], 0...0.001), ([0.5], nil), ([0.0009], 0...0.001)],
            fractionBits: fractionBits
        ) { ($0[0] * $0[2]) / $0[1] }
        #expect(abs(product[0] - 0.0007 * 0.0009 / 0.5) <= 8 * unit)
    }

    @Test("bounds of numbers that are declared to be small", arguments: [8, 16, 24, 28], [1, 0.01, 0.0001])
    func clamped(fractionBits: Int, size: Double) async throws {
        let unit = Double(sign: .plus, exponent: -fractionBits, significand: 1)
        let numbers = [-1, -0.5, 0.05, 0.3, 1].map { $0 * size }
        let result = try await revealed([(numbers, -size...size)], fractionBits: fractionBits) {
            clamp($0[0], min: 0.1 * size, max: 0.9 * size)
        }
        for (x, y) in zip(numbers, result) {
            #expect(abs(y - Swift.min(Swift.max(x, 0.1 * size), 0.9 * size)) <= 2 * unit)
        }
    }

    @Test("sums of products of small numbers, and of something large")
    func largeAddends() async throws {
        let square = try await revealed([([0.5, 1], 0...1)]) { $0[0] * $0[0] + 5e6 }
        #expect(zip(square, [5e6 + 0.25, 5e6 + 1]).allSatisfy { abs($0 - $1) <= 0x1p-14 })
        let tiny = try await revealed([([0.001, -0.0005], -0.001...0.001)]) { $0[0] * $0[0] + 20 }
        #expect(tiny.allSatisfy { abs($0 - 20) <= 2e-5 })
        let secret = try await revealed([([0.5, 1], 0...1), ([5e6, -3e6], nil)]) { $0[0] * $0[0] + $0[1] }
        #expect(zip(secret, [5e6 + 0.25, -3e6 + 1]).allSatisfy { abs($0 - $1) <= 0x1p-14 })
        let undeclared = try await revealed([([2e8, -1e8], nil), ([5e-8, 1e-7], 0...1e-7)]) { $0[0] + $0[1] }
        #expect(zip(undeclared, [2e8, -1e8]).allSatisfy { abs($0 - $1) <= 0x1p-14 })
        let fine = try await revealed([([12_000, -9_000], nil), ([5e-8, 1e-7], 0...1e-7)], fractionBits: 24) {
            $0[0] + $0[1]
        }
        #expect(zip(fine, [12_000, -9_000]).allSatisfy { abs($0 - $1) <= 1e-6 })
    }

    @Test("a factor between a sum of squares and its function, with many fraction bits", arguments: [16, 20, 24, 28])
    func folded(fractionBits: Int) async throws {
        for (factor, addend) in [(1e-6, 10.0), (1e-6, 1), (0.0123, 1), (3, 0), (1000, 0)] {
            let numbers = [0.5, 0.5, 0.7, 1].map { $0 / (factor > 1 ? 100 : 1) }
            let want = (factor * numbers.reduce(0) { $0 + $1 * $1 } + addend).squareRoot()
            let result = try await revealed([(numbers, nil)], fractionBits: fractionBits) {
                (($0[0] * $0[0]).sum() * factor + addend).sqrt()
            }
            let rounding = 4 / Double(sign: .plus, exponent: fractionBits, significand: 1) * factor.squareRoot()
            #expect(abs(result[0] - want) <= 1e-3 * want + rounding, "\(factor), \(addend)")
        }
    }

    @Test("a public factor takes back what a small one gave")
    func growth() async throws {
        let small = 0x1p-10
        let result = try await revealed([([small], -small...small), ([300], nil)]) { x in
            let p = x[0] * x[1] * 1024
            return p * p
        }
        #expect(abs(result[0] / 90_000 - 1) < 1e-3)
    }

    @Test("ranges that no double holds are no ranges")
    func infinite() async throws {
        let cost = try await withLocalParties(2) { session in
            let x = try await session.input(from: .party(0), range: 1e10...1e11) { Tensor([1e10], shape: [1]) }
            var powers = [x]
            for _ in 0..<6 { powers.append(powers[powers.count - 1] * powers[powers.count - 1]) }
            return try await session.cost(of: powers[6] - powers[5]).rounds
        }[0]
        #expect(cost > 0)
    }

    @Test("a cost says below which magnitudes the values of each layer are right")
    func limits() async throws {
        func limit(_ fractionBits: Int, _ range: ClosedRange<Double>?) async throws -> Int? {
            var configuration = SessionConfiguration()
            configuration.fractionBits = fractionBits
            return try await withLocalParties(2, configuration: configuration) { session in
                let x = try await session.input(from: .party(0), range: range) { Tensor([1.0, 2.0], shape: [2]) }
                let y = relu(x * x)
                return try await session.cost(of: y).layers.first { $0.name == "other" }?.magnitudeExponent
            }[0]
        }
        #expect(try await limit(16, nil) == 30)
        #expect(try await limit(24, nil) == 14)
        // Numbers below 2^18 have 12 fraction bits as factors, and their squares need 36 bits before the point.
        #expect(try await limit(16, 0...250_000) == 38)
    }

    @Test("polynomials of numbers that are declared to be small")
    func polynomials() async throws {
        let numbers = [0.0005, -0.001]
        let result = try await revealed([(numbers, -0.001...0.001)]) { $0[0].polynomial([1, 4, -3, 20]) }
        for (x, y) in zip(numbers, result) { #expect(abs(y - (1 + 4 * x - 3 * x * x + 20 * x * x * x)) <= 0x1p-13) }
    }
}
