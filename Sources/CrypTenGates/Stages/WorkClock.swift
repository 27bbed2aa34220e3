#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Where one role's time goes during a run: exclusive times by kind of work, so that they add up to the whole.
///
/// Belongs to the thread that runs the gates. A change of kind costs some forty nanoseconds.
package final class WorkClock {
    /// What a moment is spent on.
    package enum Work: Int, CaseIterable, Sendable {
        /// Arithmetic on tensors and bits.
        case kernels
        /// Random words from seeds.
        case expansion
        /// Words into frames and out of them.
        case copying
        /// Tags and the operating system, for what is sent.
        case sending
        /// Nothing: a peer's opening, or credit, isn't there yet.
        case waitingForPeers
        /// Nothing: a correction isn't there yet.
        case waitingForDealer
        /// Everything in between.
        case bookkeeping
    }

    /// One value, that each change of kind looks for once.
    private struct Times {
        var current = Work.bookkeeping
        var since = WorkClock.now()
        /// Nanoseconds by kind.
        var spent = [UInt64](repeating: 0, count: Work.allCases.count)
        var spentByGate: [UInt64] = []

        /// - Returns: the kind until now.
        mutating func change(to work: Work) -> Work {
            let (before, now) = (current, WorkClock.now())
            spent[before.rawValue] += now - since
            since = now
            current = work
            return before
        }
    }

    private var times = Times()
    private var gateNames: [String] = []

    /// Starts now.
    package init() {}

    /// Does something that counts as work of a kind, but for what it measures itself.
    @inlinable
    package func measure<Result>(_ work: Work, _ body: () throws -> Result) rethrows -> Result {
        let before = change(to: work)
        defer { _ = change(to: before) }
        return try body()
    }

    /// From now on does work of a kind; returns what it did until now.
    package func change(to work: Work) -> Work {
        times.change(to: work)
    }

    /// The number under which a gate's arithmetic is counted.
    package func number(ofGate name: String) -> Int {
        if let number = gateNames.firstIndex(of: name) { return number }
        gateNames.append(name)
        times.spentByGate.append(0)
        return gateNames.count - 1
    }

    /// Does a part of a stage of the gate that was given the number.
    @inlinable
    package func measure<Result>(gate number: Int, _ body: () throws -> Result) rethrows -> Result {
        let before = arithmetic
        defer { count(arithmeticSince: before, gate: number) }
        return try measure(.kernels, body)
    }

    /// Nanoseconds of arithmetic so far.
    package var arithmetic: UInt64 {
        times.spent[Work.kernels.rawValue]
    }

    /// Counts what was arithmetic since there were so many nanoseconds of it, as that of the gate that was given the number.
    package func count(arithmeticSince before: UInt64, gate number: Int) {
        times.spentByGate[number] += arithmetic - before
    }

    /// Seconds of arithmetic, by the name of the gate that did it.
    package var secondsByGate: [String: Double] {
        Dictionary(uniqueKeysWithValues: zip(gateNames, times.spentByGate.map { Double($0) * 1e-9 }))
    }

    /// Seconds of a kind so far.
    package func seconds(_ work: Work) -> Double {
        _ = change(to: times.current)
        return Double(times.spent[work.rawValue]) * 1e-9
    }

    /// Nanoseconds on a clock that only goes forward: read directly, for it is read a dozen times in a round.
    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
