import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

@Suite("Sessions of members with identities", .serialized)
struct IdentifiedSessionTests {
    /// What one party learned, and what it counted.
    private struct Outcome: Sendable {
        var values: [Double]
        var statistics: SessionStatistics
    }

    private func run(_ wire: Wire, parties: Int) async throws -> [Outcome] {
        let members = try await ConnectedMembers(wire, parties: parties)
        let results = await members.all { session in
            let x = try await session.input(from: .party(0)) {
                Tensor((0..<600).map { Double($0 % 13) - 6 }, shape: [20, 30])
            }
            let w = try await session.input(from: .party(1)) {
                Tensor((0..<600).map { Double($0 % 7) / 8 }, shape: [30, 20])
            }
            let held = try await session.hold([w])[0]
            let result = try #require(try await session.reveal(relu(x.matmul(held)), to: .all))
            return Outcome(values: result.doubles, statistics: try await session.statistics)
        }
        await members.close()
        return try results.map { try $0.get() }
    }

    @Test("results are right, and rounds and bytes those of a session without TLS", arguments: [2, 3])
    func same(parties: Int) async throws {
        let (plain, identified) = (try await run(.tcp, parties: parties), try await run(.tls, parties: parties))
        let expected = (0..<400).map { index -> Double in
            let (row, column) = (index / 20, index % 20)
            let sum = (0..<30).reduce(0.0) { sum, inner in
                sum + (Double((row * 30 + inner) % 13) - 6) * (Double((inner * 20 + column) % 7) / 8)
            }
            return max(0, sum)
        }
        for (plain, identified) in zip(plain, identified) {
            for values in [plain.values, identified.values] {
                #expect(zip(values, expected).allSatisfy { abs($0 - $1) < 1e-2 } && values.count == 400)
            }
            #expect(plain.statistics.rounds == identified.statistics.rounds && plain.statistics.rounds > 0)
            #expect(plain.statistics.onlineBytes == identified.statistics.onlineBytes)
            #expect(plain.statistics.setupBytes == identified.statistics.setupBytes)
            #expect(plain.statistics.dealerBytes == identified.statistics.dealerBytes)
        }
    }
}
