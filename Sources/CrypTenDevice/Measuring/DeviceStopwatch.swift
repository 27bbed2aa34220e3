import CrypTenBase
import CrypTenRing

/// Times what a queue does.
struct DeviceStopwatch {
    let queue: any DeviceQueue
    /// Of so many repetitions the median counts.
    var repetitions: Int
    /// A repetition takes so many seconds at least, unless it would be too many calls.
    var duration: Double

    private static let mostCalls = 4096

    /// Seconds of one call of many, from the first one's begin to where all that they have queued is done.
    ///
    /// What one call takes long for is timed once.
    func seconds(of body: () throws -> Void) throws -> Double {
        // The first call compiles kernels and makes operands.
        let first = try time(1, body)
        guard first < 20 * duration else { return first > 60 * duration ? first : try time(1, body) }
        let calls = max(1, min(Self.mostCalls, Int(duration / max(try time(1, body), 1e-9))))
        return try median { try time(calls, body) / Double(calls) }
    }

    func median(_ measure: () throws -> Double) rethrows -> Double {
        try (0..<repetitions).map { _ in try measure() }.sorted()[repetitions / 2]
    }

    private func time(_ calls: Int, _ body: () throws -> Void) throws -> Double {
        try Self.seconds {
            for _ in 0..<calls { try body() }
            try queue.finish()
        }
    }

    static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let elapsed = try ContinuousClock().measure { try body() }
        return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
    }
}
