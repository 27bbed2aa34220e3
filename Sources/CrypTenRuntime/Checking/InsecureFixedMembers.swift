package import CrypTenRing
import CrypTenTransport

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
    var configuration = SessionConfiguration()
    configuration.insecureSalt = [UInt8](repeating: 7, count: 32)
    configuration.slabBits = slabBits
    let transports = try MemoryTransport.members(of: "fixed", kernels, configuration).map { InsecureFixedTransport($0) }
    let results = try await withMembers(transports, kernels, configuration: configuration, body)
    return InsecureFixedMembers(
        results: results,
        transcript: transports.reduce(into: [:]) { $0.merge($1.transcript) { first, _ in first } },
        frames: transports.reduce(0) { $0 + $1.frames }
    )
}
