import CrypTenBase
import CrypTenRing
import CrypTenTransport

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
    let transports = try MemoryTransport.members(of: "local", kernels, configuration)
    return try await runMembers(transports, kernels, configuration: configuration, checker: checker, body)
}

extension SessionConfiguration {
    /// What must be equal at all members: compared when they connect.
    package var agreement: String {
        "fraction bits \(fractionBits), slab bits \(slabBits)" + (correlations == .parties ? ", no dealer" : "")
    }
}
