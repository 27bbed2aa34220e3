import Hummingbird
import Logging
import NIOCore
import NIOSSL

/// What is known of one request to the door: its connection, above all.
struct DoorContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    private let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// The DER form of the certificate that the client has shown; that it has the key was shown by TLS.
    var certificate: [UInt8]? {
        get async {
            let shown = channel.pipeline.handler(type: NIOSSLServerHandler.self).map { handler in
                handler.peerCertificate.flatMap { try? $0.toDERBytes() }
            }
            return (try? await shown.get()) ?? nil
        }
    }
}
