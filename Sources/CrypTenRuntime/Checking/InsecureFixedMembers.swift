import CrypTenBase
package import CrypTenRing
import CrypTenTransport
import Foundation

/// What came of a session whose members' secrets are the same each time, so that whatever they send is, too.
///
/// > Warning: Nothing is secret in such a session: everybody can compute what masks are drawn from. It's for programs whose numbers follow from a
/// > seed, which are run twice to see whether two kinds of kernels send the same.
package struct InsecureFixedMembers<Result: Sendable>: Sendable {
    /// What each party's program returned.
    package var results: [Result]
    /// What went over each link: SHA-256 of all frames but grants of credit, which follow the clock, with kinds, runs and rounds.
    package var transcript: [String: String]
    /// How many frames they were.
    package var frames: Int
}

/// Runs one program as several parties and a dealer, threads of this process, each on kernels of its own and with secrets that anybody can compute.
///
/// - Parameters:
///   - kernels: The parties', and the dealer's behind them.
///   - slabBits: What members agree on.
///   - body: What each party runs.
/// - Returns: The results, and what went over each link.
/// - Throws: what the first party throws, or the dealer.
package func withInsecureFixedMembers<Result: Sendable>(
    _ kernels: [any Kernels],
    slabBits: Int = SessionConfiguration().slabBits,
    _ body: @escaping @Sendable (Session) async throws -> Result
) async throws -> InsecureFixedMembers<Result> {
    let parties = kernels.count - 1
    var configuration = SessionConfiguration()
    configuration.insecureSalt = [UInt8](repeating: 7, count: 32)
    configuration.slabBits = slabBits
    let agreed = configuration
    let mesh = try MemoryTransport.mesh(parties: parties, session: "fixed", parameters: configuration.agreement)
    let transports = (mesh.parties + [mesh.dealer]).map { InsecureFixedTransport($0) }
    let dealer = Task.detached {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Thread.detachNewThread {
                continuation.resume(
                    with: Swift.Result {
                        let transport = transports[parties]
                        try Dealer(transport: transport, kernels: kernels[parties], configuration: agreed).serve()
                    }
                )
            }
        }
    }
    let results = try await withThrowingTaskGroup(of: (Int, Result).self) { group in
        for party in 0..<parties {
            group.addTask {
                let session = try Session(
                    transport: transports[party],
                    kernels: kernels[party],
                    configuration: agreed
                )
                do {
                    let result = try await body(session)
                    await session.close()
                    return (party, result)
                } catch {
                    session.abort(CrypTenError(failure: error, of: .party(session.party)))
                    await session.close()
                    throw error
                }
            }
        }
        return try await group.reduce(into: [(Int, Result)]()) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
    try await dealer.value
    return InsecureFixedMembers(
        results: results,
        transcript: transports.reduce(into: [:]) { $0.merge($1.transcript) { first, _ in first } },
        frames: transports.reduce(0) { $0 + $1.frames }
    )
}
