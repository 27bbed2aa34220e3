import CrypTenIdentity
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// A server on loopback that answers with what a closure says, with TLS or without.
final class FakeServer: Sendable {
    struct Request: Sendable {
        var method: String
        var path: String
        var headers: [String: String]
        var body: Data
        /// What the client has shown in TLS, in DER form.
        var certificate: [UInt8]?
    }

    struct Response: Sendable {
        var status: Int
        var headers: [String: String] = [:]
        var body: Data
    }

    private let channel: any Channel
    let port: Int

    init(_ identity: MemberIdentity? = nil, answer: @escaping @Sendable (Request) async -> Response) async throws {
        let context = try identity.map { identity in
            let pem = Array(identity.secretPEM.utf8)
            var tls = TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(identity.certificate.pem.utf8)).map {
                    .certificate($0)
                },
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: pem, format: .pem))
            )
            tls.certificateVerification = .optionalVerification
            return try NIOSSLContext(configuration: tls)
        }
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let shown = NIOLockedValueBox<[UInt8]?>(nil)
                    if let context {
                        let handler = NIOSSLServerHandler(context: context) { chain, promise in
                            shown.withLockedValue { $0 = chain.first.flatMap { try? $0.toDERBytes() } }
                            promise.succeed(.certificateVerified)
                        }
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(shown, answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    deinit {
        channel.close(promise: nil)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let shown: NIOLockedValueBox<[UInt8]?>
        private let answer: @Sendable (Request) async -> Response
        private var request = Request(method: "", path: "", headers: [:], body: Data())

        init(_ shown: NIOLockedValueBox<[UInt8]?>, _ answer: @escaping @Sendable (Request) async -> Response) {
            self.shown = shown
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                request = Request(method: head.method.rawValue, path: head.uri, headers: [:], body: Data())
                for (name, value) in head.headers { request.headers[name.lowercased()] = value }
            case .body(let bytes):
                request.body.append(contentsOf: bytes.readableBytesView)
            case .end:
                request.certificate = shown.withLockedValue { $0 }
                let (channel, request, answer) = (context.channel, request, answer)
                Task {
                    let response = await answer(request)
                    var headers = HTTPHeaders(response.headers.map { ($0, $1) })
                    headers.add(name: "Content-Length", value: String(response.body.count))
                    let head = HTTPResponseHead(
                        version: .http1_1,
                        status: HTTPResponseStatus(statusCode: response.status),
                        headers: headers
                    )
                    channel.write(HTTPServerResponsePart.head(head), promise: nil)
                    channel.write(
                        HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: response.body))),
                        promise: nil
                    )
                    channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
                }
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
