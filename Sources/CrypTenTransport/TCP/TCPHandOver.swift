import CrypTenBase
import Logging
import NIOCore

/// Hands a connection that someone has made to us over to the session.
final class TCPHandOver: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let session: TCPSession

    init(_ session: TCPSession) {
        self.session = session
    }

    func channelActive(context: ChannelHandlerContext) {
        do {
            try context.pipeline.syncOperations.handOver(to: session, calling: nil)
        } catch {
            session.configuration.logger.warning("can't take a call: \(error)")
            context.close(promise: nil)
        }
    }
}

extension ChannelPipeline.SynchronousOperations {
    /// Makes the channel's socket a connection of the session, and closes the channel; on its event loop.
    ///
    /// The socket lives on with a descriptor of its own. The channel mustn't have read anything but `bytes`; where there is a
    /// ``TLSDoor``, the conversation goes on as it stands there.
    ///
    /// - Throws: ``CrypTenError`` `.peerLost` if the system has no descriptor left, or the caller has gone; `.insecureTransport` for
    ///   a session with identities where nobody was let in.
    func handOver(to session: TCPSession, calling peer: Role?, after bytes: ByteBuffer = ByteBuffer()) throws {
        let socket = try withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            TCPSocket(duplicating: $0)
        }
        guard let socket = socket ?? nil else {
            throw CrypTenError(.peerLost, "a connection can't be taken over")
        }
        let tls = try? handler(type: TLSDoor.self).release()
        guard (tls == nil) == (session.configuration.membership == nil) else {
            throw CrypTenError(.insecureTransport, "a connection of which nobody has shown whose it is")
        }
        // Nothing waits in the channel to be written: closing it leaves the connection alone, which has a second descriptor.
        close(promise: nil)
        let carrier: any Carrier = tls.map { TLSSocket(socket, $0.engine) } ?? socket
        TCPConnection(carrier, session, calling: peer, certified: tls?.peer).begin(bytes)
    }
}
