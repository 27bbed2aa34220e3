import CrypTenBase

/// What has come from all peers and wasn't received yet; the place where the engine waits.
///
/// A peer may run ahead: up to `limit` unread bytes are taken from it while the engine computes, and then no more are read.
/// As soon as the engine waits, for a frame or for room to send, everything is read: two members that wait for each other
/// to read cannot both be stuck.
///
/// Where there is a source, the waiting thread reads from it; of several the first, and the others wait to be told.
final class Inbox: Sendable {
    private let monitor: Monitor<InboxState>
    private let limit: Int
    private let source: (any FrameSource)?

    /// An empty inbox for frames from `peers`.
    init(peers: [Role], limit: Int, source: (any FrameSource)? = nil) {
        monitor = Monitor(InboxState(peers: peers))
        self.limit = limit
        self.source = source
    }

    /// What to call, on any thread, when a peer that found no room may go on.
    func onRoom(for peer: Role, _ call: @escaping @Sendable () -> Void) {
        monitor.withLock { $0.mail[peer]?.onRoom = call }
    }

    /// Adds a frame, and wakes whoever waits for it.
    ///
    /// - Parameter byWaiter: Whether the calling thread reads from the source for itself, and needs no waking.
    /// - Returns: Whether there is room for more; if not, `onRoom` says when there is.
    func deliver(_ frame: Frame, from peer: Role, byWaiter: Bool = false) -> Bool {
        var news = InboxState.News()
        let hasRoom = monitor.withLock { state in
            state.append(frame, from: peer)
            if !byWaiter || state.interests.count > 1 {
                news = state.news { $0.isMet(by: frame.kind, from: peer) }
            }
            return state.room(for: peer, limit: limit)
        }
        tell(news, byWaiter: byWaiter)
        return hasRoom
    }

    /// Whether a peer may send more now; if not, `onRoom` says when.
    func hasRoom(for peer: Role) -> Bool {
        monitor.withLock { $0.room(for: peer, limit: limit) }
    }

    /// The next frame of one of `kinds` from a peer; see ``Transport/receive(_:from:deadline:)``.
    func receive(_ kinds: Set<Frame.Kind>, from peer: Role, deadline: Deadline) throws -> Frame {
        var onRoom: (@Sendable () -> Void)?
        let frame = try wait(for: .frames(kinds, from: peer), until: deadline) { state -> Frame? in
            try state.check()
            guard let (frame, resume) = try state.take(kinds, from: peer, limit: self.limit) else { return nil }
            onRoom = resume
            return frame
        }
        onRoom?()
        guard let frame else {
            let names = kinds.map { "\($0)" }.sorted().joined(separator: " or ")
            throw CrypTenError(.timedOut, "nothing of kind \(names) came from \(peer) before the deadline")
        }
        return frame
    }

    /// What comes first from any of some peers; see ``Transport/receive(_:fromAnyOf:deadline:)``.
    func receive(_ kinds: Set<Frame.Kind>, fromAnyOf peers: [Role], deadline: Deadline) throws -> Arrival? {
        var onRoom: (@Sendable () -> Void)?
        let arrival = try wait(for: .framesFromAny(kinds, of: peers), until: deadline) { state -> Arrival? in
            try state.check()
            guard let (arrival, resume) = try state.take(kinds, fromAnyOf: peers, limit: self.limit) else { return nil }
            onRoom = resume
            return arrival
        }
        onRoom?()
        return arrival
    }

    /// Waits until `hasRoom` is true; it is asked again after each ``roomChanged()``.
    ///
    /// - Throws: ``CrypTenError`` `.timedOut` after the deadline, `.sessionClosed` once `peer` has left, or the failure.
    func waitForRoom(to peer: Role, deadline: Deadline, _ hasRoom: () -> Bool) throws {
        while true {
            // The epoch is read before the question is asked, so that news in between isn't missed.
            let epoch = try monitor.withLock { state in
                try state.check(sendingTo: peer)
                return state.roomEpoch
            }
            if hasRoom() { return }
            let news: Void? = try wait(for: .room, until: deadline) { state in
                try state.check(sendingTo: peer)
                return state.roomEpoch == epoch ? nil : ()
            }
            guard news != nil else {
                throw CrypTenError(.timedOut, "\(peer) took none of what was queued for it before the deadline")
            }
        }
    }

