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

/// How each member of a session ended.
struct AuditedOutcome<Result: Sendable>: Sendable {
    /// What each party's program returned or threw.
    var results: [Swift.Result<Result, any Error>]
    /// What each role has expanded, the dealer last.
    var audits: [ExpansionAudit]
    /// The dealer's counters, or what it threw.
    var dealer: Swift.Result<TransportStatistics, any Error>

    /// The session, if all went well.
    func get() throws -> AuditedSession<Result> {
        AuditedSession(results: try results.map { try $0.get() }, audits: audits, dealer: try dealer.get())
    }
}

/// Runs one program as several parties and a dealer, as `withLocalParties` does, with their expansions written down and
/// their transports' counters in reach.
func withAuditedParties<Result: Sendable>(
    _ parties: Int,
    configuration: SessionConfiguration = SessionConfiguration(),
    _ body: @escaping @Sendable (Session, any Transport) async throws -> Result
) async throws -> AuditedSession<Result> {
    try await auditParties(parties, configuration: configuration, body).get()
}

/// The same, whatever becomes of the members.
///
/// - Parameters:
///   - audits: Where each role's expansions are written down, the dealer's last; nil: a new audit for each.
///   - recording: Puts something between a member and its transport.
///   - change: By role, what becomes of the streams that it expands.
func auditParties<Result: Sendable>(
    _ parties: Int,
    configuration: SessionConfiguration = SessionConfiguration(),
    threads: Int = 1,
    audits: [ExpansionAudit]? = nil,
    recording: (any Transport) -> any Transport = { $0 },
    changing change: (@Sendable (Int) -> (@Sendable (ExpansionAudit.Stream) -> AuditingKernels.Change?)?)? = nil,
    _ body: @escaping @Sendable (Session, any Transport) async throws -> Result
) async throws -> AuditedOutcome<Result> {
    let audits = audits ?? (0...parties).map { _ in ExpansionAudit() }
    let mesh = try MemoryTransport.mesh(parties: parties, session: "audited", parameters: configuration.agreement)
    let (transports, dealerTransport) = (mesh.parties.map(recording), recording(mesh.dealer))
    @Sendable func kernels(_ role: Int) -> AuditingKernels {
        AuditingKernels(NativeKernels(threads: threads), audit: audits[role], changing: change?(role))
    }
    let dealer = Task.detached {
        try await runOnThread {
            try Dealer(transport: dealerTransport, kernels: kernels(parties), configuration: configuration).serve()
        }
    }
    typealias Ended = (party: Int, result: Swift.Result<Result, any Error>)
    let results = try await withThrowingTaskGroup(of: Ended.self) { group in
        for (party, transport) in transports.enumerated() {
            group.addTask {
                let session = try Session(
                    transport: transport,
                    kernels: kernels(party),
                    configuration: configuration
                )
                let result = await Swift.Result { try await body(session, transport) }
                if case .failure(let error) = result { session.abort(CrypTenError(.partyFailed, "\(error)")) }
                await session.close()
                return (party, result)
            }
        }
        return try await group.reduce(into: [Ended]()) { $0.append($1) }.sorted { $0.party < $1.party }.map(\.result)
    }
    let served = await dealer.result
    return AuditedOutcome(results: results, audits: audits, dealer: served.map { dealerTransport.statistics })
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
