package import CrypTenBase
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
    private let session: NIOLockedValueBox<TCPSession?>
    private let calls: WaitingCalls

    private init(
        _ address: TCPAddress,
        _ group: MultiThreadedEventLoopGroup,
        _ channel: any Channel,
        _ session: NIOLockedValueBox<TCPSession?>,
        _ calls: WaitingCalls
    ) {
        self.address = address
        self.group = group
        self.channel = channel
        self.session = session
        self.calls = calls
    }

    /// Listens on an address. Blocks; not for a thread of Swift's concurrency.
    ///
    /// - Throws: ``CrypTenError`` `.addressInUse` when something else listens there; `.insecureTransport` for an address
    ///   that isn't loopback, unless `insecurePlaintext`; `.invalidArgument` for an address that isn't this machine's.
    package static func bind(_ address: TCPAddress, insecurePlaintext: Bool = false) throws -> TCPListener {
        let resolved = try address.resolve(insecurePlaintext: insecurePlaintext)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let session = NIOLockedValueBox<TCPSession?>(nil)
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
                        if let session = session.withLockedValue({ $0 }) {
                            try pipeline.addHandler(TCPHandOver(session))
                        } else {
                            try pipeline.addHandler(HelloWaiter(calls))
                        }
                    }
                }
                .bind(to: resolved)
                .wait()
            let port = channel.localAddress?.port ?? address.port
            return TCPListener(TCPAddress(host: address.host, port: port), group, channel, session, calls)
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
    /// - Throws: ``CrypTenError`` `.timedOut`; `.diverged` for a caller of another version, who is told; the interruption's error.
    package func firstHello(deadline: Deadline, interruption: Interruption = Interruption()) throws -> Hello {
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
            self.session.withLockedValue { $0 = session }
            for waiter in try calls.all(join: session) { waiter.value.join(session) }
        }.wait()
        try channel.setOption(.autoRead, value: true).wait()
    }

    /// Listens no more, and gives up the thread; for a listener that no transport took over. Blocks.
    package func close() {
        try? channel.close().wait()
        session.withLockedValue { $0 = nil }
        try? group.syncShutdownGracefully()
    }
}
