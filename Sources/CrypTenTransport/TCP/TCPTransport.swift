package import CrypTenBase
import CrypTenIdentity
import Logging
import NIOCore
import NIOPosix

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Sessions whose members are processes, on one machine or many.
///
/// Party i listens, and calls the dealer and all parties before it. SwiftNIO listens and dials on one event loop; a
/// connection that stands is the session's own. The engine's thread reads, assembles and checks frames itself while it waits
/// for one; a second thread does while the engine computes, writes what is queued, and shows the peers that this member
/// lives, however long that takes: see ``TCPPoller``.
///
/// Frames are encrypted; see ``FrameCipher``. But they don't show who is at the other end: that is what TLS is for, with a
/// ``Membership``, and without one only loopback is accepted. The conversation is the same, inside TLS or not.
package enum TCPTransport {
    /// Connects a member of a session to all others; those may start later. Blocks; not for a thread of Swift's concurrency.
    ///
    /// - Parameters:
    ///   - listener: A port already listened on; if nil, `configuration.listen` is.
    ///   - hello: Someone's hello, whose session and parameters are taken instead of the configuration's.
    ///   - deadline: When to give up.
    ///   - interruption: What makes this give up earlier.
    /// - Throws: ``CrypTenError`` `.addressInUse`, `.insecureTransport` or `.invalidArgument` before anyone is called;
    ///   `.timedOut` naming who is missing; `.wrongSession` when a number is used twice, or for another session's member;
    ///   `.diverged` for another version, party count or other parameters; `.partyFailed` when a peer gave up;
    ///   `.identityRefused` when a peer that was called, or this member there, isn't who it should be; the interruption's error. The members that were reached are told why.
    package static func connect(
        role: Role,
        configuration: TCPConfiguration,
        listener: TCPListener? = nil,
        joining hello: Hello? = nil,
        deadline: Deadline,
        interruption: Interruption = Interruption()
    ) throws -> TransportEndpoint {
        var takenOver = listener
        var group = listener?.group
        do {
            let identity =
                if let hello {
                    try SessionIdentity(
                        role: role,
                        partyCount: configuration.partyCount,
                        joining: hello,
                        preSharedSecret: configuration.preSharedSecret
                    )
                } else {
                    try SessionIdentity(
                        role: role,
                        partyCount: configuration.partyCount,
                        hasDealer: configuration.hasDealer,
                        session: configuration.session,
                        parameters: configuration.parameters,
                        preSharedSecret: configuration.preSharedSecret
                    )
                }
            var configuration = configuration
            // A silent peer must be able to show itself several times before it is taken for dead.
            configuration.heartbeatInterval = min(configuration.heartbeatInterval, configuration.silenceLimit / 4)
            let callees = try identity.peers.filter { role.calls($0) }.map { peer in
                guard let address = configuration.peers[peer] else {
                    throw CrypTenError(.invalidArgument, "no address is given for \(peer), which \(role) calls")
                }
                return (peer, try address.resolve(configuration))
            }
            if takenOver == nil, callees.count < identity.peers.count {
                guard let address = configuration.listen else {
                    throw CrypTenError(.invalidArgument, "no address is given for \(role) to listen on")
                }
                takenOver = try TCPListener.bind(
                    address,
                    insecurePlaintext: configuration.insecurePlaintext,
                    membership: configuration.membership
                )
                group = takenOver?.group
            }
            for warning in configuration.membership?.warnings(at: Date()) ?? [] {
                configuration.logger.warning("\(warning)")
            }
            let threads = group ?? MultiThreadedEventLoopGroup(numberOfThreads: 1)
            group = threads
            return try connect(identity, configuration, callees, takenOver, threads, deadline, interruption)
        } catch {
            takenOver?.close()
            try? group?.syncShutdownGracefully()
            throw error
        }
    }

    private static func connect(
        _ identity: SessionIdentity,
        _ configuration: TCPConfiguration,
        _ callees: [(Role, SocketAddress)],
        _ listener: TCPListener?,
        _ group: MultiThreadedEventLoopGroup,
        _ deadline: Deadline,
        _ interruption: Interruption
    ) throws -> TransportEndpoint {
        let session = try TCPSession(identity, configuration)
        interruption.onInterrupt { [weak session] in session?.interrupt($0) }
        do {
            try listener?.start(session)
            for (peer, address) in callees {
                TCPDialer(session, peer: peer, address: address, group: group).call()
            }
            let (links, secrets) = try session.waitUntilComplete(deadline)
            return TransportEndpoint(
                identity,
                inbox: session.inbox,
                traffic: session.traffic,
                links: links,
                secrets: secrets,
                tearDown: {
                    session.end(nil)
                    listener?.close()
                    try? group.syncShutdownGracefully()
                }
            )
        } catch {
            session.end(
                error as? CrypTenError ?? CrypTenError(.peerLost, "the connections can't be made", cause: error),
                awaitingCallersUntil: deadline
            )
            throw error
        }
    }
}

/// Calls one peer until it answers; a peer may start later than its callers.
struct TCPDialer: Sendable {
    private let session: TCPSession
    private let peer: Role
    private let address: SocketAddress
    private let group: MultiThreadedEventLoopGroup

    private static let firstPause = TimeAmount.milliseconds(10)
    private static let longestPause = TimeAmount.milliseconds(500)

    init(_ session: TCPSession, peer: Role, address: SocketAddress, group: MultiThreadedEventLoopGroup) {
        self.session = session
        self.peer = peer
        self.address = address
        self.group = group
    }

    /// Calls now, and again after a pause that doubles, until the peer is reached or nobody is called any more.
    func call() {
        call(pause: TCPDialer.firstPause)
    }

    private func call(pause: TimeAmount) {
        guard session.isCalling else { return }
        ClientBootstrap(group: group)
            .connectTimeout(.seconds(5))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.autoRead, value: false)
            .connect(to: address)
            .flatMap { channel -> EventLoopFuture<any Channel> in
                guard channel.localAddress != channel.remoteAddress else {
                    // A port that nobody listens on can be given to the caller itself, who then reaches himself.
                    channel.close(promise: nil)
                    return channel.eventLoop.makeFailedFuture(ChannelError.connectPending)
                }
                return session.lets(peer, in: channel).map { channel }
            }
            .flatMapThrowing { channel in
                do {
                    try channel.pipeline.syncOperations.handOver(to: session, calling: peer)
                } catch {
                    channel.close(promise: nil)
                    throw error
                }
            }
            .whenFailure { error in
                if let error = error as? CrypTenError, TCPDialer.isFinal(error) {
                    // Nothing changes by calling again.
                    session.interrupt(error.telling(.identity, about: peer))
                    return
                }
                session.missed(peer, error)
                group.next().scheduleTask(in: pause) {
                    call(pause: min(pause * 2, TCPDialer.longestPause))
                }
            }
    }

    /// Whether an error says that whoever answers isn't the one who is meant, or can't be talked with.
    private static func isFinal(_ error: CrypTenError) -> Bool {
        [.identityRefused, .insecureTransport, .malformedFrame, .invalidArgument].contains(error.code)
    }
}
