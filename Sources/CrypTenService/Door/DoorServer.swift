import CrypTenBase
import CrypTenIdentity
import CrypTenTransport
import Foundation
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle

/// The certificate that the door shows: replaced while it is open, for connections that are made from then on.
final class DoorCertificate: Sendable {
    private let identities: NIOLockedValueBox<[MemberIdentity]>

    /// - Parameter identities: This member's, one at the least: the first that is valid is shown.
    init(_ identities: [MemberIdentity]) {
        self.identities = NIOLockedValueBox(identities)
    }

    func replace(_ identities: [MemberIdentity]) {
        self.identities.withLockedValue { $0 = identities }
    }

    /// What is shown now.
    fileprivate func sources() throws -> (chain: [NIOSSLCertificateSource], key: NIOSSLPrivateKeySource) {
        let all = identities.withLockedValue { $0 }
        let identity = all.first { $0.certificate.isValid(at: Date()) } ?? all[0]
        return (
            [.certificate(try NIOSSLCertificate(bytes: identity.certificate.der, format: .der))],
            .privateKey(try NIOSSLPrivateKey(bytes: Array(identity.keyPEM.utf8), format: .pem))
        )
    }

    /// TLS 1.3 alone; a client may show a certificate, whatever it is: whose it is the door finds out.
    fileprivate func configuration() throws -> TLSConfiguration {
        let shown = try sources()
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: shown.chain,
            privateKey: shown.key
        )
        configuration.minimumTLSVersion = .tlsv13
        configuration.certificateVerification = .optionalVerification
        configuration.trustRoots = .certificates([])
        configuration.applicationProtocols = ["http/1.1"]
        configuration.sslContextCallback = { [self] _, promise in
            promise.completeWith(
                Result {
                    let shown = try sources()
                    var changes = NIOSSLContextConfigurationOverride()
                    (changes.certificateChain, changes.privateKey) = (shown.chain, shown.key)
                    return changes
                }
            )
        }
        return configuration
    }
}

/// The door's server.
struct DoorServer: Service {
    let door: Door
    /// nil: without TLS, on this machine.
    let certificate: DoorCertificate?
    let address: TCPAddress
    let logger: Logger
    /// Told the port once it is open.
    var opened: @Sendable (Int) -> Void = { _ in }

    /// Beyond this a request's headers aren't read.
    private static let mostHeaderBytes = 16 << 10

    func run() async throws {
        let limits = door.limits
        let http = HTTPServerBuilder.http1(
            configuration: HTTP1Channel.Configuration(
                additionalChannelHandlers: [HeadDeadline(of: limits)],
                idleTimeout: nil,
                httpDecoderConfiguration: HTTP1Channel.Configuration.DecoderConfiguration(
                    maxHeaderFieldSize: DoorServer.mostHeaderBytes,
                    maxHeaderListSize: DoorServer.mostHeaderBytes,
                    maxHeaderFieldCount: 64
                )
            )
        )
        let server = try certificate.map { certificate in
            let tls = TLSChannelConfiguration(tlsConfiguration: try certificate.configuration()) { _, promise in
                promise.succeed(.certificateVerified)
            }
            return try HTTPServerBuilder.tls(http, configuration: tls)
        }
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .notice)
        let application = Application(
            router: door.router(),
            server: server ?? http,
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port),
                serverName: "crypten",
                backlog: 1024,
                availableConnectionsDelegate: DoorConnections(limits)
            ),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? address.port
                logger.info("the door is open", metadata: ["port": "\(port)"])
                opened(port)
            },
            eventLoopGroupProvider: .singleton,
            logger: quiet
        )
        try await TakenAddress.explained(address) { try await application.run() }
    }
}
