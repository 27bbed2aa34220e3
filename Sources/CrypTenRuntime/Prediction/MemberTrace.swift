/// What one member of a session does in one run, in order: how long it computes, and what it sends and waits for.
///
/// Members are counted as `Role.all` does: the parties, then the dealer.
package struct MemberTrace: Sendable, Hashable {
    /// What a stretch of computing ends in.
    package enum Action: Sendable, Hashable {
        /// A frame of so many bytes, header included.
        case send(to: Int, bytes: Int)
        /// The next frame from a member; waits until it is there.
        case receive(from: Int)
        /// A unit of a step of the plan has run.
        case finish(step: Int)
    }

    /// Seconds of computing, and what follows it.
    package struct Event: Sendable, Hashable {
        package var seconds: Double
        package var action: Action

        package init(seconds: Double, _ action: Action) {
            self.seconds = seconds
            self.action = action
        }
    }

    package var events: [Event]

    package init(_ events: [Event] = []) {
        self.events = events
    }

    /// All of its computing, in seconds.
    package var seconds: Double {
        events.reduce(0) { $0 + $1.seconds }
    }

    /// The same run measured several times: each stretch of computing takes the median of its times, stretched so that all
    /// take the median of the sums.
    ///
    /// What else the machine did meanwhile lengthens some stretches of each measurement, and others in the next.
    ///
    /// - Precondition: all consist of the same actions; there is at least one.
    package init(medianOf traces: [MemberTrace]) {
        precondition(
            traces.allSatisfy { $0.events.count == traces[0].events.count },
            "a run has the same actions always"
        )
        func median(_ values: [Double]) -> Double { values.sorted()[(values.count - 1) / 2] }
        events = traces[0].events.indices.map { index in
            Event(seconds: median(traces.map { $0.events[index].seconds }), traces[0].events[index].action)
        }
        let sum = seconds
        guard sum > 0 else { return }
        let stretch = median(traces.map(\.seconds)) / sum
        for index in events.indices { events[index].seconds *= stretch }
    }
}
