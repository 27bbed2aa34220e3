import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing
import _CrypTenTestSupport

@Suite("Clamps, by one comparison with both bounds")
struct ClampTests {
    /// What a function with two bounds costs, of a share.
    struct Claim: Sendable, CustomTestStringConvertible {
        var name: String
        var rounds: Int
        /// Bytes an element that a party sends to each other one.
        var bytes: Double
        /// Bytes an element that the dealer sends.
        var dealt: Double
        var make: @Sendable (CrypTensor) -> CrypTensor

        var testDescription: String { name }
    }

    static let claims: [Claim] = [
        Claim(name: "clamp", rounds: 4, bytes: 17.76, dealt: 85.1) { $0.clamp(min: -0.7, max: 2.1) },
        Claim(name: "relu6", rounds: 4, bytes: 17.76, dealt: 85.1) { $0.relu6() },
        Claim(name: "hardtanh", rounds: 4, bytes: 17.76, dealt: 85.1) { $0.hardtanh() },
        Claim(name: "clamp of a product", rounds: 5, bytes: 23.27, dealt: 83.6) { ($0 * $0).clamp(min: 1, max: 6) },
        Claim(name: "hardSigmoid", rounds: 4, bytes: 14.76, dealt: 80.7) { $0.hardSigmoid() },
        Claim(name: "hardSwish", rounds: 6, bytes: 38.77, dealt: 90.7) { $0.hardSwish() },
    ]

    @Test("cost no more rounds and bytes than two comparisons and two selections", arguments: claims, [2, 3])
    func costs(claim: Claim, parties: Int) async throws {
        let spent = try await CostTests.spent(parties: parties) { session in
            claim.make(try await CostTests.share(session, owner: 0))
        }
        let count = Double(CostTests.count)
        #expect(spent.rounds == claim.rounds)
        #expect(Double(spent.bytes) <= claim.bytes * count * Double(parties - 1))
        #expect(Double(spent.dealerBytes) <= claim.dealt * count)
    }

    /// Clamped expressions, and the bits of their operands that say where the bounds count.
    static let operands: [@Sendable (CrypTensor) -> CrypTensor] = [{ $0 }, { $0 * $0 }, { $0 * 0.25 + 0.5 }]

    @Test("open nothing for comparisons with the same bounds", arguments: operands.indices)
    func shared(index: Int) async throws {
        for (low, high) in [(0.0, 1.0), (-0.7, 2.1)] {
            let costs = try await withLocalParties(2) { session in
                let x = Self.operands[index](try await CostTests.share(session, owner: 0))
                let y = x.clamp(min: low, max: high)
                let alone = try await session.costOfKeeping([y])
                let together = try await session.costOfKeeping([y, x .< low, x .>= high])
                return [alone, together]
            }[0]
            #expect(costs[0].rounds == costs[1].rounds)
            #expect(costs[0].onlineBytes == costs[1].onlineBytes)
            // Shares of the masks of two bits, dealt once for both of the gate.
            #expect(costs[1].dealerBytes - costs[0].dealerBytes <= CostTests.count / 8 + 64)
        }
    }

    private func clamped(
        _ points: [Double],
        _ bounds: ClosedRange<Double>,
        range: ClosedRange<Double>? = nil,
        fractionBits: Int,
        parties: Int = 2,
        _ function: @escaping @Sendable (CrypTensor) -> CrypTensor = { $0 }
    ) async throws -> [Double] {
        try await revealed(points, range: range, parties: parties, fractionBits: fractionBits) {
            [function($0).clamp(min: bounds.lowerBound, max: bounds.upperBound)]
        }[0]
    }

    @Test("are exact on the encoded numbers, at the bounds above all", arguments: [8, 16, 24], [2, 3])
    func exact(fractionBits: Int, parties: Int) async throws {
        let unit = Double(sign: .plus, exponent: -fractionBits, significand: 1)
        for bounds in [-0.7...2.1, 0...6, -1...1, -3 - unit...(-3), 1e3...1e3 + 0.3] {
            let encoded = [bounds.lowerBound, bounds.upperBound].map { ($0 / unit).rounded() * unit }
            let near: [Double] = encoded.flatMap { bound in (-2...2).map { bound + Double($0) * unit } }
            let points = near + [-1.6e4, -5, 0, 0.5, 1.5, 1.6e4]
            let found = try await clamped(points, bounds, fractionBits: fractionBits, parties: parties)
            for (x, y) in zip(points, found) { #expect(y == min(max(x, encoded[0]), encoded[1]), "\(x) in \(bounds)") }
        }
    }

    /// Ranges by which values have fewer fraction bits than the session, or more, and bounds within them, at their ends, far outside.
    static let declared: [(range: ClosedRange<Double>, bounds: ClosedRange<Double>)] = [
        (-250_000...250_000, -0.7...2.1), (-250_000...250_000, -1e5...200_000.3), (-1e9...1e9, 0...6),
        (-0.001...0.001, -0.0005...0.0007), (-0.001...0.001, -5...6), (-1...1, 5...6), (-1...1, -1e12...1e12),
        (0...60_000, 1000.3...59_999.7),
    ]

    @Test("are right where ranges are declared, whatever reads them", arguments: declared.indices, [12, 16, 24])
    func ranges(index: Int, fractionBits: Int) async throws {
        let (range, bounds) = Self.declared[index]
        let unit = Double(sign: .plus, exponent: -fractionBits, significand: 1)
        let size = range.upperBound
        let points = [-1, -0.61, -0.25, -0.0007, 0, 0.0003, 0.4, 0.77, 0.9999, 1].map { $0 * size }
            .filter(range.contains)
        // Numbers of 2^R have at least 30 − R fraction bits, or the session's.
        let step = max(unit, size * 0x1p-28)
        func expect(_ found: [Double], _ function: (Double) -> Double, within tolerance: Double) {
            for (x, y) in zip(points, found) {
                let want = function(min(max(x, bounds.lowerBound), bounds.upperBound))
                #expect(abs(y - want) <= tolerance, "\(x) in \(bounds): \(y), not \(want)")
            }
        }
        let plain = try await clamped(points, bounds, range: range, fractionBits: fractionBits)
        expect(plain, { $0 }, within: 1.5 * step)
        let results = try await revealed(points, range: range, fractionBits: fractionBits) { x in
            let y = x.clamp(min: bounds.lowerBound, max: bounds.upperBound)
            return [y * y, y + x]
        }
        let most = min(size, max(abs(bounds.lowerBound), abs(bounds.upperBound)))
        let largest = max(most, min(abs(bounds.lowerBound), abs(bounds.upperBound)))
        expect(results[0], { $0 * $0 }, within: 4 * largest * step + 2 * unit)
        for (x, sum) in zip(points, results[1]) {
            let y = min(max(x, bounds.lowerBound), bounds.upperBound)
            #expect(abs(sum - x - y) <= 3 * step, "\(x)")
        }
    }

    @Test("of products: bounds that no product reaches change nothing", arguments: [1e3, 1e9, 1e15, 1e30])
    func far(bound: Double) async throws {
        let points = [-20, -1.5, 0, 3, 27]
        let found = try await clamped(points, -bound...bound, fractionBits: 16) { $0 * $0 * 0.5 }
        for (x, y) in zip(points, found) { #expect(abs(y - x * x / 2) <= 0x1p-14, "\(x)") }
    }
}