    /// Throws what ended the session, or `.sessionClosed` when `peer` has left it.
    func check(sendingTo peer: Role) throws {
        try monitor.withLock { try $0.check(sendingTo: peer) }
    }

    /// There may be room to send now.
    func roomChanged() {
        tell(
            monitor.withLock { state in
                state.roomEpoch += 1
                return state.news { $0.isRoom }
            }
        )
    }

    /// Fails all calls from now on, unless an earlier failure does already.
    func fail(_ error: CrypTenError) {
        note(error)
        tell(monitor.withLock { $0.news { _ in true } })
    }

    /// The same, but for those who wait: ``fail(_:)`` tells them.
    func note(_ error: CrypTenError) {
        monitor.withLock { $0.failure = $0.failure ?? error }
    }

    /// A peer has said goodbye: nothing more will come from it.
    func peerLeft(_ peer: Role) {
        tell(
            monitor.withLock { state in
                state.mail[peer]?.hasLeft = true
                return state.news { _ in true }
            }
        )
    }

    /// Forgets what nobody will receive any more.
    func removeAll() {
        monitor.withLock { state in
            // Of a copy of the dictionary no buffer would be the only one.
            for peer in Array(state.mail.keys) { state.mail[peer]?.removeAll() }
        }
    }

    /// Wakes those whom news concerns.
    private func tell(_ news: InboxState.News, byWaiter: Bool = false) {
        if news.isForReader, !byWaiter { source?.interrupt() }
        if news.isForOthers { monitor.wake() }
    }

    /// What a thread that waits does next.
    private enum Step<Result> {
        case done(Result)
        /// Reads from the source itself.
        case read
        /// Waits to be told.
        case wait
    }

    /// Waits until `body` returns a value, lets all peers go on meanwhile, and reads from the source if nobody else does.
    ///
    /// - Returns: nil when the deadline passed first.
    private func wait<Result>(
        for interest: InboxState.Interest,
        until deadline: Deadline,
        _ body: (inout InboxState) throws -> Result?
    ) throws -> Result? {
        var waiter: UInt64?
        var calls: [@Sendable () -> Void] = []
        defer {
            if let waiter, monitor.withLock({ $0.leave(waiter) }) { monitor.wake() }
        }
        while true {
            let step = try monitor.withLock { state -> Step<Result> in
                if let result = try body(&state) { return .done(result) }
                if waiter == nil {
                    waiter = state.add(interest)
                    calls = state.resumeAll()
                }
                return source != nil && state.becomesReader(waiter) ? .read : .wait
            }
            for call in calls { call() }
            calls = []
            switch step {
            case .done(let result):
                return result
            case .read:
                let remaining = deadline.remaining
                guard remaining > .zero else { return nil }
                source?.read(for: remaining)
            case .wait:
                let next = try monitor.wait(until: deadline) { state -> Step<Result>? in
                    if let result = try body(&state) { return .done(result) }
                    return source != nil && state.reader == nil ? .read : nil
                }
                guard let next else { return nil }
                if case .done(let result) = next { return result }
            }
        }
    }
}

/// Where frames for an inbox come from, when a thread that waits must fetch them itself.
protocol FrameSource: Sendable {
    /// Waits for something to come, for `limit` at most or until ``interrupt()``, and delivers what has come.
    ///
    /// One thread at a time calls it. It may return early.
    func read(for limit: Duration)
    /// Makes the call of ``read(for:)`` that is under way, or else the next one, return.
    func interrupt()
}
