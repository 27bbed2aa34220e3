import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing
import _CrypTenTestSupport

@Suite("Random numbers that everyone draws, and nobody knows")
struct DrawnByEveryoneTests {
    @Test("are the same at all parties, and what they should be", arguments: [2, 3])
    func values(parties: Int) async throws {
        let count = 640
        let drawn = try await withLocalParties(parties) { session -> [[Double]] in
            let shape: Shape = [count]
            let sure = try await session.input(from: .party(1), shape: shape) {
                Tensor((0..<count).map { Double($0 % 2) }, shape: shape)
            }
            let order = try await session.evaluate([try await session.permutation(64, drawnBy: .everyone)])[0]
            let values = [
                try await session.uniform(shape, drawnBy: .everyone),
                try await session.bernoulli(0.3, shape, drawnBy: .everyone).toReal(),
                try await session.bernoulli(sure, drawnBy: .everyone).toReal(),
                try await session.normal(shape, drawnBy: .everyone),
                try await session.dropout(sure, probability: 0.25, drawnBy: .everyone),
                try await session.binomialNoise(shape, trials: 10, scale: 0.5),
                try await session.bernoulli(0, shape, drawnBy: .everyone).toReal(),
                try await session.bernoulli(1, shape, drawnBy: .everyone).toReal(),
                order.toReal(),
            ]
            return try await session.reveal(values, to: .all)!.map(\.doubles)
        }
        for other in drawn { #expect(other == drawn[0], "all parties learn the same") }
        let values = drawn[0]
        #expect(values[0].allSatisfy { (0..<1).contains($0) && $0 * 0x1p16 == ($0 * 0x1p16).rounded() })
        // Of 640 numbers with 16 bits some are equal by chance: a hundred fewer are not.
        #expect(Set(values[0]).count > 540)
        #expect(values[1].allSatisfy { $0 == 0 || $0 == 1 } && Set(values[1]).count == 2)
        #expect(values[2] == (0..<count).map { Double($0 % 2) }, "a probability of 1 is certain, one of 0 never is")
        #expect(values[3].allSatisfy { abs($0) < 4.73 } && Set(values[3]).count > 540)
        #expect(values[4].enumerated().allSatisfy { abs($1) < 1e-4 || $0 % 2 == 1 && abs($1 - 4.0 / 3) < 1e-4 })
        #expect(values[5].allSatisfy { abs($0) <= 2.5 && $0 * 2 == ($0 * 2).rounded() } && Set(values[5]).count > 4)
        #expect(values[6].allSatisfy { $0 == 0 } && values[7].allSatisfy { $0 == 1 })
        #expect(values[8].sorted() == (0..<64).map(Double.init))
        #expect(values[8] != values[8].sorted())
    }

    /// Keys that one role alone has expanded.
    private func ownKeys(_ audits: [ExpansionAudit]) -> [Set<[UInt64]>] {
        audits.indices.map { role in
            audits.indices.filter { $0 != role }.reduce(audits[role].keys) { $0.subtracting(audits[$1].keys) }
        }
    }

    @Test("come from keys that one party has, another one for each run, dealt ahead or not", arguments: [2, 3])
    func keys(parties: Int) async throws {
        let session = try await withAuditedParties(parties) { session, _ in
            func draw() async throws -> CrypTensor { try await session.uniform([100], drawnBy: .everyone) }
            try await session.prepare([try await draw()], runs: 1)
            var values: [[Double]] = []
            for _ in 0..<3 {
                // Two draws of one run come from one key, by their numbers; the first run was dealt ahead.
                values.append(try await session.reveal(try await draw(), to: .all)!.doubles)
            }
            let pair = try await session.reveal([try await draw(), try await draw()], to: .all)!.map(\.doubles)
            #expect(Set(values + pair).count == 5, "no two are equal")
        }
        let own = ownKeys(session.audits)
        #expect(own.map(\.count) == [Int](repeating: 4, count: parties) + [0], "one a run, and the dealer has none")
        for audit in session.audits { #expect(audit.repeated.isEmpty) }
    }

    @Test("aren't drawn where the dealer draws: it has all keys but those between two parties")
    func dealers() async throws {
        let session = try await withAuditedParties(3) { session, _ in
            let values = [
                try await session.uniform([100]), try await session.bernoulli(0.5, [100]).toReal(),
                try await session.bernoulli(0.3, [100]).toReal(),
                try await session.binomialNoise([100], trials: 4, drawnBy: .dealer),
            ]
            let drawn = try await session.reveal(values, to: .all)!
            #expect(drawn[3].doubles.allSatisfy { [-2, -1, 0, 1, 2].contains($0) })
        }
        #expect(ownKeys(session.audits).prefix(3).map(\.count) == [0, 0, 0])
    }

    @Test("are drawn once")
    func once() async throws {
        _ = try await withLocalParties(2) { session in
            let noise = try await session.binomialNoise([4], trials: 2)
            _ = try await session.reveal(noise, to: .all)
            let error = await #expect(throws: CrypTenError.self) { try await session.reveal(noise, to: .all) }
            #expect(error?.code == .invalidArgument)
        }
    }

    @Test("cost what is documented, by the transport's counters", arguments: [2, 3])
    func costs(parties: Int) async throws {
        let count = 100_000
        /// Rounds, and bytes opened to each other party and dealt for each element.
        func expect(
            _ rounds: Int,
            _ opened: Double,
            _ dealt: Double,
            location: SourceLocation = #_sourceLocation,
            _ make: @escaping @Sendable (Session) async throws -> CrypTensor
        ) async throws {
            let spent = try await CostTests.spent(parties: parties, make)
            #expect(spent.rounds == rounds, sourceLocation: location)
            let bytes = [spent.bytes / (parties - 1), spent.dealerBytes].map { Double($0) / Double(count) }
            // Headers of frames, 64 bytes, and planes filled up to whole words come on top.
            for (got, want) in zip(bytes, [opened, dealt]) {
                #expect(got >= want && got <= want * 1.0006 + 0.003, sourceLocation: location)
            }
        }
        try await expect(1, 2, 128) { try await $0.uniform([count], drawnBy: .everyone) }
        try await expect(1, 0.125, 0) { try await $0.bernoulli(0.5, [count], drawnBy: .everyone) }
        try await expect(3, 3, 7.375) { try await $0.bernoulli(0.3, [count], drawnBy: .everyone) }
        try await expect(1, 8, 512) { try await $0.binomialNoise([count], trials: 64) }
        try await expect(0, 0, 8) { try await $0.uniform([count]) }
        // An input is masked in the round in which bits are drawn.
        let noisy = try await CostTests.spent(parties: parties) { session in
            let x = try await session.input(from: .party(0), shape: [count]) {
                Tensor([Double](repeating: 1, count: count), shape: [count])
            }
            return x + (try await session.binomialNoise([count], trials: 8))
        }
        #expect(noisy.rounds == 1)
    }

    @Test("take one round more as normal numbers, 16 in all, and as many as the dealer's where others wait anyway")
    func normalRounds() async throws {
        let rounds = try await withLocalParties(2) { session -> [Int] in
            var rounds: [Int] = []
            for source in [RandomSource.dealer, .everyone] {
                let before = try await session.statistics
                _ = try await session.evaluate([try await session.normal([4], drawnBy: source)])
                rounds.append((try await session.statistics - before).rounds)
            }
            return rounds
        }[0]
        #expect(rounds == [15, 16])
    }

    @Test("are followed by a check in the clear, step by step")
    func checked() async throws {
        let reports = try await withInsecureCheckedParties(3) { session in
            let shape: Shape = [130]
            let x = try await session.input(from: .party(0), shape: shape) {
                Tensor((0..<130).map { Double($0) / 64 }, shape: shape)
            }
            let uniform = try await session.uniform(shape, drawnBy: .everyone)
            let bits = try await session.bernoulli(0.3, shape, drawnBy: .everyone)
            let noise = try await session.binomialNoise(shape, trials: 2000, scale: 0.5)
            return try await session.check(`where`(bits, x * uniform, x) + noise)
        }
        for report in reports {
            #expect(report.violation == nil)
            #expect(report.layers.allSatisfy { $0.largestError < 1e-4 })
            let values = try #require(report.values?.first).doubles
            #expect(values.allSatisfy { abs($0) < 502.1 })
        }
    }

    @Test("of binomial noise are refused before anything is sent, where there is no such noise")
    func refusals() async throws {
        let claims: [(trials: Int, scale: Double, name: String)] = [
            (3, 1, "3 trials"), (0, 1, "0 trials"), (65_538, 1, "65538"), (4, 0, "0.0"), (4, -1, "-1.0"),
            (4, 0.3, "0.3"), (4, .nan, "nan"), (4, .infinity, "inf"), (4, 0x1p29, "5"), (4, 0x1p-17, "2^-16"),
        ]
        _ = try await withLocalParties(2) { session in
            for claim in claims {
                let error = await #expect(throws: CrypTenError.self) {
                    let noise = try await session.binomialNoise([2], trials: claim.trials, scale: claim.scale)
                    _ = try await session.reveal(noise, to: .all)
                }
                #expect(error?.code == .invalidArgument)
                #expect(error?.message.contains(claim.name) == true, "\(error?.message ?? "")")
            }
            #expect(try await session.statistics.onlineBytes == 0)
            // The session goes on.
            let noise = try await session.binomialNoise([2], trials: 65_536, scale: 0x1p-16)
            #expect(try await session.reveal(noise, to: .all)!.doubles.allSatisfy { abs($0) <= 0.5 })
        }
    }
}
