import CrypTenBase
package import CrypTenRing
package import CrypTenTransport

extension MemoryTransport {
    /// Connects members of a session that are threads of this process: those that compute in the memory of one device hand words over.
    ///
    /// - Parameters:
    ///   - session: Its name.
    ///   - kernels: The parties', and the dealer's behind them.
    ///   - configuration: What they agree on.
    /// - Returns: The parties' transports, and the dealer's behind them, where there is one.
    /// - Throws: `.invalidArgument` for fewer than two parties.
    package static func members(
        of session: String,
        _ kernels: [any Kernels],
        _ configuration: SessionConfiguration
    ) throws -> [any Transport] {
        guard configuration.correlations == .dealer else {
            return try meshWithoutDealer(
                parties: kernels.count - 1,
                session: session,
                parameters: configuration.agreement
            )
        }
        let mesh = try mesh(
            parties: kernels.count - 1,
            session: session,
            parameters: configuration.agreement,
            memories: kernels.map { $0.memory?.identity }
        )
        return mesh.parties + [mesh.dealer]
    }
}

/// Runs one program as the members of a session whose connections stand, threads of this process.
///
/// - Parameters:
///   - transports: The parties', and the dealer's behind them, where there is one.
///   - kernels: What each of them computes with, the dealer last.
///   - configuration: The same for all of them.
///   - body: What each party runs.
/// - Returns: What each party's program returned, in the parties' order.
/// - Throws: the error of the member that failed first, where the others end as soon as they notice.
package func withMembers<Result: Sendable>(
    _ transports: [any Transport],
    _ kernels: [any Kernels],
    configuration: SessionConfiguration,
    _ body: @escaping @Sendable (Session) async throws -> Result
) async throws -> [Result] {
    try await runMembers(transports, kernels, configuration: configuration, checker: nil, body)
}

/// What `withMembers` does, with a checker that all parties tell what they have, or without.
func runMembers<Result: Sendable>(
    _ transports: [any Transport],
    _ kernels: [any Kernels],
    configuration: SessionConfiguration,
    checker: InsecureRunChecker?,
    _ body: @escaping @Sendable (Session) async throws -> Result
) async throws -> [Result] {
    let dealer = configuration.correlations == .dealer ? transports.last : nil
    let count = transports.count - (dealer == nil ? 0 : 1)
    let dealerThread = EngineThread(name: "crypten dealer")
    return try await withThrowingTaskGroup(of: (Int, Result)?.self) { group in
        if let dealer {
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
        for party in 0..<count {
            group.addTask {
                let session = try Session(
                    transport: transports[party],
                    kernels: kernels[party],
                    configuration: configuration,
                    checker: checker
                )
                do {
                    let result = try await body(session)
                    await session.close()
                    return (party, result)
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

private func isPrimary(_ error: any Error) -> Bool {
    guard let error = error as? CrypTenError else { return true }
    return ![.partyFailed, .peerLost].contains(error.code)
}
