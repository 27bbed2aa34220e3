import CrypTenBase
import CrypTenIdentity
import Logging
import NIOConcurrencyHelpers
import NIOCore

/// One TCP connection: the one who drives its conversation, with its sending half.
///
/// Whoever holds `state` reads from the socket, assembles, checks and delivers; since that is one step under one lock,
/// frames keep their order whichever thread happens to take it. It is the engine's while it waits, and the poller's otherwise.
/// Under the lock others are taken, the sender's, the session's, the poller's and the inbox's; never the other way round.
final class TCPConnection: Link {
    private struct State {
        var socket: (any Carrier)?
        var machine: ConnectionStateMachine
        var assembler = FrameAssembler()
        /// Who is at the other end, once the handshake is done.
        var peer: Role?
        var isReading = true
        var nextTick: ContinuousClock.Instant
        /// When the connection is closed, though the peer hasn't hung up.
        var end: ContinuousClock.Instant?
    }

    /// How long a peer that was told of an error may take to hang up.
    private static let abortLimit = Duration.seconds(1)

    /// How many bytes are read before others have their turn.
    private static let turn = 1 << 20

    private let session: TCPSession
    private let sender: TCPSender
    private let certified: CertifiedPeer?
    private let state: NIOLockedValueBox<State>

    /// A connection that we made to `peer`, or one that someone made to us; ``begin(_:)`` is due.
    ///
    /// - Parameter certified: Who is at the other end, where TLS has shown it.
    init(_ socket: any Carrier, _ session: TCPSession, calling peer: Role?, certified: CertifiedPeer?) {
        self.session = session
        self.certified = certified
        sender = TCPSender(socket, session, calling: peer)
        let machine = ConnectionStateMachine(
            session.identity,
            calling: peer,
            at: peer.flatMap { session.configuration.peers[$0]?.description } ?? socket.peerAddress,
            certified: certified,
            timeout: session.configuration.silenceLimit
        )
        let nextTick = ContinuousClock.now + session.configuration.heartbeatInterval
        state = NIOLockedValueBox(State(socket: socket, machine: machine, nextTick: nextTick))
    }

    /// Begins the conversation; `bytes` have been read already.
    func begin(_ bytes: ByteBuffer = ByteBuffer()) {
        state.withLockedValue { state in
            guard let socket = state.socket else { return }
            guard session.poller.add(self, socket) else {
                close(&state)
                return
            }
            // Also where the session is being given up: whom we called learns from the hello who tells it so.
            perform(state.machine.connected(), &state)
            if let refusal = session.began(self, calling: state.machine.peer) {
                perform(state.machine.end(refusal), &state)
            }
            guard bytes.readableBytes > 0 else { return }
            state.assembler.append(bytes)
            process(&state, byWaiter: false)
        }
    }

    var hasRoom: Bool { sender.hasRoom }

    /// What goes over a wire is bytes.
    var handsOver: Bool { false }

    var kernelBytesSent: UInt64? { sender.kernelBytesSent }

    func post(_ frame: Frame) {
        sender.post(frame)
    }

    func moveForward() {
        sender.moveForward()
    }

    var insecureFrameKeys: (sending: FrameKeyChain?, receiving: FrameKeyChain?) {
        (sender.insecureKeys, state.withLockedValue(\.machine.insecureKeys))
    }

    func end(_ error: CrypTenError?) {
        state.withLockedValue { state in
            perform(state.machine.end(error), &state)
        }
    }

    /// Closes the connection, whatever its state.
    func hangUp() {
        state.withLockedValue { close(&$0) }
    }

    // MARK: What a poller calls

    /// Reads what has come.
    ///
    /// - Parameter byWaiter: Whether the calling thread is the one that waits for what comes: it needs no waking, and
    ///   takes everything.
    func read(byWaiter: Bool) {
        state.withLockedValue { state in
            var left = TCPConnection.turn
            while let socket = state.socket, byWaiter || state.isReading, left > 0 || socket.holdsInput {
                switch socket.read(into: &state.assembler) {
                case .nothing:
                    return
                case .bytes(let count, let isFull):
                    let frames = process(&state, byWaiter: byWaiter)
                    state.machine.heard(count, ending: frames, at: .now)
                    guard isFull else { return }
                    left -= FrameAssembler.inputSize
                case .end:
                    disconnected(&state, cause: nil)
                case .failed(let errno):
                    disconnected(&state, cause: IOError(errnoCode: errno, reason: "recv"))
                case .damaged(let cause):
                    perform(state.machine.failed(damage(state.machine.peer, cause)), &state)
                    close(&state)
                }
            }
        }
    }

    /// Whether bytes may be taken while nobody waits.
    var isReading: Bool {
        state.withLockedValue(\.isReading)
    }

    /// Whether something waits for the socket to take more.
    var isBlocked: Bool { sender.isBlocked }

    /// Writes what is queued, as far as the socket takes it.
    func drain() {
        if !sender.drain() {
            // What the peer said last may still be there, and then comes the end.
            state.withLockedValue { $0.isReading = true }
        }
    }

    /// Does what is due.
    ///
    /// - Returns: When to call again.
    func tick(at now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        state.withLockedValue { state in
            if let end = state.end, end <= now {
                close(&state)
            } else if min(state.nextTick, state.machine.silenceEnds ?? state.nextTick) <= now {
                state.nextTick = now + session.configuration.heartbeatInterval
                let isQuiet = sender.tickedQuietly()
                perform(state.machine.tick(at: now, isQuiet: isQuiet, isReading: state.isReading), &state)
            }
            return [state.machine.silenceEnds, state.end].reduce(state.nextTick) { min($0, $1 ?? $0) }
        }
    }

