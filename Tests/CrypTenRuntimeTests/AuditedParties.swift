import CrypTenBase
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation
import _CrypTenTestSupport

/// What a session has left behind that its parties don't see.
struct AuditedSession<Result: Sendable>: Sendable {
    /// What each party's program returned.
    var results: [Result]
    /// What each role has expanded, the dealer last.
    var audits: [ExpansionAudit]
    /// The dealer's counters.
    var dealer: TransportStatistics
}

/// Runs one program as several parties and a dealer, as `withLocalParties` does, with their expansions written down and
/// their transports' counters in reach.
func withAuditedParties<Result: Sendable>(
    _ parties: Int,
    configuration: SessionConfiguration = SessionConfiguration(),
    _ body: @escaping @Sendable (Session, any Transport) async throws -> Result
) async throws -> AuditedSession<Result> {
    let audits = (0...parties).map { _ in ExpansionAudit() }
    let mesh = try MemoryTransport.mesh(parties: parties, session: "audited", parameters: configuration.agreement)
    @Sendable func kernels(_ role: Int) -> AuditingKernels {
        AuditingKernels(NativeKernels(threads: 1), audit: audits[role])
    }
    let dealer = Task.detached {
        try await runOnThread {
            try Dealer(transport: mesh.dealer, kernels: kernels(parties), configuration: configuration).serve()
        }
    }
    let results = try await withThrowingTaskGroup(of: (Int, Result).self) { group in
        for (party, transport) in mesh.parties.enumerated() {
            group.addTask {
                let session = try Session(
                    transport: transport,
                    kernels: kernels(party),
                    configuration: configuration
                )
                let result = await Swift.Result { try await body(session, transport) }
                if case .failure(let error) = result { session.abort(CrypTenError(.partyFailed, "\(error)")) }
                await session.close()
                return (party, try result.get())
            }
        }
        return try await group.reduce(into: [Result?](repeating: nil, count: parties)) { $0[$1.0] = $1.1 }
    }
    try await dealer.value
    return AuditedSession(results: results.compactMap { $0 }, audits: audits, dealer: mesh.dealer.statistics)
}

extension Swift.Result where Failure == any Error {
    /// What `body` returns or throws.
    fileprivate init(_ body: () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}

/// Runs blocking work on a thread of its own.
private func runOnThread(_ body: @escaping @Sendable () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        Thread { continuation.resume(with: Result(catching: body)) }.start()
    }
}
