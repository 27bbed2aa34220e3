package import CrypTenSharing
import NIOConcurrencyHelpers

/// The requests that wait at this party, with who waits for their answers.
package final class WaitingRequests: Sendable {
    /// This party's part of an answer.
    package struct Answer: Sendable {
        package var outputs: [InferenceReply.Output]
        /// What binds the run.
        package var binding: [UInt8]
    }

    private struct State {
        var table: RequestTable
        var continuations: [RequestKey: CheckedContinuation<Answer, any Error>] = [:]
    }

    private let state: NIOLockedValueBox<State>
    /// Rung when something has come.
    let bell = Bell()

    init(_ table: RequestTable) {
        state = NIOLockedValueBox(State(table: table))
    }

    /// Takes a request in, and waits for its answer.
    ///
    /// - Throws: ``DoorRefusal``: at once, or what becomes of it later.
    package func answer(_ request: AdmittedRequest) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            do {
                try state.withLockedValue { state in
                    try state.table.admit(request, at: .now)
                    state.continuations[request.key] = continuation
                }
                bell.ring()
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// Looks at the table, or changes it.
    package func withTable<Result>(_ body: (inout RequestTable) throws -> Result) rethrows -> Result {
        try state.withLockedValue { try body(&$0.table) }
    }

    /// Answers a request that was taken out of the table.
    func finish(_ key: RequestKey, _ result: Swift.Result<Answer, any Error>) {
        state.withLockedValue { $0.continuations.removeValue(forKey: key) }?.resume(with: result)
    }

    /// Refuses requests that were taken out of the table.
    func refuse(_ requests: [AdmittedRequest], _ code: DoorRefusal.Code, _ message: String) {
        for request in requests { finish(request.key, .failure(DoorRefusal(code, message))) }
    }

    /// Refuses what has waited too long.
    func expire() {
        let late = withTable { $0.expired(at: .now) }
        refuse(
            late,
            .incomplete,
            "the parts of this request didn't come to all parties in time: ask anew, of all of them at once"
        )
    }
}
