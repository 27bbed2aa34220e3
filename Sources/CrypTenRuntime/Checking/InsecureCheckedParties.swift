import CrypTenBase
public import CrypTenExpressions
import CrypTenPlanning
import CrypTenRing
import Foundation

/// Runs one program as several parties and a dealer, or as two parties without one, threads of this process, and follows every run in the clear: no
/// number that leaves its range goes unnoticed.
///
/// In the ring a number that grows too large becomes another one, and nobody can see that, for it is secret. Here all parties
/// put what they have into one object in memory, where each run is followed in exact integers, step by step, and held against
/// the same expression in double. `reveal` and `evaluate` throw `.outOfRange` at every party when a value left the range in
/// which what reads it is right; the message names the layer, the operation, the place and the value:
///
///     conv2 / convolution with sums: 91234567.5 at [0, 3, 5, 5] is outside ±2^26 = 67108864, where conv2 / truncation …
///
/// They throw it as well when a result is further from the true function, in double and of unrounded inputs, than is documented of the
/// operations that it is made of. The results of such a run are given up, and the session goes on.
/// ``Session/check(_:revealingTo:wantedError:)`` reports instead, for each value and layer. What is sent, rounds and bytes, is what it
/// is without the check. Where parties make the correlations, what the run is made of is followed, too: that they subtract the same of a mask whose bits
/// are read, and that what comes of it is right.
///
/// ```swift
/// let reports = try await withInsecureCheckedParties(2) { session in
///     let x = try await session.input(from: .party(0)) { Tensor([1, 2, 3], shape: [3]) }
///     return try await session.check(sigmoid(x * x))
/// }
/// print(reports[0].layers)
/// ```
///
/// > Warning: Nothing is secret here: values stand in error messages and reports. This call is the only way to such a session, and
/// > its parties are threads of the caller's process, joined by memory. No member of ``SessionConfiguration`` turns it on, and a
/// > session that connects to others has no checker and no message for one; so no party can be talked into it.
///
/// - Parameters:
///   - count: How many parties, 2 to 64.
///   - configuration: The same for all of them; without a number of threads they divide the machine's processors.
///   - comparesResults: Whether results are held against the true function, too. Of training that says little: what a step keeps differs
///     from what it would be in double, and the next step begins with it.
///   - body: The program, run once for each party with its own session.
/// - Returns: What each party's program returned, in the parties' order.
/// - Throws: as `withLocalParties`.
/// - Complexity: beside the run, the same computation in the clear, once more in double, and a comparison of all values. In memory
///   what the expression's operations yield in double.
public func withInsecureCheckedParties<Result: Sendable>(
    _ count: Int,
    configuration: SessionConfiguration = SessionConfiguration(),
    comparesResults: Bool = true,
    _ body: @escaping @Sendable (Session) async throws -> Result
) async throws -> [Result] {
    let threads = configuration.threads ?? max(1, ProcessInfo.processInfo.activeProcessorCount / max(1, count))
    let checker = InsecureRunChecker(
        parties: count,
        kernels: NativeKernels(threads: threads),
        comparesResults: comparesResults
    )
    return try await runLocalParties(count, configuration: configuration, checker: checker, body)
}

extension Session {
    /// Reveals expressions as one plan, in a session of ``withInsecureCheckedParties(_:configuration:comparesResults:_:)``, and reports how far
    /// each value is from the same expression in the clear, and how much room it has.
    ///
    /// Every party calls this, and every party gets the same report.
    ///
    /// - Parameters:
    ///   - expressions: What to run.
    ///   - recipients: Who gets `values`.
    ///   - wantedError: How far outputs may be from the true ones without being reported, as a part of their largest number.
    /// - Returns: What was found; what is wrong is the report's `violations`, and not thrown.
    /// - Throws: as `reveal`, but for `.outOfRange` of values in between; `.invalidArgument` in any other session.
    public func check(
        _ expressions: CrypTensor...,
        revealingTo recipients: Recipients = .all,
        wantedError: Double = CheckReport.usualWantedError
    ) async throws -> CheckReport {
        try await check(expressions, revealingTo: recipients, wantedError: wantedError)
    }

    /// Reveals expressions as one plan, and reports on it.
    ///
    /// - Throws: as for expressions that are listed.
    public func check(
        _ expressions: [CrypTensor],
        revealingTo recipients: Recipients = .all,
        wantedError: Double = CheckReport.usualWantedError
    ) async throws -> CheckReport {
        let nodes = expressions.map(\.node)
        return try await perform { state in
            try state.check(nodes.map { ($0, .reveal(to: recipients.party)) }, wanted: wantedError)
        }
    }
}
