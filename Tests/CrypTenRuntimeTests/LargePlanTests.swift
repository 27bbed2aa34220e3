import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing
import _CrypTenTestSupport

/// One plan that is larger than any counter of names would be if it were too narrow: over 1,024 steps, over 64 streams in
/// one stage, several slabs of elements, several threads. Every word of every role is written down and used once.
@Suite("Words of a large plan")
struct LargePlanTests {
    /// What a stream's number says: which step draws it, in which stage, as which one there.
    private struct Name {
        var step: UInt64
        var stage: UInt64
        var count: UInt64

        init(_ number: UInt64) {
            (step, stage, count) = (number >> 32, number >> 24 & 0xFF, number & 0xFF_FFFF)
        }
    }

    private static let small = 64
    /// Three slabs, the last one short, with a tail.
    private static let large = 2 * (1 << 15) + 4161
    private static let turns = 400

    /// A polynomial of whole numbers: one stage is dealt a stream for each power from the second on, and each slab.
    private static let coefficients = (0..<32).map { Double($0 % 5) - 1 }

    @Sendable private static func numbers(_ count: Int, seed: UInt64) -> [Double] {
        var random = TestRandom(seed: seed)
        return (0..<count).map { _ in Double(Int64(random.next() % 400) - 200) / 64 }
    }

    /// A chain of many steps, a polynomial of many powers, and long vectors: one plan.
    @Sendable private static func program(_ session: Session) async throws -> [Tensor] {
        let x = try await session.input(from: .party(0), shape: [small]) {
            Tensor(numbers(small, seed: 1), shape: [small])
        }
        let w = try await session.input(from: .party(1), shape: [small]) {
            Tensor([Double](repeating: 0.5, count: small), shape: [small])
        }
        let long = try await session.input(from: .party(1), shape: [large]) {
            Tensor(numbers(large, seed: 2), shape: [large])
        }
        var chain = x
        for _ in 0..<turns { chain = relu(chain * w) + w }
        let results = try await session.reveal(
            [chain, (long .> 0).toReal().polynomial(coefficients), relu(long * long)],
            to: .party(0)
        )
        return results ?? []
    }

    private static func expectRight(_ results: [Tensor]) {
        guard results.count == 3 else {
            Issue.record("three results")
            return
        }
        var chain = numbers(small, seed: 1)
        for _ in 0..<turns { chain = chain.map { max($0 * 0.5, 0) + 0.5 } }
        let wants = [
            chain,
            numbers(large, seed: 2).map { $0 > 0 ? coefficients.reduce(0, +) : coefficients[0] },
            numbers(large, seed: 2).map { $0 * $0 },
        ]
        for (result, want) in zip(results, wants) {
            let error = zip(result.doubles, want).map { abs($0 - $1) }.max() ?? 0
            #expect(error < 0.01)
        }
    }

    @Test("are used once, by every role", arguments: [2, 3])
    func once(parties: Int) async throws {
        let session = try await auditParties(parties, threads: 3) { session, _ in
            try await Self.program(session)
        }.get()
        Self.expectRight(session.results[0])
        for (role, audit) in session.audits.enumerated() {
            #expect(audit.repeated.isEmpty, "role \(role) expanded \(audit.repeated.count) streams twice")
        }
        let names = try #require(session.audits.last).streams.map { Name($0.number) }
        #expect(names.contains { $0.step > 1024 }, "over 1,024 steps")
        #expect(names.contains { $0.count >= 64 }, "over 64 streams in one stage")
        #expect(names.contains { $0.stage > 1 })
        #expect(names.contains { $0.count == 2 && $0.step > 0 && $0.step < 1 << 20 }, "several slabs")
    }

    /// Counters that are too narrow, in all roles alike: results stay right, and only the audit sees it.
    static let mutants: [(name: String, kept: UInt64)] = [
        ("a stage's streams are counted modulo 64", ~0xFF_FFC0),
        ("steps are counted modulo 1,024", ~(0x7FFF_FC00 << 32)),
        ("a step's stages have the same streams", ~(0xFF << 24)),
        ("a stage has one stream of each kind", ~0xFF_FFFF),
    ]

    @Test("that are used twice because a counter wraps are seen", arguments: mutants.indices)
    func wraps(index: Int) async throws {
        let mutant = Self.mutants[index]
        var caught = 0
        for _ in 0..<Turns.mutants {
            // Keys are new in each session.
            let session = try await auditParties(
                2,
                threads: 3,
                changing: { _ in
                    { stream in
                        var stream = stream
                        stream.number &= mutant.kept
                        return .stream(stream)
                    }
                },
                { session, _ in try await Self.program(session) }
            ).get()
            Self.expectRight(session.results[0])
            let isSeen = session.audits.contains { !$0.repeated.isEmpty }
            #expect(isSeen)
            if isSeen { caught += 1 }
        }
        Turns.report(mutant.name, caught: caught, by: "LargePlanTests")
    }
}
