import CrypTenBase
import CrypTenRing
import CrypTenTransport
import Foundation

/// Runs one program as several parties and a dealer, or two parties without one, threads of this process: for tests, tutorials and experiments.
///
/// > Note: All parties' data are in one process; use processes or machines where they must not be.
///
/// - Parameters:
///   - count: How many parties, 2 to 64.
///   - configuration: The same for all of them; without a number of threads they divide the machine's processors. A device is shared by all.
///   - body: The program, run once for each party with its own session.
/// - Returns: What each party's program returned, in the parties' order.
/// - Throws: `.invalidArgument` for fewer than 2 parties or more than 64, and for more than two without a dealer; the error of the first party that failed, where
///   the others end as soon as they notice.
public func withLocalParties<Result: Sendable>(
    _ count: Int,
    configuration: SessionConfiguration = SessionConfiguration(),
    _ body: @escaping @Sendable (Session) async throws -> Result
) async throws -> [Result] {
    try await runLocalParties(count, configuration: configuration, checker: nil, body)
}

/// What `withLocalParties` does, with a checker that all parties tell what they have, or without.
func runLocalParties<Result: Sendable>(
    _ count: Int,
    configuration: SessionConfiguration,
    checker: InsecureRunChecker?,
    _ body: @escaping @Sendable (Session) async throws -> Result
) async throws -> [Result] {
    guard (2...64).contains(count) else {
        throw CrypTenError(.invalidArgument, "\(count) local parties; choose 2 to 64")
    }
    try configuration.check()
    try configuration.check(parties: count)
    // Each has its own, so that what fails at one member is told by it.
    let kernels = try (0...count).map { _ in try configuration.kernels(sharedBy: count) }
    let members = try localMembers(count, configuration)
    let dealerThread = EngineThread(name: "crypten dealer")
    return try await withThrowingTaskGroup(of: (Int, Result)?.self) { group in
        if let dealer = members.dealer {
            group.addTask {
                let interruption = Interruption()
                interruption.onInterrupt { dealer.abort($0) }
                return try await interruption.ifCancelled {
                    try await dealerThread.run {
                        try Dealer(transport: dealer, kernels: kernels[count], configuration: configuration).serve()
                    }
                    return nil
                }
            }
        }
        for (party, transport) in members.parties.enumerated() {
            group.addTask {
                let session = try Session(
                    transport: transport,
                    kernels: kernels[party],
                    configuration: configuration,
                    checker: checker
                )
                do {
                    let result = try await body(session)
                    await session.close()
                    return (session.party.index, result)
                } catch {
                    let isCancelled = error is CancellationError
                    session.abort(
                        isCancelled
                            ? CrypTenError(.cancelled, "cancelled by its caller")
                            : CrypTenError(failure: error, of: .party(session.party))
                    )
                    await session.close()
                    throw error
                }
            }
        }
        var results = [Result?](repeating: nil, count: count)
        var failure: (any Error)?
        while let outcome = await group.nextResult() {
            switch outcome {
            case .success(let pair):
                if let pair { results[pair.0] = pair.1 }
            case .failure(let error):
                // Who failed first is told by the error that doesn't speak of another party.
                if failure.map({ !isPrimary($0) && isPrimary(error) }) ?? true { failure = error }
            }
        }
        if let failure { throw failure }
        return results.compactMap { $0 }
    }
}

/// Connected members, threads of this process.
private func localMembers(
    _ count: Int,
    _ configuration: SessionConfiguration
) throws -> (parties: [any Transport], dealer: (any Transport)?) {
    switch configuration.correlations {
    case .dealer:
        let mesh = try MemoryTransport.mesh(parties: count, session: "local", parameters: configuration.agreement)
        return (mesh.parties, mesh.dealer)
    case .parties:
        let parties = try MemoryTransport.meshWithoutDealer(
            parties: count,
            session: "local",
            parameters: configuration.agreement
        )
        return (parties, nil)
    }
}

private func isPrimary(_ error: any Error) -> Bool {
    guard let error = error as? CrypTenError else { return true }
    return ![.partyFailed, .peerLost].contains(error.code)
}

extension SessionConfiguration {
    /// What must be equal at all members: compared when they connect.
    package var agreement: String {
        "fraction bits \(fractionBits), slab bits \(slabBits)" + (correlations == .parties ? ", no dealer" : "")
    }
}
