import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation
import Testing
import _CrypTenTestSupport

@Suite("Every random word serves one purpose, once")
struct WordsUsedOnceTests {
    /// A session whose expansions are written down: held weights, a plan that is run again and again, others between.
    private func session(_ name: String, parties: Int) async throws -> [ExpansionAudit] {
        let audits = (0...parties).map { _ in ExpansionAudit() }
        let configuration = SessionConfiguration()
        let mesh = try MemoryTransport.mesh(parties: parties, session: name, parameters: configuration.agreement)
        @Sendable func kernels(_ role: Int) -> AuditingKernels {
            AuditingKernels(NativeKernels(threads: 1), audit: audits[role])
        }
        let dealer = Task.detached {
            try await runOnThread {
                try Dealer(transport: mesh.dealer, kernels: kernels(parties), configuration: configuration).serve()
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (party, transport) in mesh.parties.enumerated() {
                group.addTask {
                    let session = try Session(
                        transport: transport,
                        kernels: kernels(party),
                        configuration: configuration
                    )
                    try await program(session)
                    await session.close()
                }
            }
            try await group.waitForAll()
        }
        try await dealer.value
        return audits
    }

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

    @Test("within a session, by every role, whatever plans are cached or weights updated", arguments: [2, 3])
    func once(parties: Int) async throws {
        let first = try await session("first", parties: parties)
        for (role, audit) in first.enumerated() {
            #expect(audit.repeated.isEmpty, "role \(role) expanded \(audit.repeated.count) streams twice")
            #expect(audit.count > 30, "the audit saw the session")
        }
        // The same program in a new session has other keys.
        let second = try await session("first", parties: parties)
        for (one, other) in zip(first, second) { #expect(one.keys.isDisjoint(with: other.keys)) }
    }
}

/// Runs blocking work on a thread of its own.
private func runOnThread(_ body: @escaping @Sendable () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        Thread { continuation.resume(with: Result(catching: body)) }.start()
    }
}
