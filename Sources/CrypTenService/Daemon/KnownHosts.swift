import CrypTenTransport
import HTTPTypes
import Hummingbird
import NIOCore

/// By which names a server without TLS is asked: a page of somebody else's, whose name was made to lead here, asks by that name, and is told
/// nothing (DNS rebinding).
///
/// Known are the loopback's names and numbers, the number at which the caller has found this machine, and what is configured.
package struct KnownHosts: Sendable {
    private let names: Set<String>

    /// - Parameter names: Further hosts, names or numbers, without ports.
    package init(_ names: [String] = []) {
        self.names = Set(names.map { KnownHosts.plain($0) })
    }

    /// Whether a request may be for this server.
    ///
    /// - Parameters:
    ///   - authority: What it says in `Host`; nil: nothing.
    ///   - own: The number of the connection's end here.
    package func contains(_ authority: String?, at own: String?) -> Bool {
        guard let host = authority.flatMap(KnownHosts.host(of:)) else { return false }
        return ClusterFile.isLoopback(host) || names.contains(host) || own.map(KnownHosts.plain) == host
    }

    /// A host without its port; nil for what is none.
    private static func host(of authority: String) -> String? {
        let end: String.Index
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { return nil }
            end = authority.index(after: close)
        } else {
            end = authority.firstIndex(of: ":") ?? authority.endIndex
        }
        let port = authority[end...]
        guard port.isEmpty || (port.first == ":" && port.dropFirst().utf8.allSatisfy { (48...57).contains($0) }) else {
            return nil
        }
        let host = plain(String(authority[..<end]))
        return host.isEmpty ? nil : host
    }

    /// In small letters, without brackets and without the point that may end a name.
    private static func plain(_ host: String) -> String {
        var host = host.lowercased()
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if host.hasSuffix(".") { host.removeLast() }
        return host
    }
}

/// What is known of a request to a server without TLS: where its connection ends.
struct LocalContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    private let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// The number of this end.
    var ownAddress: String? { channel.localAddress?.ipAddress }
}

/// Answers requests to known hosts alone.
struct KnownHostsAlone: RouterMiddleware {
    let hosts: KnownHosts

    func handle(
        _ request: Request,
        context: LocalContext,
        next: (Request, LocalContext) async throws -> Response
    ) async throws -> Response {
        if hosts.contains(request.head.authority, at: context.ownAddress) { return try await next(request, context) }
        return Response(
            status: HTTPResponse.Status(code: 421, reasonPhrase: "Misdirected Request"),
            headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: .init(
                byteBuffer: ByteBuffer(
                    string:
                        "this server isn't known by the name that it was asked by: ask by its address, or name the host in status_hosts\n"
                )
            )
        )
    }
}
