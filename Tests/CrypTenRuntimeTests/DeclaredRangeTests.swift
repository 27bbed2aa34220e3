import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing
import _CrypTenTestSupport

@Suite("Declared ranges: right numbers at any fraction bits")
struct DeclaredRangeTests {
    private static let salaries: [Double] = (0..<20_000).map { index in
        let usual = Double(12_000 + index * 7919 % 60_013)
        return index % 977 == 0 ? usual + 150_000 : usual
    }

    private static func variance(_ numbers: [Double]) -> Double {
        let mean = numbers.reduce(0, +) / Double(numbers.count)
        return numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(numbers.count)
    }

    @Test("mean and variance of 20,000 salaries", arguments: [8, 12, 16, 20, 24])
    func salaries(fractionBits: Int) async throws {
        let result = try await revealed(Self.salaries, range: 0...250_000, fractionBits: fractionBits) {
            [$0.mean(), $0.variance(), $0.max(), $0.min()]
        }
        let mean = Self.salaries.reduce(0, +) / 20_000
        #expect(abs(result[0][0] - mean) < 1e-6 * mean + 0x1p-8)
        #expect(abs(result[1][0] / Self.variance(Self.salaries) - 1) < 2e-5)
        #expect(abs(result[2][0] - Self.salaries.max()!) < 0x1p-7)
        #expect(abs(result[3][0] - Self.salaries.min()!) < 0x1p-7)
    }

    @Test("sums of squares of numbers to 10^5, and their norm", arguments: [2, 3])
    func squares(parties: Int) async throws {
        let points = (0..<1000).map { Double($0 * 7919 % 200_003) - 100_000 }
        let result = try await revealed(points, range: -100_003...100_003, parties: parties) {
            [($0 * $0).sum(), $0.reshape([1, 1000]).matmul($0.reshape([1000, 1])), ($0 * $0).mean()]
        }
        let want = points.reduce(0) { $0 + $1 * $1 }
        for y in result[..<2] { #expect(abs(y[0] / want - 1) < 1e-6) }
        #expect(abs(result[2][0] / (want / 1000) - 1) < 1e-6)
    }

    @Test("distances over 60 km, to the millimetre's square", arguments: [16, 24])
    func distances(fractionBits: Int) async throws {
        // Metres, two coordinates each.
        let points = (0..<200).map { Double($0 * 48_271 % 60_000) + Double($0) / 256 }
        let result = try await revealed(points, shape: [100, 2], range: 0...60_001, fractionBits: fractionBits) { x in
            let step = x.narrow(axis: 0, start: 1, length: 99) - x.narrow(axis: 0, start: 0, length: 99)
            return [(step * step).sum(axes: [1])]
        }[0]
        for index in 0..<99 {
            let (dx, dy) = (points[2 * index + 2] - points[2 * index], points[2 * index + 3] - points[2 * index + 1])
            let want = dx * dx + dy * dy
            #expect(abs(result[index] - want) <= 2e-6 * want + 1e-3)
        }
    }

    @Test("factors have 22 bits and more", arguments: [(0.0, 250_000.0), (-0.01, 0.01), (0, 1)])
    func factors(low: Double, high: Double) async throws {
        let points = (0..<200).map { low + (high - low) * Double($0) / 199 }
        let factors = [1 / 50_176.0, 0.7, 3e-8, 1 / 86_400.0, 12.3456789, 1 / 3.0]
        let result = try await revealed(points, range: low...high) { x in factors.map { x * $0 } }
        for (factor, result) in zip(factors, result) {
            for (x, y) in zip(points, result) {
                #expect(
                    abs(y - x * factor) <= 0x1p-22 * abs(x * factor) + (0x1p-13 * factor + 0x1p-16),
                    "\(x) · \(factor)"
                )
            }
        }
    }

    @Test("small numbers have more bits: products of what is below 2^-8")
    func small() async throws {
        let points = (0..<200).map { Double($0 - 100) * 0x1p-15 }
        let result = try await revealed(points, range: -0x1p-8...0x1p-8) { [$0 * $0, $0 * 0.5, ($0 * $0).sum()] }
        for (x, y) in zip(points, result[0]) { #expect(abs(y - x * x) < 0x1p-24) }
        for (x, y) in zip(points, result[1]) { #expect(abs(y - x * 0.5) < 0x1p-24) }
        #expect(abs(result[2][0] - points.reduce(0) { $0 + $1 * $1 }) < 0x1p-20)
    }

    @Test("what an evaluation keeps has its range still")
    func kept() async throws {
        let points = Self.salaries.prefix(500).map { $0 }
        let results = try await withLocalParties(2) { session in
            let x = try await session.input(from: .party(0), range: 0...250_000) {
                Tensor(points, shape: [points.count])
            }
            let kept = try await session.evaluate([x, x - 1000.0])
            return try await session.reveal([(kept[0] * kept[1]).sum()], to: .all)
        }
        let want = points.reduce(0) { $0 + $1 * ($1 - 1000) }
        #expect(abs(try #require(results[1])[0].doubles[0] / want - 1) < 1e-6)
    }

    @Test("beyond what is declared is the owner's error, and ranges that can't be declared are the caller's")
    func refused() async throws {
        await #expect { _ = try await revealed([1, 11], range: 0...10) { [$0] } } throws: { error in
            "\(error)".contains("element 1, lies outside of the range 0.0 to 10.0")
        }
        for range in [-.infinity...0.0, 0...1e15] {
            await #expect(throws: CrypTenError.self) { _ = try await revealed([0], range: range) { [$0] } }
        }
        let bits = CrypTensor(1.0) .< 2.0
        #expect(bits.declaring(range: 0...1).error?.code == .invalidArgument)
    }
}
