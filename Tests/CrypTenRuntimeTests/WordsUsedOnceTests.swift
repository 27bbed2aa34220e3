import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing
import _CrypTenTestSupport

@Suite("Every random word serves one purpose, once")
struct WordsUsedOnceTests {
    /// Held weights, a plan that is run again and again, others between.
    @Sendable private func program(_ session: Session) async throws {
        var w = try await session.hold([
            session.input(from: .party(1), shape: [8, 8]) {
                Tensor([Double](repeating: 0.25, count: 64), shape: [8, 8])
            }
        ])[0]
        for step in 0..<4 {
            let x = try await session.input(from: .party(0), shape: [3, 8]) {
                Tensor([Double](repeating: Double(step), count: 24), shape: [3, 8])
            }
            // The same form each time: one plan, cached after the first run.
            _ = try await session.reveal(relu(x.matmul(w)), to: .party(0))
            // The same input again, in another plan.
            _ = try await session.reveal(sigmoid(x).max(axis: 1), to: .all)
            // An updated weight is a new value.
            w = try await session.evaluate([w - w * 0.125])[0]
        }
    }

    /// Runs that were dealt ahead: of one plan and of another, used up, left over, given up, with ordinary ones between.
    @Sendable private func preparedProgram(_ session: Session) async throws {
        let w = try await session.hold([
            session.input(from: .party(1), shape: [8, 8]) {
                Tensor([Double](repeating: 0.25, count: 64), shape: [8, 8])
            }
        ])[0]
        func product(_ x: CrypTensor) -> CrypTensor { relu(x.matmul(w)) }
        let ahead = try await session.placeholder(from: .party(0), shape: [3, 8])
        try await session.prepare([product(ahead)], revealingTo: .party(0), runs: 3)
        try await session.prepareEvaluation(of: [sigmoid(ahead)], runs: 2)
        for step in 0..<5 {
            let x = try await session.input(from: .party(0), shape: [3, 8]) {
                Tensor([Double](repeating: Double(step), count: 24), shape: [3, 8])
            }
            _ = try await session.reveal(product(x), to: .party(0))
            _ = try await session.reveal(product(x), to: .all)
            let kept = try await session.evaluate([sigmoid(x)])[0]
            _ = try await session.reveal(kept * kept, to: .all)
            if step == 1 { try await session.prepare([product(ahead)], revealingTo: .all, runs: 2) }
            if step == 2 { try await session.prepare([product(ahead)], revealingTo: .party(0), runs: 4) }
        }
        #expect(try await session.statistics.preparedRuns == 2, "two are left over")
        try await session.release([w])
        #expect(try await session.statistics.preparedRuns == 0, "and go with what they read")
        // What is released is told to the dealer with this request.
        let last = try await session.input(from: .party(0), shape: [1]) { Tensor([1.0], shape: [1]) }
        _ = try await session.reveal(last * last, to: .all)
    }

    @Test("within a session, by every role, whatever plans are cached or weights updated", arguments: [2, 3])
    func once(parties: Int) async throws {
        try await expectOnce(parties: parties, program)
    }

    @Test("within a session, by every role, whether runs are dealt ahead or not", arguments: [2, 3])
    func onceDealtAhead(parties: Int) async throws {
        try await expectOnce(parties: parties, preparedProgram)
    }

    private func expectOnce(
        parties: Int,
        _ program: @escaping @Sendable (Session) async throws -> Void
    ) async throws {
        let first = try await withAuditedParties(parties) { session, _ in try await program(session) }.audits
        for (role, audit) in first.enumerated() {
            #expect(audit.repeated.isEmpty, "role \(role) expanded \(audit.repeated.count) streams twice")
            #expect(audit.count > 30, "the audit saw the session")
        }
        // The same program in a new session has other keys.
        let second = try await withAuditedParties(parties) { session, _ in try await program(session) }.audits
        for (one, other) in zip(first, second) { #expect(one.keys.isDisjoint(with: other.keys)) }
    }
}
