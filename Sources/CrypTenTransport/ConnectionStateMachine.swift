package import CrypTenBase

/// One connection's conversation, from the first hello to the last byte: events in, actions out, no input or output.
///
/// The end that made the connection says hello; the other end checks it and answers with its own hello, which is the first
/// frame with a tag under the agreed key, or with an abort that names what doesn't fit. Then frames go both ways until one
/// end says goodbye or abort, sends nothing more, and waits for the other to hang up.
///
/// Both transports drive it, and read `Action` for what to do.
package struct ConnectionStateMachine: Sendable {
    enum State {
        /// We were called and wait for a hello. Next: `.introduced`, or `.leaving` after a refusal.
        case awaitingHello(Handshake)
        /// A fitting hello is here, and the driver decides. Next: `.open` or `.leaving`.
        case introduced(Handshake, Role, Hello)
        /// We called this peer, and our hello is out. Next: `.open` or `.leaving`.
        case awaitingAnswer(Handshake, Role)
        /// Frames go both ways. Next: `.leaving`, or `.ended` when the peer ends it.
        case open(Role, FrameKeyChain)
        /// Our last frame is out; what still comes is ignored. Next: `.ended` when the peer hangs up.
        case leaving
        case ended
    }

    /// What the driver must do now.
    package enum Action: Sendable {
        /// Nothing.
        case wait
        /// Send a frame; more may follow.
        case send(Frame)
        /// Someone with a fitting hello wants to be this peer: call ``admit()`` or ``refuse(_:)``.
        case introduced(Role)
        /// The connection is made: from here on frames are under the secret, from the answer on, which is sent first.
        case open(Role, ConnectionSecret, answer: Frame?)
        /// Put the frame into the inbox.
        case deliver(Frame)
        /// The peer has ended the session in good order: remember it and close.
        case peerLeft
        /// Send the frame as the last one, stop sending, and close when the peer hangs up or after a while.
        case leave(Frame)
        /// The session has failed: fail all calls, then leave with the frame, or close if there is none.
        case fail(CrypTenError, last: Frame?)
        /// A stranger, whom the session needn't care about: leave with the frame, or close if there is none.
        case turnAway(CrypTenError, last: Frame?)
        /// Close; nothing is lost.
        case close
    }

    /// When the peer was last heard, and how long it may be silent.
    private struct Liveness {
        var lastHeard: ContinuousClock.Instant
        var lastTick: ContinuousClock.Instant
        let timeout: Duration
        /// Bytes that have come since then of a frame that hasn't ended.
        var progress = 0

        /// So many bytes of one frame are a sign of life: 4 KiB, and a kibibyte for each second of silence that is allowed.
        ///
        /// Heartbeats bring a quarter of that at most. Where a changed length lets a frame swallow them, they don't keep it alive.
        var leastProgress: Int {
            max(4 << 10, Int(clamping: timeout.components.seconds) << 10)
        }
    }

    let identity: SessionIdentity
    let checksTags: Bool
    /// Where the other end is, for messages.
    private let address: String?
    /// Who is at the other end, where TLS has shown it.
    let certified: CertifiedPeer?
    var state: State
    var expectedSequence: UInt64 = 0
    private var liveness: Liveness

    /// A conversation that begins.
    ///
    /// - Parameters:
    ///   - peer: Whom we called; nil when we were called.
    ///   - address: Where the other end is, for messages.
    ///   - certified: Who is at the other end, where TLS has shown it; it can't say that it is anybody else.
    ///   - checksTags: False only where frames are handed over within one process.
    ///   - timeout: How long a peer may be silent.
    package init(
        _ identity: SessionIdentity,
        calling peer: Role?,
        at address: String? = nil,
        certified: CertifiedPeer? = nil,
        checksTags: Bool = true,
        timeout: Duration = .seconds(10),
        now: ContinuousClock.Instant = .now
    ) {
        self.identity = identity
        self.checksTags = checksTags
        self.address = address
        self.certified = certified
        let handshake = Handshake(identity, certified: certified)
        state = peer.map { .awaitingAnswer(handshake, $0) } ?? .awaitingHello(handshake)
        liveness = Liveness(lastHeard: now, lastTick: now, timeout: timeout)
    }

    /// The largest payload that may come now: little from someone who has not been introduced.
    package var payloadLimit: Int {
        switch state {
        case .open: Frame.maximumPayload
        case .awaitingHello, .introduced, .awaitingAnswer: Hello.maximumSize
        case .leaving, .ended: Hello.maximumSize
        }
    }

    /// Whether what still comes is of no use: it need not even be assembled.
    package var ignoresFrames: Bool {
        switch state {
        case .leaving, .ended: true
        case .awaitingHello, .introduced, .awaitingAnswer, .open: false
        }
    }

    /// The peer, once it is known.
    package var peer: Role? {
        switch state {
        case .introduced(_, let peer, _), .awaitingAnswer(_, let peer), .open(let peer, _): peer
        case .awaitingHello, .leaving, .ended: nil
        }
    }

    /// The keys of what comes now.
    var insecureKeys: FrameKeyChain? {
        if case .open(_, let keys) = state { keys } else { nil }
    }

    /// The connection stands: says hello if it is ours to begin.
    package mutating func connected() -> Action {
        guard case .awaitingAnswer(let handshake, _) = state else { return .wait }
        return .send(Frame(.hello, payload: handshake.hello.encoded))
    }

    /// A whole frame has come; its payload is read in place.
    package mutating func received(_ raw: inout FrameAssembler.RawFrame) -> Action {
        do {
            switch state {
            case .awaitingHello(let handshake):
                return try receivedHello(raw, handshake)
            case .awaitingAnswer(let handshake, let peer):
                return try receivedAnswer(raw, from: peer, handshake)
            case .open(let peer, _):
                return try receivedFrame(&raw, from: peer)
            case .introduced:
                throw CrypTenError(.malformedFrame, "a caller went on before it was answered")
            case .leaving, .ended:
                return .wait
            }
        } catch {
            return failed(
                error as? CrypTenError ?? CrypTenError(.malformedFrame, "a frame can't be read", cause: error)
            )
        }
    }

    /// The caller that was introduced may be the peer it says it is.
    package mutating func admit() -> Action {
        guard case .introduced(let handshake, let peer, let theirs) = state else { return .wait }
        do {
            let secret = try handshake.secret(with: peer, theirs)
            state = .open(peer, secret.frames(from: peer, to: identity.role))
            return .open(peer, secret, answer: Frame(.hello, payload: handshake.hello.encoded))
        } catch {
            return failed(
                error as? CrypTenError ?? CrypTenError(.malformedFrame, "\(peer)'s hello is useless", cause: error)
            )
        }
    }

    /// The caller that was introduced isn't wanted.
    package mutating func refuse(_ error: CrypTenError) -> Action {
        state = .leaving
        return .fail(error, last: ConnectionStateMachine.abortFrame(error))
    }

    /// Bytes have come, and have ended so many frames.
    ///
    /// A whole frame is a sign of life, and so is one that gets on; a few bytes of one aren't.
    package mutating func heard(_ bytes: Int, ending frames: Int, at now: ContinuousClock.Instant) {
        liveness.progress += bytes
        guard frames > 0 || liveness.progress >= liveness.leastProgress else { return }
        liveness.lastHeard = now
        liveness.progress = 0
    }

    /// Bytes have come that are no frame, or a frame that can't be accepted.
    package mutating func failed(_ error: CrypTenError) -> Action {
        switch state {
        case .awaitingHello where error.code == .malformedFrame:
            state = .leaving
            return .turnAway(error, last: ConnectionStateMachine.abortFrame(error))
        case .awaitingHello, .introduced, .awaitingAnswer, .open:
            state = .leaving
            return .fail(error, last: ConnectionStateMachine.abortFrame(error))
        case .leaving, .ended:
            state = .ended
            return .close
        }
    }

    /// The peer has hung up, or the network has.
    ///
    /// - Parameter betweenFrames: Whether the last frame was whole.
    package mutating func disconnected(betweenFrames: Bool, cause: (any Error)? = nil) -> Action {
        defer { state = .ended }
        switch state {
        case .awaitingHello, .leaving, .ended:
            return .close
        case .introduced(_, let peer, _), .awaitingAnswer(_, let peer):
            let hint = betweenFrames ? "" : " (what it has said is no frame; give all members an identity, or none)"
            return .fail(
                CrypTenError(
                    .peerLost,
                    "\(place(of: peer)) hung up during the handshake: see what it says, and start all members again\(hint)",
                    cause: cause,
                    telling: Disclosure(.lost, about: peer)
                ),
                last: nil
            )
        case .open(let peer, _):
            let how = betweenFrames ? "without a goodbye" : "in the middle of a frame"
            return .fail(
                CrypTenError(
                    .peerLost,
                    "the connection to \(place(of: peer)) ended \(how): its process has ended, or the network in between has "
                        + "failed; this session is over, start all its members again",
                    cause: cause,
                    telling: Disclosure(.lost, about: peer)
                ),
                last: nil
            )
        }
    }

    /// Time has passed; called at regular intervals.
    ///
    /// A tick that comes late means that this process didn't run, and then silence says nothing about the peer.
    ///
    /// - Parameters:
    ///   - isQuiet: Whether nothing was sent since the last tick.
    ///   - isReading: Whether bytes are being taken from the connection at all.
    package mutating func tick(at now: ContinuousClock.Instant, isQuiet: Bool, isReading: Bool) -> Action {
        let wasAsleep = now - liveness.lastTick > liveness.timeout / 2
        liveness.lastTick = now
        if wasAsleep || !isReading {
            liveness.lastHeard = now
        }
        let isOverdue = now - liveness.lastHeard > liveness.timeout
        switch state {
        case .open(let peer, _) where isOverdue:
            // Nobody waits for who is silent to hang up.
            state = .ended
            let error = CrypTenError(
                .timedOut,
                "\(place(of: peer)) was silent for \(liveness.timeout): it is stopped, or can't be reached, for one that "
                    + "computes isn't silent; this session is over, start all its members again, with a longer silence limit "
                    + "where the network is at times away for as long",
                telling: Disclosure(.silent, about: peer)
            )
            return .fail(error, last: ConnectionStateMachine.abortFrame(error))
        case .open:
            return isQuiet ? .send(Frame(.heartbeat)) : .wait
        case .awaitingHello where isOverdue:
            state = .ended
            return .turnAway(CrypTenError(.timedOut, "a caller said nothing for \(liveness.timeout)"), last: nil)
        case .awaitingHello, .introduced, .awaitingAnswer, .leaving, .ended:
            return .wait
        }
    }

    /// When the peer, if it stays silent, has been silent for too long: a tick is due then.
    ///
    /// Nil while silence matters to nobody.
    package var silenceEnds: ContinuousClock.Instant? {
        if case .open = state { liveness.lastHeard + liveness.timeout } else { nil }
    }

    /// Whether our last frame is out, and the peer is expected to hang up.
    package var awaitsHangUp: Bool {
        if case .leaving = state { true } else { false }
    }

    /// A member and where it is.
    private func place(of peer: Role) -> String {
        address.map { "\(peer) at \($0)" } ?? "\(peer)"
    }

    /// Our side ends the session: with an error, which the peer is told, or in good order.
    package mutating func end(_ error: CrypTenError?) -> Action {
        switch state {
        case .open:
            state = .leaving
            return .leave(error.map(ConnectionStateMachine.abortFrame) ?? Frame(.goodbye))
        case .awaitingHello where error == nil:
            state = .ended
            return .close
        case .awaitingHello, .introduced, .awaitingAnswer:
            state = .leaving
            return .leave(ConnectionStateMachine.abortFrame(error ?? CrypTenError(.sessionClosed, "it was closed")))
        case .leaving, .ended:
            return .wait
        }
    }

    private static func abortFrame(_ error: CrypTenError) -> Frame {
        Frame(.abort, payload: AbortMessage(error).encoded)
    }
}
