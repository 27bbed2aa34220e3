import CrypTenTransport
public import Foundation
import HTTPTypes
import Hummingbird
public import Logging
import NIOCore
import NIOPosix

/// Serves some files, and what is made when it is asked for, to browsers on this machine: no folder, nothing else.
public struct PageServer: Sendable {
    /// What is at a path.
    public struct Content: Sendable {
        public var type: String
        public var data: Data

        public init(type: String, data: Data) {
            (self.type, self.data) = (type, data)
        }
    }

    private let files: [String: Content]
    private let made: @Sendable (_ path: String, _ query: [String: String]) async throws -> Content?
    private let connections: [String]

    /// - Parameters:
    ///   - files: By path, `/` among them.
    ///   - connections: Where the page's scripts may ask besides this server: origins.
    ///   - made: What is made for other paths; nil for what isn't there.
    public init(
        files: [String: Content],
        connections: [String],
        made: @escaping @Sendable (_ path: String, _ query: [String: String]) async throws -> Content?
    ) {
        (self.files, self.connections, self.made) = (files, connections, made)
    }

    /// Serves until the task is cancelled.
    ///
    /// - Parameters:
    ///   - port: On loopback; 0 lets the system choose.
    ///   - opened: Told the port.
    /// - Throws: `.addressInUse`.
    public func run(port: Int, logger: Logger, opened: @escaping @Sendable (Int) -> Void) async throws {
        let router = Router(context: LocalContext.self)
        router.add(middleware: KnownHostsAlone(hosts: KnownHosts()))
        router.get("**") { request, _ in try await respond(request) }
        router.get("/") { request, _ in try await respond(request) }
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port), serverName: "crypten"),
            onServerRunning: { opened($0.localAddress?.port ?? port) },
            eventLoopGroupProvider: .singleton,
            logger: logger
        )
        try await TakenAddress.explained(TCPAddress(host: "127.0.0.1", port: port)) { try await application.run() }
    }

    private func respond(_ request: Request) async throws -> Response {
        let query = Dictionary(request.uri.queryParameters.map { (String($0.key), String($0.value)) }) { first, _ in
            first
        }
        let path = request.uri.path
        let found: Content? = if let file = files[path] { file } else { try await made(path, query) }
        guard let content = found else { return Response(status: .notFound) }
        var headers = HTTPFields()
        headers[.contentType] = content.type
        headers[.cacheControl] = "no-store"
        headers[.xContentTypeOptions] = "nosniff"
        headers[.contentSecurityPolicy] =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
            + "connect-src \((["'self'"] + connections).joined(separator: " ")); base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        headers[HTTPField.Name("Referrer-Policy")!] = "no-referrer"
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: content.data)))
    }
}
