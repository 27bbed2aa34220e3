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
    private var since = ContinuousClock.now
    private var spent = [Duration](repeating: .zero, count: Work.allCases.count)
    /// Seconds of arithmetic, by the name of the gate that did it.
    package private(set) var secondsByGate: [String: Double] = [:]

    /// Starts now.
    package init() {}

    /// Does something that counts as work of a kind, but for what it measures itself.
    package func measure<Result>(_ work: Work, _ body: () throws -> Result) rethrows -> Result {
        let before = current
        change(to: work)
        defer { change(to: before) }
        return try body()
    }

    /// Does a gate's part of a stage.
    package func measure<Result>(gate name: String, _ body: () throws -> Result) rethrows -> Result {
        let before = spent[Work.kernels.rawValue]
        defer { secondsByGate[name, default: 0] += (spent[Work.kernels.rawValue] - before) / .seconds(1) }
        return try measure(.kernels, body)
    }

    /// Seconds of a kind so far.
    package func seconds(_ work: Work) -> Double {
        change(to: current)
        return spent[work.rawValue] / .seconds(1)
    }

    private func change(to work: Work) {
        let now = ContinuousClock.now
        spent[current.rawValue] += now - since
        since = now
        current = work
    }
}
