/// A moment on a monotonic clock after which waiting ends with an error.
///
/// The wall clock may be set while a session runs; this one only goes forward, also while the machine sleeps.
package struct Deadline: Sendable {
    private let instant: ContinuousClock.Instant

    private init(_ instant: ContinuousClock.Instant) {
        self.instant = instant
    }

    /// The moment that lies `duration` ahead of now.
    package static func after(_ duration: Duration) -> Deadline {
        Deadline(ContinuousClock.now + duration)
    }

    /// The time left; zero, never negative, once the deadline has passed.
    package var remaining: Duration {
        max(.zero, instant - ContinuousClock.now)
    }

    /// Whether waiting is over.
    package var hasPassed: Bool {
        instant <= ContinuousClock.now
    }
}
