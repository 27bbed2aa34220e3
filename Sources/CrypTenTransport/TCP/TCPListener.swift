package import CrypTenBase
package import CrypTenIdentity
package import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A port that a member of a session listens on, before it knows the others' addresses.
///
/// Calls wait in the system's queue until ``TCPTransport/connect(role:configuration:listener:deadline:)`` takes the listener
/// over; from then on it belongs to the transport.
package final class TCPListener: Sendable {
    /// Where it listens, with the port that the system chose if none was asked for.
    package let address: TCPAddress
    let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    private let calls: WaitingCalls
    private let entry: NIOLockedValueBox<Entry>

    /// What becomes of those who call.
    private struct Entry {
        /// Who takes them; nil as long as that isn't known.
        var session: TCPSession?
        /// Who lets them in, where members have identities.
        var keeper: DoorKeeper?
    }

    private init(
        _ address: TCPAddress,
        _ group: MultiThreadedEventLoopGroup,
        _ channel: any Channel,
        _ calls: WaitingCalls,
        _ entry: NIOLockedValueBox<Entry>
    ) {
        self.address = address
        self.group = group
        self.channel = channel
        self.calls = calls
        self.entry = entry
    }

    /// Listens on an address. Blocks; not for a thread of Swift's concurrency.
    ///
    /// - Throws: ``CrypTenError`` `.addressInUse` when something else listens there; `.insecureTransport` for an address
    ///   that isn't loopback, unless there is a `membership`, or `insecurePlaintext`; `.invalidArgument` for an address that
    ///   isn't this machine's.
    package static func bind(
        _ address: TCPAddress,
        insecurePlaintext: Bool = false,
        membership: Membership? = nil
    ) throws -> TCPListener {
        let resolved = try address.resolve(insecurePlaintext: insecurePlaintext, membership: membership)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let entry = NIOLockedValueBox(Entry())
        let turnstile = Turnstile()
        let calls = WaitingCalls()
        do {
            let channel = try ServerBootstrap(group: group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.autoRead, value: false)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.maxMessagesPerRead, value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        let entry = entry.withLockedValue { $0 }
                        if let keeper = entry.keeper {
                            try pipeline.addHandler(turnstile.door(keeper, for: channel))
                        }
                        if let session = entry.session {
                            try pipeline.addHandler(TCPHandOver(session))
                        } else {
                            try pipeline.addHandler(HelloWaiter(calls))
                        }
                    }
                }
                .bind(to: resolved)
                .wait()
            let port = channel.localAddress?.port ?? address.port
            return TCPListener(TCPAddress(host: address.host, port: port), group, channel, calls, entry)
        } catch {
            try? group.syncShutdownGracefully()
            if let error = error as? IOError, error.errnoCode == EADDRINUSE {
                throw CrypTenError(
                    .addressInUse,
                    "something else listens on \(address): choose another port, or end the other program",
                    cause: error
                )
            }
            throw CrypTenError(.invalidArgument, "can't listen on \(address)", cause: error)
        }
    }

    /// What the first caller says: for a dealer, who takes the session of whoever calls. Blocks.
    ///
    /// The call, and others that come meanwhile, wait for ``TCPTransport/connect(role:configuration:listener:joining:deadline:)``.
    ///
    /// - Parameters:
    ///   - membership: Who this dealer is, and whom it lets in; the same as the session's.
    ///   - logger: Where callers are noted who aren't let in.
    /// - Throws: ``CrypTenError`` `.timedOut`; `.diverged` for a caller of another version, who is told; the interruption's error.
    package func firstHello(
        deadline: Deadline,
        interruption: Interruption = Interruption(),
        membership: Membership? = nil,
        logger: Logger = TCPConfiguration.silentLogger
    ) throws -> Hello {
        entry.withLockedValue { entry in
            entry.keeper = membership.map { DoorKeeper(role: .dealer, membership: $0, logger: logger) }
        }
        try channel.setOption(.autoRead, value: true).wait()
        interruption.onInterrupt { [calls] in calls.interrupt($0) }
        guard let hello = try calls.firstHello(deadline) else {
            throw CrypTenError(.timedOut, "nobody has called \(address) in time")
        }
        return hello
    }

    /// Takes calls for a session, and those that wait.
    func start(_ session: TCPSession) throws {
        try channel.eventLoop.submit { [self] in
            entry.withLockedValue { $0 = Entry(session: session, keeper: session.doorKeeper) }
            for waiter in try calls.all(join: session) { waiter.value.join(session) }
        }.wait()
        try channel.setOption(.autoRead, value: true).wait()
    }

    /// Listens no more, and gives up the thread; for a listener that no transport took over. Blocks.
    package func close() {
        try? channel.close().wait()
        entry.withLockedValue { $0 = Entry() }
        try? group.syncShutdownGracefully()
    }
}
