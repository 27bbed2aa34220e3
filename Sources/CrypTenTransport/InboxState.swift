import CrypTenBase
import NIOCore

/// What an inbox holds, under its lock.
struct InboxState {
    /// One peer's frames, by kind; `stamp` numbers them in the order in which they came.
    struct Mail {
        var queues = [CircularBuffer<(stamp: UInt64, frame: Frame)>](
            repeating: CircularBuffer(),
            count: Int(Frame.Kind.allCases.map(\.rawValue).max() ?? 0) + 1
        )
        var unreadBytes = 0
        /// Whether the peer has said goodbye.
        var hasLeft = false
        var onRoom: @Sendable () -> Void = {}

        /// Adds a frame behind those of its kind.
        mutating func append(_ frame: Frame, stamp: UInt64) {
            queues[Int(frame.kind.rawValue)].append((stamp, frame))
            unreadBytes += frame.wireSize
        }

        /// Takes the earliest frame of some kinds; nil where there is none.
        mutating func take(_ kinds: Set<Frame.Kind>) -> Frame? {
            guard let kind = earliest(kinds)?.kind else { return nil }
            guard let frame = queues[Int(kind.rawValue)].popFirst()?.frame else { return nil }
            unreadBytes -= frame.wireSize
            return frame
        }

        /// The number and the kind of the earliest frame of some kinds.
        func earliest(_ kinds: Set<Frame.Kind>) -> (stamp: UInt64, kind: Frame.Kind)? {
            var first: (stamp: UInt64, kind: Frame.Kind)?
            for kind in kinds {
                guard let stamp = queues[Int(kind.rawValue)].first?.stamp else { continue }
                if first.map({ stamp < $0.stamp }) ?? true { first = (stamp, kind) }
            }
            return first
        }

        /// Forgets what has come, and overwrites it.
        mutating func removeAll() {
            for kind in queues.indices {
                for offset in 0..<queues[kind].count {
                    // In its place, where nobody else has it.
                    let index = queues[kind].index(queues[kind].startIndex, offsetBy: offset)
                    queues[kind].modify(index) { $0.frame.wipe() }
                }
                queues[kind].removeAll()
            }
            (unreadBytes, onRoom) = (0, {})
        }
    }

    /// What a waiting thread waits for.
    enum Interest {
        case frames(Set<Frame.Kind>, from: Role)
        case framesFromAny(Set<Frame.Kind>, of: [Role])
        /// Room to send.
        case room

        /// Whether a frame is what is waited for.
        func isMet(by kind: Frame.Kind, from peer: Role) -> Bool {
            switch self {
            case .frames(let kinds, let sender): sender == peer && kinds.contains(kind)
            case .framesFromAny(let kinds, let senders): senders.contains(peer) && kinds.contains(kind)
            case .room: false
            }
        }

        var isRoom: Bool {
            if case .room = self { true } else { false }
        }
    }

    var mail: [Role: Mail]
    var failure: CrypTenError?
    var interests: [UInt64: Interest] = [:]
    /// Which of those who wait reads from the source, and whether it must be interrupted to look here.
    var reader: UInt64?
    var isReaderAway = false
    var nextStamp: UInt64 = 0
    /// Counts the news that there may be room to send.
    var roomEpoch: UInt64 = 0

    /// Peers that were told that there is no room, and wait to be told that there is.
    var paused: Set<Role> = []

    /// What to call, without the lock, so that all peers go on.
    mutating func resumeAll() -> [@Sendable () -> Void] {
        guard !paused.isEmpty else { return [] }
        defer { paused = [] }
        return paused.compactMap { mail[$0]?.onRoom }
    }

    /// Nothing from anyone.
    init(peers: [Role]) {
        mail = Dictionary(uniqueKeysWithValues: peers.map { ($0, Mail()) })
    }

    /// Adds a frame behind those of its kind.
    mutating func append(_ frame: Frame, from peer: Role) {
        mail[peer]?.append(frame, stamp: nextStamp)
        nextStamp += 1
    }

