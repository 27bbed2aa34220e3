import CrypTenBase

/// What has come from all peers and wasn't received yet; the place where the engine waits.
///
/// A peer may run ahead: up to `limit` unread bytes are taken from it while the engine computes, and then no more are read.
/// As soon as the engine waits, for a frame or for room to send, everything is read: two members that wait for each other
/// to read cannot both be stuck.
final class Inbox: Sendable {
    private let monitor: Monitor<InboxState>
    private let limit: Int

    /// An empty inbox for frames from `peers`.
    init(peers: [Role], limit: Int) {
        monitor = Monitor(InboxState(peers: peers))
        self.limit = limit
    }

    /// What to call, on any thread, when a peer that found no room may go on.
    func onRoom(for peer: Role, _ call: @escaping @Sendable () -> Void) {
        monitor.withLock { $0.mail[peer]?.onRoom = call }
    }

    /// Adds a frame, and wakes whoever waits for it.
    ///
    /// - Returns: Whether there is room for more; if not, `onRoom` says when there is.
    func deliver(_ frame: Frame, from peer: Role) -> Bool {
        let (isAwaited, hasRoom) = monitor.withLock { state in
            state.append(frame, from: peer)
            let isAwaited = state.interests.values.contains { $0.peer == peer && $0.kinds.contains(frame.kind) }
            return (isAwaited, state.room(for: peer, limit: limit))
        }
        if isAwaited {
            monitor.wake()
        }
        return hasRoom
    }

    /// Whether a peer may send more now; if not, `onRoom` says when.
    func hasRoom(for peer: Role) -> Bool {
        monitor.withLock { $0.room(for: peer, limit: limit) }
    }

    /// The next frame of one of `kinds` from a peer; see ``Transport/receive(_:from:deadline:)``.
    func receive(_ kinds: Set<Frame.Kind>, from peer: Role, deadline: Deadline) throws -> Frame {
        var onRoom: (@Sendable () -> Void)?
        let frame = try wait(for: InboxState.Interest(peer: peer, kinds: kinds), until: deadline) { state -> Frame? in
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
            let news: Void? = try wait(for: InboxState.Interest(peer: nil, kinds: []), until: deadline) { state in
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
        let isAwaited = monitor.withLock { state in
            state.roomEpoch += 1
            return state.interests.values.contains { $0.peer == nil }
        }
        if isAwaited {
            monitor.wake()
        }
    }

    /// Fails all calls from now on, unless an earlier failure does already.
    func fail(_ error: CrypTenError) {
        monitor.withLock { state in
            if state.failure == nil {
                state.failure = error
            }
        }
        monitor.wake()
    }

    /// A peer has said goodbye: nothing more will come from it.
    func peerLeft(_ peer: Role) {
        monitor.withLock { $0.mail[peer]?.hasLeft = true }
        monitor.wake()
    }

    /// Forgets what nobody will receive any more.
    func removeAll() {
        monitor.withLock { state in
            state.mail = state.mail.mapValues { InboxState.Mail(hasLeft: $0.hasLeft) }
        }
    }

    /// Waits as a monitor does, and lets all peers go on meanwhile.
    private func wait<Result>(
        for interest: InboxState.Interest,
        until deadline: Deadline,
        _ body: (inout InboxState) throws -> Result?
    ) throws -> Result? {
        var identifier: UInt64 = 0
        var calls: [@Sendable () -> Void] = []
        let ready = try monitor.withLock { state -> Result? in
            if let result = try body(&state) { return result }
            identifier = state.add(interest)
            calls = state.resumeAll()
            return nil
        }
        if let ready { return ready }
        defer { monitor.withLock { $0.interests[identifier] = nil } }
        for call in calls { call() }
        return try monitor.wait(until: deadline, body)
    }
}
