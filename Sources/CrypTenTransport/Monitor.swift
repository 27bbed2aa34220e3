import CrypTenBase

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A value with a lock, and a place to wait until the value has changed, on a clock that nobody sets.
///
/// NIO's `ConditionLock` waits by the wall clock and for one number; a deadline here must hold while the clock is set.
final class Monitor<State>: @unchecked Sendable {
    // Sendable: `state` is only reached between `pthread_mutex_lock` and `pthread_mutex_unlock` of `mutex`; the two
    // pointers never change, and what they point to is made for use from several threads.
    private var state: State
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    /// A monitor over a value.
    init(_ state: State) {
        self.state = state
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        var result = pthread_mutex_init(mutex, nil)
        precondition(result == 0, "pthread_mutex_init: \(result)")
        #if canImport(Darwin)
        result = pthread_cond_init(condition, nil)
        #else
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        result = pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
        #endif
        precondition(result == 0, "pthread_cond_init: \(result)")
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` with the lock held; `body` must call nothing that waits or takes other locks.
    func withLock<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Lets every waiting thread look again.
    func wake() {
        pthread_cond_broadcast(condition)
    }

    /// Runs `body` with the lock held, again after every ``wake()``, until it returns a value or throws.
    ///
    /// - Returns: nil when the deadline passed first.
    func wait<Result>(until deadline: Deadline, _ body: (inout State) throws -> Result?) rethrows -> Result? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = try body(&state) { return result }
            let remaining = deadline.remaining
            guard remaining > .zero else { return nil }
            // At most an hour at a time, so that no deadline overflows what the system call takes.
            let (seconds, attoseconds) = min(remaining, .seconds(3600)).components
            var time = timespec()
            #if canImport(Darwin)
            time.tv_sec = Int(seconds)
            time.tv_nsec = Int(attoseconds / 1_000_000_000)
            pthread_cond_timedwait_relative_np(condition, mutex, &time)
            #else
            clock_gettime(CLOCK_MONOTONIC, &time)
            let nanoseconds = time.tv_nsec + Int(attoseconds / 1_000_000_000) + 1
            time.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
            time.tv_nsec = nanoseconds % 1_000_000_000
            pthread_cond_timedwait(condition, mutex, &time)
            #endif
        }
    }
}
