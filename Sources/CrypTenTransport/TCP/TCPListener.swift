import CrypTenBase
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

    private init(
        _ address: TCPAddress,
        _ group: MultiThreadedEventLoopGroup,
        _ channel: any Channel,
        _ session: NIOLockedValueBox<TCPSession?>
    ) {
        self.address = address
        self.group = group
        self.channel = channel
        self.session = session
    }

    /// Listens on an address. Blocks; not for a thread of Swift's concurrency.
    ///
    /// - Throws: ``CrypTenError`` `.addressInUse` when something else listens there; `.insecureTransport` for an address
    ///   that isn't loopback, unless `insecurePlaintext`; `.invalidArgument` for an address that isn't this machine's.
    package static func bind(_ address: TCPAddress, insecurePlaintext: Bool = false) throws -> TCPListener {
        let resolved = try address.resolve(insecurePlaintext: insecurePlaintext)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let session = NIOLockedValueBox<TCPSession?>(nil)
        do {
            let channel = try ServerBootstrap(group: group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.autoRead, value: false)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.maxMessagesPerRead, value: 1)
                .childChannelOption(.recvAllocator, value: TCPTransport.receiveAllocator)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        guard let session = session.withLockedValue({ $0 }) else {
                            throw ChannelError.ioOnClosedChannel
                        }
                        try channel.pipeline.syncOperations.addHandler(TCPConnectionHandler(session, calling: nil))
                    }
                }
                .bind(to: resolved)
                .wait()
            let port = channel.localAddress?.port ?? address.port
            return TCPListener(TCPAddress(host: address.host, port: port), group, channel, session)
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

    /// Takes calls for a session.
    func start(_ session: TCPSession) throws {
        self.session.withLockedValue { $0 = session }
        try channel.setOption(.autoRead, value: true).wait()
    }

    /// Listens no more, and gives up the thread; for a listener that no transport took over. Blocks.
    package func close() {
        try? channel.close().wait()
        session.withLockedValue { $0 = nil }
        try? group.syncShutdownGracefully()
    }
}
