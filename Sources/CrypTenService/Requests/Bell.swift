import NIOConcurrencyHelpers

/// What one task waits for, at most a while, and others ring.
final class Bell: Sendable {
    private struct State {
        var isRung = false
        var waiter: (number: Int, continuation: CheckedContinuation<Void, Never>)?
        var count = 0
        /// The last whose time was over before it began to wait.
        var stopped = 0
    }

    private let state = NIOLockedValueBox(State())

    /// Wakes who waits, or makes the next who does go on at once.
    func ring() {
        let waiter = state.withLockedValue { state in
            defer { state.waiter = nil }
            state.isRung = state.waiter == nil
            return state.waiter
        }
        waiter?.continuation.resume()
    }

    /// Waits until it is rung, or for so long.
    func wait(atMost duration: Duration) async {
        guard duration > .zero else { return }
        let number = state.withLockedValue { state in
            state.count += 1
            return state.count
        }
        let timer = Task {
            try? await Task.sleep(for: duration)
            stop(number)
        }
        await withCheckedContinuation { continuation in
            let goesOn = state.withLockedValue { state in
                if state.isRung || state.stopped >= number {
                    state.isRung = false
                    return true
                }
                state.waiter = (number, continuation)
                return false
            }
            if goesOn { continuation.resume() }
        }
        timer.cancel()
    }

    private func stop(_ number: Int) {
        let waiter = state.withLockedValue { state -> CheckedContinuation<Void, Never>? in
            guard let waiter = state.waiter, waiter.number == number else {
                state.stopped = max(state.stopped, number)
                return nil
            }
            state.waiter = nil
            return waiter.continuation
        }
        waiter?.resume()
    }
}
