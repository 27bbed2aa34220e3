import CrypTenBase
import CrypTenIdentity
import Logging
import NIOCore

/// The connections of one member of a session while they are made, and while they end.
final class TCPSession: Sendable {
    private struct State {
        /// Who said that they are a peer, and on which connection.
        var claimed: [Role: ObjectIdentifier] = [:]
        var links: [Role: TCPConnection] = [:]
        var secrets: [Role: KeyChain] = [:]
        /// Connections that aren't closed yet, whoever is at the other end.
        var live: [ObjectIdentifier: TCPConnection] = [:]
        var failure: CrypTenError?
        var isComplete = false
        /// Whether the connections are being closed, and why, if for a reason that late callers should hear.
        var isEnding = false
        var reason: CrypTenError?
        var lateCallers = 0
        /// Peers whom a call has got through to.
        var reached: Set<Role> = []
        /// Whether those who weren't reached are called all the same, to be told why the session is given up.
        var isTakingLeave = false
        /// Why the last caller that wasn't let in wasn't.
        var refusal: CrypTenError?
        /// What the last attempt to reach a peer met with.
        var attempts: [Role: String] = [:]

        /// Gives the connections away, which hold the session.
        mutating func handOver() -> (links: [Role: TCPConnection], secrets: [Role: KeyChain]) {
            defer { (links, secrets) = ([:], [:]) }
            return (links, secrets)
        }
    }

    /// How many callers may be connected that haven't said who they are.
    private static let maximumStrangers = 64
    /// How long a member that can't join keeps telling those who are still to call it, or to be called.
    private static let farewell = Duration.seconds(1)

    let identity: SessionIdentity
    let configuration: TCPConfiguration
    let inbox: Inbox
    let traffic = TrafficCounter()
    let poller: TCPPoller
    private let monitor = Monitor(State())

    /// A session without connections, with its poller's thread; ``end(_:awaitingCallersUntil:)`` is due.
    ///
    /// - Throws: ``CrypTenError`` `.invalidArgument` if the system has no descriptors left.
    init(_ identity: SessionIdentity, _ configuration: TCPConfiguration) throws {
        self.identity = identity
        self.configuration = configuration
        poller = try TCPPoller()
        inbox = Inbox(peers: identity.peers, limit: configuration.receiveQueueLimit, source: poller)
        poller.start()
    }

    /// Whether peers that weren't reached are to be called: while the session is made, and to be told why it isn't.
    var isCalling: Bool {
        monitor.withLock { !$0.isEnding || $0.isTakingLeave }
    }

    /// A call to a peer didn't get through.
    func missed(_ peer: Role, _ error: any Error) {
        monitor.withLock { $0.attempts[peer] = "\(error)" }
        configuration.logger.debug("\(peer) can't be reached yet: \(error)")
    }

    /// Who lets callers in, where members have identities.
    var doorKeeper: DoorKeeper? {
        configuration.membership.map { membership in
            DoorKeeper(role: identity.role, membership: membership, logger: configuration.logger) { [weak self] error in
                self?.monitor.withLock { $0.refusal = error }
            }
        }
    }

    /// Has whoever answers at a peer's address show that it is the peer; at once where members have no identities.
    func lets(_ peer: Role, in channel: any Channel) -> EventLoopFuture<Void> {
        guard let keeper = doorKeeper else { return channel.eventLoop.makeSucceededVoidFuture() }
        let admitted = channel.eventLoop.makePromise(of: Void.self)
        do {
            let door = TLSDoor(keeper, calling: peer, at: configuration.peers[peer], admitted: admitted)
            try channel.pipeline.syncOperations.addHandler(door)
            try channel.syncOptions?.setOption(.autoRead, value: true)
        } catch {
            admitted.fail(error)
        }
        return admitted.futureResult
    }

    /// A connection stands: to a peer that we called, or from someone who has said nothing yet.
    ///
    /// - Returns: why the other end is to be told that nothing comes of it.
    func began(_ link: TCPConnection, calling peer: Role?) -> CrypTenError? {
        defer { monitor.wake() }
        return monitor.withLock { state in
            state.live[ObjectIdentifier(link)] = link
            if let peer { state.reached.insert(peer) }
            let isCrowded = state.live.count > state.claimed.count + TCPSession.maximumStrangers
            guard state.isEnding || isCrowded else { return nil }
            if peer == nil { state.lateCallers += 1 }
            return state.reason
                ?? CrypTenError(.sessionClosed, "\(identity.role) takes no more calls").telling(.crowded)
        }
    }

