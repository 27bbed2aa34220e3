import CrypTenBase
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A stand-in for a network, between two members on one machine: bytes arrive late, and no faster than a link carries.
///
/// It listens on a port of its own and passes on what it gets, unchanged and in order, to one address and back. Both
/// directions are a link each: a byte leaves when those before it have left and the link has carried it, and arrives
/// `delay` later. More than a link can hold isn't read.
///
/// - Complexity: every byte is copied twice, into this process and out of it, by one thread that relays can share.
package final class Relay: Sendable {
    /// How a link treats bytes, in each direction.
    package struct Pace: Sendable, Hashable {
        /// From leaving to arriving.
        package var delay: Duration
        /// Infinite where nothing is held back.
        package var bytesPerSecond: Double

        package init(delay: Duration, bytesPerSecond: Double) {
            precondition(delay >= .zero && bytesPerSecond > 0, "a delay of \(delay), \(bytesPerSecond) bytes a second")
            self.delay = delay
            self.bytesPerSecond = bytesPerSecond
        }
    }

    /// The thread on which relays work.
    package final class Worker: Sendable {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

        package init() {}

        /// Ends it; its relays must have been closed.
        package func shutDown() async {
            try? await group.shutdownGracefully()
        }
    }

    /// Where it listens: to be called instead of the address that it leads to.
    package let address: TCPAddress

    private let channel: any Channel
    private let open: NIOLockedValueBox<[any Channel]>

    private init(_ address: TCPAddress, _ channel: any Channel, _ open: NIOLockedValueBox<[any Channel]>) {
        self.address = address
        self.channel = channel
        self.open = open
    }

    /// Listens on loopback, on a port that the system chooses.
    ///
    /// - Parameter target: Of this machine; called for each call that comes.
    /// - Throws: `CrypTenError` `.invalidArgument` or `.insecureTransport` for an address that isn't loopback's;
    ///   `.addressInUse` where the system has no port left.
    package static func start(to target: TCPAddress, pace: Pace, on worker: Worker) async throws -> Relay {
        let resolved = try target.resolve(insecurePlaintext: false, membership: nil)
        let open = NIOLockedValueBox<[any Channel]>([])
        do {
            let channel = try await ServerBootstrap(group: worker.group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.allowRemoteHalfClosure, value: true)
                .childChannelOption(.maxMessagesPerRead, value: 1)
                .childChannelOption(.recvAllocator, value: receiveAllocator)
                .childChannelInitializer { caller in
                    open.withLockedValue { $0.append(caller) }
                    return call(resolved, for: caller, pace).map { callee in
                        open.withLockedValue { $0.append(callee) }
                    }
                }
                .bind(host: "127.0.0.1", port: 0)
                .get()
            return Relay(TCPAddress(host: "127.0.0.1", port: channel.localAddress?.port ?? 0), channel, open)
        } catch {
            throw CrypTenError(.addressInUse, "a relay to \(target) can't listen on this machine", cause: error)
        }
    }

    /// Ends it, and all connections through it; what is on its way is lost.
    package func close() async {
        try? await channel.close()
        for channel in open.withLockedValue({ $0 }) { try? await channel.close() }
    }

    /// Calls the target, and joins the two channels.
    private static func call(
        _ target: SocketAddress,
        for caller: any Channel,
        _ pace: Pace
    ) -> EventLoopFuture<any Channel> {
        ClientBootstrap(group: caller.eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: receiveAllocator)
            .channelInitializer { callee in
                callee.eventLoop.makeCompletedFuture {
                    try callee.pipeline.syncOperations.addHandler(RelayHandler(to: caller, pace: pace))
                }
            }
            .connect(to: target)
            .flatMapThrowing { callee in
                try caller.pipeline.syncOperations.addHandler(RelayHandler(to: callee, pace: pace))
                return callee
            }
    }

    /// A frame of a run at a time, at most: what is read together arrives together.
    private static let receiveAllocator = AdaptiveRecvByteBufferAllocator(
        minimum: 4096,
        initial: 65536,
        maximum: 256 << 10
    )
}
