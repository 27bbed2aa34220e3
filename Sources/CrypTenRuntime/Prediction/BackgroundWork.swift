import CoreFoundation
import Foundation
import NIOConcurrencyHelpers

/// Work on a thread of its own, to be waited for once.
final class BackgroundWork<Value: Sendable>: Sendable {
    private let done = DispatchSemaphore(value: 0)
    private let result = NIOLockedValueBox<Result<Value, any Error>?>(nil)

    init(_ body: @escaping @Sendable () throws -> Value) {
        let (done, result) = (done, result)
        let thread = Thread {
            let outcome = Result(catching: body)
            result.withLockedValue { $0 = outcome }
            done.signal()
        }
        thread.stackSize = 8 << 20  // as an engine's
        thread.start()
    }

    func wait() throws -> Value {
        done.wait()
        guard let outcome = result.withLockedValue({ $0 }) else { preconditionFailure("what is done has an outcome") }
        return try outcome.get()
    }
}

/// What the processors have worked for this process so far, in seconds.
func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