    // MARK: Under the lock

    /// Takes out the frames that are whole, and returns how many they were.
    @discardableResult
    private func process(_ state: inout State, byWaiter: Bool) -> Int {
        var frames = 0
        do {
            while !state.machine.ignoresFrames, var raw = try state.assembler.next(limit: state.machine.payloadLimit) {
                if let peer = state.peer {
                    session.traffic.countReceived(raw, from: peer)
                }
                frames += 1
                perform(state.machine.received(&raw), &state, byWaiter: byWaiter)
            }
        } catch {
            state.assembler = FrameAssembler()
            let failure = error as? CrypTenError ?? CrypTenError(.malformedFrame, "unreadable bytes", cause: error)
            perform(state.machine.failed(failure), &state)
        }
        if state.machine.ignoresFrames { state.assembler = FrameAssembler() }
        return frames
    }

    private func perform(_ action: ConnectionStateMachine.Action, _ state: inout State, byWaiter: Bool = false) {
        guard state.socket != nil else { return }
        switch action {
        case .wait:
            break
        case .send(let frame):
            sender.post(frame)
        case .introduced(let caller):
            sender.introduced(caller)
            let refusal = session.claim(caller, for: self)
            perform(refusal.map { state.machine.refuse($0) } ?? state.machine.admit(), &state)
        case .open(let peer, let secret, let answer):
            state.peer = peer
            sender.agreed(with: peer, secret)
            if let answer { sender.post(answer) }
            session.inbox.onRoom(for: peer) { self.resumeReading() }
            session.poller.admit(self)
            session.opened(peer, self, secret)
            watch(peer)
        case .deliver(let frame):
            if let peer = state.peer {
                state.isReading = session.inbox.deliver(frame, from: peer, byWaiter: byWaiter)
            }
        case .peerLeft:
            if let peer = state.peer {
                session.inbox.peerLeft(peer)
            }
            close(&state)
        case .leave(let frame):
            leave(frame, &state)
        case .fail(let error, let last):
            session.failed(error, self) {
                // Whom it concerns hears it first: what others are told sounds vaguer.
                if let last { sender.post(last, isLast: true) }
            }
            leave(state.machine.awaitsHangUp ? last : nil, &state)
        case .turnAway(let error, let last):
            session.configuration.logger.warning("turned a caller away: \(error)")
            leave(last, &state)
        case .close:
            close(&state)
        }
    }

    /// Has the connection ended when the certificate of the other end is revoked.
    private func watch(_ peer: Role) {
        guard let certified, let membership = session.configuration.membership else { return }
        let fingerprint = certified.theirs.fingerprint
        let error = CrypTenError(
            .identityRefused,
            "the certificate of \(peer), \(fingerprint), is revoked here: this session is over",
            telling: Disclosure(.identity, about: peer)
        )
        let isWatched = membership.watch(ObjectIdentifier(self), showing: fingerprint) { [weak self] in
            self?.fail(error)
        }
        // The lock of this connection is held: the poller's thread ends it.
        if !isWatched { session.failed(error, self) { session.poller.endAll(error) } }
    }

    /// Ends the connection, and the session with it, for a reason that isn't the connection's.
    private func fail(_ error: CrypTenError) {
        state.withLockedValue { state in
            perform(state.machine.failed(error), &state)
        }
    }

    private func resumeReading() {
        let holdsInput = state.withLockedValue { state in
            state.isReading = true
            return state.socket?.holdsInput ?? false
        }
        // The socket tells of what comes, not of what has.
        if holdsInput { read(byWaiter: false) }
        session.poller.wake()
    }

    private func damage(_ peer: Role?, _ cause: any Error) -> CrypTenError {
        CrypTenError(
            .malformedFrame,
            "what came from \(peer.map { "\($0)" } ?? "a caller") over TLS was damaged on the way, or isn't from there",
            cause: cause,
            telling: Disclosure(.malformedFrame, about: peer)
        )
    }

    private func disconnected(_ state: inout State, cause: (any Error)?) {
        let isBetweenFrames = state.assembler.isBetweenFrames
        perform(state.machine.disconnected(betweenFrames: isBetweenFrames, cause: cause), &state)
        close(&state)
    }

    /// Sends the last frame and waits a while for the peer to hang up: closing at once, with bytes unread, would reset the
    /// connection, and the peer might never see why.
    private func leave(_ last: Frame?, _ state: inout State) {
        guard let last else {
            close(&state)
            return
        }
        sender.post(last, isLast: true)  // for the second time perhaps, which does nothing
        state.isReading = true
        // Who is told of an error hangs up at once, if it is there.
        let limit = session.configuration.closeLimit
        state.end = ContinuousClock.now + (last.kind == .abort ? min(limit, TCPConnection.abortLimit) : limit)
        session.poller.wake()
    }

    private func close(_ state: inout State) {
        guard let socket = state.socket else { return }
        socket.hangUp()
        session.configuration.membership?.unwatch(ObjectIdentifier(self))
        state.socket = nil
        sender.disconnected()
        session.poller.remove(self)
        session.ended(self)
    }
}