    /// Notes that a thread waits; returns the number under which it is noted.
    mutating func add(_ interest: Interest) -> UInt64 {
        defer { nextStamp += 1 }
        interests[nextStamp] = interest
        return nextStamp
    }

    /// Whether a waiting thread is to read from the source itself: if no other does.
    mutating func becomesReader(_ waiter: UInt64?) -> Bool {
        if reader == nil { reader = waiter }
        isReaderAway = isReaderAway || reader == waiter
        return reader == waiter
    }

    /// Notes that a thread waits no more; returns whether others must be told, since one of them is to read now.
    mutating func leave(_ waiter: UInt64) -> Bool {
        interests[waiter] = nil
        guard reader == waiter else { return false }
        reader = nil
        isReaderAway = false
        return !interests.isEmpty
    }

    /// Whom something concerns, of those who wait.
    struct News {
        var isForReader = false
        var isForOthers = false
    }

    /// Finds whom something concerns; the reader is told once, for then it looks.
    mutating func news(_ concerns: (Interest) -> Bool) -> News {
        var news = News()
        for (waiter, interest) in interests where concerns(interest) {
            if waiter != reader {
                news.isForOthers = true
            } else if isReaderAway {
                news.isForReader = true
                isReaderAway = false
            }
        }
        return news
    }

    /// Whether there is room for more from a peer; if not, it is noted that the peer must be told.
    mutating func room(for peer: Role, limit: Int) -> Bool {
        let hasRoom = !interests.isEmpty || (mail[peer]?.unreadBytes ?? 0) <= limit
        if !hasRoom { paused.insert(peer) }
        return hasRoom
    }

    /// Throws what ended the session.
    func check() throws {
        if let failure { throw failure }
    }

    /// Throws what ended the session, or that a peer has left it.
    func check(sendingTo peer: Role) throws {
        try check()
        if mail[peer]?.hasLeft == true {
            throw CrypTenError(.sessionClosed, "\(peer) has closed the session")
        }
    }

    /// Takes the earliest frame of some kinds, and says what to call if that makes room.
    ///
    /// - Returns: nil when there is none yet.
    mutating func take(
        _ kinds: Set<Frame.Kind>,
        from peer: Role,
        limit: Int
    ) throws -> (Frame, resume: (@Sendable () -> Void)?)? {
        let place = try place(of: peer)
        guard let frame = mail.values[place].take(kinds) else {
            try check(sendingTo: peer)
            return nil
        }
        guard !paused.isEmpty, mail.values[place].unreadBytes <= limit / 2, paused.remove(peer) != nil else {
            return (frame, nil)
        }
        return (frame, mail.values[place].onRoom)
    }

    /// Takes the earliest frame of some kinds that any of some peers has sent, or the goodbye of one that has sent none.
    ///
    /// - Returns: nil when there is neither yet.
    mutating func take(
        _ kinds: Set<Frame.Kind>,
        fromAnyOf peers: [Role],
        limit: Int
    ) throws -> (Arrival, resume: (@Sendable () -> Void)?)? {
        var first: (stamp: UInt64, peer: Role)?
        for peer in peers {
            guard let (stamp, _) = mail.values[try place(of: peer)].earliest(kinds) else { continue }
            if first.map({ stamp < $0.stamp }) ?? true { first = (stamp, peer) }
        }
        if let first {
            return try take(kinds, from: first.peer, limit: limit).map { (.frame($0, from: first.peer), $1) }
        }
        return peers.first { mail[$0]?.hasLeft == true }.map { (.goodbye(from: $0), nil) }
    }

    /// Where a peer's mail is.
    private func place(of peer: Role) throws -> Dictionary<Role, Mail>.Index {
        guard let place = mail.index(forKey: peer) else {
            throw CrypTenError(.invalidArgument, "\(peer) isn't another member of this session")
        }
        return place
    }
}
