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

    private var current = Work.bookkeeping
    private var since = WorkClock.now()
    /// Nanoseconds by kind.
    private var spent = [UInt64](repeating: 0, count: Work.allCases.count)
    private var spentByGate: [UInt64] = []
    private var gateNames: [String] = []

    /// Starts now.
    package init() {}

    /// Does something that counts as work of a kind, but for what it measures itself.
    package func measure<Result>(_ work: Work, _ body: () throws -> Result) rethrows -> Result {
        let before = current
        change(to: work)
        defer { change(to: before) }
        return try body()
    }

    /// The number under which a gate's arithmetic is counted.
    package func number(ofGate name: String) -> Int {
        if let number = gateNames.firstIndex(of: name) { return number }
        gateNames.append(name)
        spentByGate.append(0)
        return gateNames.count - 1
    }

    /// Does a part of a stage of the gate that was given the number.
    package func measure<Result>(gate number: Int, _ body: () throws -> Result) rethrows -> Result {
        let before = spent[Work.kernels.rawValue]
        defer { spentByGate[number] += spent[Work.kernels.rawValue] - before }
        return try measure(.kernels, body)
    }

    /// Seconds of arithmetic, by the name of the gate that did it.
    package var secondsByGate: [String: Double] {
        Dictionary(uniqueKeysWithValues: zip(gateNames, spentByGate.map { Double($0) * 1e-9 }))
    }

    /// Seconds of a kind so far.
    package func seconds(_ work: Work) -> Double {
        change(to: current)
        return Double(spent[work.rawValue]) * 1e-9
    }

    private func change(to work: Work) {
        let now = WorkClock.now()
        spent[current.rawValue] += now - since
        since = now
        current = work
    }

    /// Nanoseconds on a clock that only goes forward: read directly, for it is read a dozen times in a round.
    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
