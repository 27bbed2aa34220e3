import CrypTenBase
import CrypTenTransport
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle

/// What a member's own machine may ask it, without TLS: whether it lives, whether it is ready, and what it has counted.
struct StatusServer: Service {
    let address: TCPAddress
    /// By which names it may be asked.
    let hosts: KnownHosts
    let isReady: @Sendable () -> Bool
    let registry: PrometheusRegistry
    let logger: Logger

    func run() async throws {
        let router = Router(context: LocalContext.self)
        router.add(middleware: KnownHostsAlone(hosts: hosts))
        router.get("/live") { _, _ in Response(status: .ok) }
        router.get("/ready") { [isReady] _, _ in Response(status: isReady() ? .ok : .serviceUnavailable) }
        router.get("/metrics") { [registry] _, _ in
            Response(
                status: .ok,
                headers: [.contentType: PrometheusRegistry.contentType],
                body: .init(byteBuffer: ByteBuffer(string: registry.text()))
            )
        }
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .notice)
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port),
                serverName: "crypten"
            ),
            eventLoopGroupProvider: .singleton,
            logger: quiet
        )
        try await TakenAddress.explained(address) { try await application.run() }
    }
}
