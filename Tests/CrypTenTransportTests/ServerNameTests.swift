import CrypTenBase
import CrypTenTransport
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

extension Connected {
    @Suite("The name that a caller says in TLS") struct ServerNameTests {
        /// Keeps what comes first, and says nothing.
        private final class FirstBytes: ChannelInboundHandler, Sendable {
            typealias InboundIn = ByteBuffer

            private let kept: NIOLockedValueBox<Data>

            init(_ kept: NIOLockedValueBox<Data>) {
                self.kept = kept
            }

            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                let bytes = Data(unwrapInboundIn(data).readableBytesView)
                kept.withLockedValue { $0 += bytes }
            }
        }

        @Test(
            "is that of the address, so that proxies can pass it on by it, and none where that is a number",
            arguments: ["localhost", "127.0.0.1"]
        )
        func said(host: String) async throws {
            let hello = NIOLockedValueBox(Data())
            let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelInitializer { $0.pipeline.addHandler(FirstBytes(hello)) }
                .bind(host: host, port: 0).get()
            let place = TCPAddress(host: host, port: try #require(server.localAddress?.port))
            let identities = try TestIdentities(parties: 2)
            var members = try localSession(parties: 2) { role, configuration in
                configuration.membership = identities.membership(of: role)
            }
            var caller = members.remove(at: 1)
            caller.configuration.peers = [.party(PartyID(0)): place, .dealer: place]
            let (role, listener, configuration) = caller
            // Nobody answers there: the caller has said its first words, and waits.
            let connected = await onThreads {
                _ = try TCPTransport.connect(
                    role: role,
                    configuration: configuration,
                    listener: listener,
                    deadline: .after(.milliseconds(700))
                )
            }
            #expect(connected[0].errorCode == .timedOut)
            let said = hello.withLockedValue { $0 }
            #expect(said.count > 100)
            // In a list of one name (RFC 6066, section 3): 0 for a host, its length, and itself.
            let name = Data([0, 0, UInt8(host.utf8.count)] + Array(host.utf8))
            #expect((said.range(of: name) != nil) == (host == "localhost"))
            try await server.close()
        }
    }
}