    /// Someone says that it is `peer`; returns why it can't be.
    func claim(_ peer: Role, for link: TCPConnection) -> CrypTenError? {
        monitor.withLock { state in
            guard peer.calls(identity.role) else {
                return CrypTenError(.wrongSession, "\(peer) doesn't call \(identity.role), but is called by it")
                    .telling(.anotherSession, about: peer)
            }
            guard state.claimed[peer] == nil else {
                return CrypTenError(
                    .wrongSession,
                    "\(identity.role) is already connected to \(peer): each number can be used once",
                    telling: Disclosure(.numberTaken)
                )
            }
            state.claimed[peer] = ObjectIdentifier(link)
            return nil
        }
    }

    /// A handshake is done.
    func opened(_ peer: Role, _ link: TCPConnection, _ secret: ConnectionSecret) {
        monitor.withLock { state in
            state.claimed[peer] = ObjectIdentifier(link)
            state.links[peer] = link
            state.secrets[peer] = secret.secrets
        }
        monitor.wake()
    }

    /// A connection has failed: with it the session, unless it stood already and the other end was no member of it.
    ///
    /// - Parameter tellPeer: Tells the other end; what ended the session stands before that, for it may come back from there.
    func failed(_ error: CrypTenError, _ link: TCPConnection, tellPeer: () -> Void) {
        let (isComplete, isStranger) = monitor.withLock { state in
            let isMember = state.claimed.values.contains(ObjectIdentifier(link))
            if isMember || !state.isComplete, state.failure == nil {
                state.failure = error
            }
            return (state.isComplete, state.isComplete && !isMember)
        }
        if !isStranger { inbox.note(error) }
        tellPeer()
        if isStranger {
            configuration.logger.warning("refused a caller: \(error)")
            return
        }
        inbox.fail(error)
        monitor.wake()
        // The engine may compute, or wait for its caller: the others needn't wait for it.
        if isComplete { poller.endAll(error) }
    }

    /// A connection is closed.
    func ended(_ link: TCPConnection) {
        monitor.withLock { $0.live[ObjectIdentifier(link)] = nil }
        monitor.wake()
    }

    /// Makes ``waitUntilComplete(_:)`` throw an error, unless it has returned.
    func interrupt(_ error: CrypTenError) {
        monitor.withLock { state in
            if !state.isComplete, state.failure == nil { state.failure = error }
        }
        monitor.wake()
    }

    /// Waits until all peers are connected.
    ///
    /// - Throws: What made a connection fail, or ``CrypTenError`` `.timedOut` naming who is missing.
    func waitUntilComplete(_ deadline: Deadline) throws -> (links: [Role: TCPConnection], secrets: [Role: KeyChain]) {
        let connected = try monitor.wait(until: deadline) {
            state -> (links: [Role: TCPConnection], secrets: [Role: KeyChain])? in
            if let failure = state.failure { throw failure }
            guard state.links.count == self.identity.peers.count else { return nil }
            state.isComplete = true
            return state.handOver()
        }
        if let connected { return connected }
        let (links, attempts, refusal) = monitor.withLock { ($0.links, $0.attempts, $0.refusal) }
        let missing = identity.peers.filter { links[$0] == nil }.map { peer in
            let address = configuration.peers[peer].map { " at \($0)" } ?? ""
            guard peer.calls(identity.role) else {
                return "\(peer)\(address) (\(attempts[peer] ?? "no answer"))"
            }
            return "\(peer), which calls here"
        }
        throw CrypTenError(
            .timedOut,
            "not all members of the session came in time; missing: \(missing.joined(separator: "; "))"
                + (refusal.map { "; last, \($0.message)" } ?? ""),
            telling: Disclosure(.missing)
        )
    }

    /// Ends all connections, waits until they are closed, for `closeLimit` at most, and gives up the poller's thread.
    ///
    /// - Parameter deadline: Until when those who are still to call, or to be called, are waited for, a second at most, to be
    ///   told the error.
    func end(_ error: CrypTenError?, awaitingCallersUntil deadline: Deadline? = nil) {
        let links = monitor.withLock { state in
            state.isEnding = true
            state.isTakingLeave = deadline != nil
            state.reason = error
            return Array(state.live.values)
        }
        for link in links {
            link.end(error)
        }
        if let deadline {
            let callers = identity.peers.filter { $0.calls(identity.role) }
            let callees = identity.peers.filter { identity.role.calls($0) }
            _ = monitor.wait(until: .after(min(deadline.remaining, TCPSession.farewell, configuration.closeLimit))) {
                state in
                let haveCalled = callers.count { state.claimed[$0] != nil } + state.lateCallers >= callers.count
                return haveCalled && state.reached.isSuperset(of: callees) ? () : nil
            }
            monitor.withLock { $0.isTakingLeave = false }
        }
        _ = monitor.wait(until: .after(configuration.closeLimit)) { $0.live.isEmpty ? () : nil }
        poller.stop()
        inbox.removeAll()
        _ = monitor.withLock { $0.handOver() }
    }
}
