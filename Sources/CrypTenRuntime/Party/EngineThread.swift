import Foundation
import NIOConcurrencyHelpers

/// A thread of its own for compute-bound work that also blocks: a party's engine, or the dealer's.
///
/// Work is done in the order in which it is handed in. The thread ends when this is deallocated or stopped.
final class EngineThread: Sendable {
    private final class Queue: Sendable {
        private struct State {
            var jobs: [@Sendable () -> Void] = []
            var isStopped = false
        }

        private let state = ConditionLockBox(State())

        func add(_ job: @escaping @Sendable () -> Void) {
            state.update { $0.jobs.append(job) }
        }

        func stop() {
            state.update { $0.isStopped = true }
        }

        func work() {
            while true {
                let job = state.wait { state -> (@Sendable () -> Void)?? in
                    if !state.jobs.isEmpty { return .some(state.jobs.removeFirst()) }
                    return state.isStopped ? .some(nil) : nil
                }
                guard let job else { return }
                job()
            }
        }
    }

    private let queue = Queue()
    private let replies = Replies()

    init(name: String) {
        let queue = queue
        let thread = Thread {
            // From within: before the thread runs the system doesn't learn the name.
            Thread.current.name = name
            queue.work()
        }
        // Deep graphs are walked without recursion; kernels need little. Eight times the default leaves room.
        thread.stackSize = 8 << 20
        thread.start()
    }

    deinit {
        queue.stop()
    }

    /// Runs `body` on the thread and waits for it without blocking the caller's.
    func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        let replies = replies
        return try await withCheckedThrowingContinuation { continuation in
            queue.add {
                let result = Swift.Result(catching: body)
                replies.add { continuation.resume(with: result) }
            }
        }
    }
}

/// What callers are told, by a thread of the system's pool.
///
/// To resume a continuation takes a record of the pool, which the thread that runs the caller next keeps for records of its
/// own. From a thread outside the pool each would be a new one, all over that thread's memory, until the pool has enough of
/// them: a thousand a thread. A long session's memory would grow for nothing.
private final class Replies: Sendable {
    private let waiting = NIOLockedValueBox<[@Sendable () -> Void]>([])
    // What it is asked to do from several threads, the system allows.
    private nonisolated(unsafe) let source = DispatchSource.makeUserDataAddSource(queue: .global())

    init() {
        source.setEventHandler { [waiting] in
            let replies = waiting.withLockedValue { waiting in
                defer { waiting = [] }
                return waiting
            }
            for reply in replies { reply() }
        }
        source.activate()
    }

    deinit {
        source.cancel()
    }

    func add(_ reply: @escaping @Sendable () -> Void) {
        // Whoever waits is told, even if the engine's thread has gone by then.
        waiting.withLockedValue { $0.append { withExtendedLifetime(self, reply) } }
        source.add(data: 1)
    }
}

/// A value behind a lock, with waiting for it to change.
private final class ConditionLockBox<Value: Sendable>: @unchecked Sendable {
    // `value` is touched only while `condition` is locked.
    private let condition = NSCondition()
    private var value: Value

    init(_ value: Value) {
        self.value = value
    }

    func update(_ change: (inout Value) -> Void) {
        condition.lock()
        change(&value)
        condition.signal()
        condition.unlock()
    }

    /// Waits until `take` gives something.
    func wait<Result>(_ take: (inout Value) -> Result?) -> Result {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let result = take(&value) { return result }
            condition.wait()
        }
    }
}
