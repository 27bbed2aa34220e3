package import CrypTenBase
import NIOConcurrencyHelpers

/// How one thread ends what another one waits in: a connection being made, a listener without a caller, a session.
///
/// It happens once, and is remembered: what begins to wait afterwards ends at once.
package final class Interruption: Sendable {
    private struct State {
        var error: CrypTenError?
        var calls: [@Sendable (CrypTenError) -> Void] = []
    }

    private let state = NIOLockedValueBox(State())

    /// One that hasn't happened.
    package init() {}

    /// What it was for; nil as long as it hasn't happened.
    package var error: CrypTenError? {
        state.withLockedValue(\.error)
    }

    /// Throws what it was for, if it has happened.
    package func check() throws {
        if let error { throw error }
    }

    /// Ends what waits, and what will wait; the first error stays.
    package func interrupt(_ error: CrypTenError) {
        let calls = state.withLockedValue { state in
            defer { state.calls = [] }
            if state.error == nil { state.error = error }
            return state.calls
        }
        for call in calls { call(error) }
    }

    /// Calls `end` when it happens, on the thread that makes it happen, or now if it has happened already.
    package func onInterrupt(_ end: @escaping @Sendable (CrypTenError) -> Void) {
        let error = state.withLockedValue { state in
            if state.error == nil { state.calls.append(end) }
            return state.error
        }
        if let error { end(error) }
    }
}
