import AsyncHTTPClient
import CrypTenBase
import CrypTenSharing
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// All connections to one party, and to nobody else.
///
/// Where the party is known by fingerprints, TLS takes any certificate, having seen that the other end has its key, and the connection is
/// given up before a request goes over it if the certificate is another one. Where it is known by authorities, TLS judges.
final class PartyLink: Sendable {
    /// The other end shows a certificate that isn't the party's.
    private struct IdentityMismatch: Error {}

    /// How long making a connection may take.
    private static let connectPatience = TimeAmount.seconds(10)
    /// Connections to one party at once.
    private static let mostConnections = 256

    let party: CellParty
    private let http: HTTPClient
    private let mostReplyBytes: Int

    /// - Throws: `.fileNotReadable` or `.invalidArgument` where the client's certificate or key can't be used.
    init(_ party: CellParty, identity: ClientIdentity, mostReplyBytes: Int) throws {
        self.party = party
        self.mostReplyBytes = mostReplyBytes
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: try PartyLink.tls(party, identity),
            redirectConfiguration: .disallow,
            timeout: HTTPClient.Configuration.Timeout(connect: PartyLink.connectPatience)
        )
        configuration.httpVersion = .http1Only
        // As many as ask at once: who waits for a connection misses the run that others share.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = PartyLink.mostConnections
        // Who isn't the party won't be it a moment later.
        configuration.connectionPool.retryConnectionEstablishment = false
        if !party.fingerprints.isEmpty {
            let judge: @Sendable (any Channel) -> EventLoopFuture<Void> = { channel in
                channel.nioSSL_peerCertificate().flatMapThrowing { certificate in
                    guard let der = try certificate?.toDERBytes(), party.isKnown(by: der) else {
                        throw IdentityMismatch()
                    }
                }.flatMapError { error in
                    channel.close(mode: .all, promise: nil)
                    return channel.eventLoop.makeFailedFuture(error)
                }
            }
            configuration.http1_1ConnectionDebugInitializer = judge
            configuration.http2ConnectionDebugInitializer = judge
        }
        // The threads whose TLS is BoringSSL's on every system.
        http = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    }

    deinit {
        // It may have been ended already, and then this does nothing.
        http.shutdown { _ in }
    }

    private static func tls(_ party: CellParty, _ identity: ClientIdentity) throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv13
        // The first is safe also from who records now and has a quantum computer later.
        tls.curves = [.x25519_MLKEM768, .x25519, .secp256r1]
        if party.authorities.isEmpty {
            // Judged when the handshake is done, before anything is sent.
            tls.certificateVerification = .none
        } else {
            let authorities = try party.authorities.flatMap { try NIOSSLCertificate.fromPEMBytes(Array($0.utf8)) }
            tls.trustRoots = .certificates(authorities)
        }
        guard case .certificate(let chain, let key) = identity.kind else { return tls }
        do {
            tls.certificateChain = try NIOSSLCertificate.fromPEMFile(chain.path).map { .certificate($0) }
            tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: key.path, format: .pem))
        } catch {
            throw CrypTenError(
                .fileNotReadable,
                "the client's certificate \(chain.path) or its key \(key.path) can't be used: both are PEM files",
                cause: error
            )
        }
        return tls
    }

    /// Ends the connections; none can be made any more.
    func close() async {
        try? await http.shutdown()
    }

    /// Asks the party for what stands at a path.
    func get(_ path: String, token: String?, within patience: Duration) async throws -> EncodedBody {
        var request = HTTPClientRequest(url: party.url + path)
        request.method = .GET
        return try await execute(request, token, patience)
    }

    /// Sends the party its part of a question, and returns its part of the answer.
    func post(
        _ path: String,
        _ body: EncodedBody,
        token: String?,
        within patience: Duration
    ) async throws -> EncodedBody {
        var request = HTTPClientRequest(url: party.url + path)
        request.method = .POST
        request.headers.add(
            name: "Content-Type",
            value: body.headerLength == nil ? "application/json" : "application/octet-stream"
        )
        if let length = body.headerLength { request.headers.add(name: EncodedBody.lengthHeader, value: String(length)) }
        request.body = .bytes(ByteBuffer(bytes: body.bytes))
        return try await execute(request, token, patience)
    }

    private func execute(
        _ request: HTTPClientRequest,
        _ token: String?,
        _ patience: Duration
    ) async throws -> EncodedBody {
        var request = request
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        let response: HTTPClientResponse
        let bytes: Data
        do {
            response = try await http.execute(request, timeout: .nanoseconds(PartyLink.nanoseconds(patience)))
            bytes = Data((try await response.body.collect(upTo: mostReplyBytes)).readableBytesView)
        } catch {
            throw PartyLink.error(error, party)
        }
        guard response.status == .ok else { throw refusal(response, bytes).error }
        let header = response.headers.first(name: EncodedBody.lengthHeader)
        let length = header.flatMap(Int.init)
        guard header == nil || length != nil else {
            throw CrypTenError(
                .malformedFrame,
                "party \"\(party.name)\" sent a header \(EncodedBody.lengthHeader) that is no number"
            )
        }
        return EncodedBody(bytes: bytes, headerLength: length)
    }

    private func refusal(_ response: HTTPClientResponse, _ body: Data) -> CellRefusal {
        let read = DoorRefusal(body: body)
        let seconds = response.headers.first(name: "Retry-After").flatMap(Int.init).flatMap {
            (0..<100).contains($0) ? $0 : nil
        }
        return CellRefusal(
            party: party.name,
            code: read?.code.rawValue ?? "http",
            status: Int(response.status.code),
            message: read?.message ?? "what answers at its address is no door of a cell, or is out of order",
            retryAfter: seconds.map { .seconds($0) }
        )
    }

    private static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return max(1, min(seconds, 1 << 32) * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    private static func error(_ error: any Error, _ party: CellParty) -> any Error {
        let name = "party \"\(party.name)\""
        switch error {
        case is CancellationError:
            return error
        case is IdentityMismatch:
            return CrypTenError(
                .identityRefused,
                "who answers at \(party.url) shows a certificate that isn't one of \(name): nothing was sent; compare the fingerprints "
                    + "with the party's owner"
            )
        case let error as HTTPClientError where error == .cancelled:
            return CancellationError()
        case let error as HTTPClientError where [.deadlineExceeded, .readTimeout].contains(error):
            return CrypTenError(.timedOut, "\(name) didn't answer in time", cause: error)
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            return CrypTenError(
                .identityRefused,
                "TLS with \(name) failed: it has another certificate than it should, or doesn't take this client's",
                cause: error
            )
        case is NIOTooManyBytesError:
            return CrypTenError(.malformedFrame, "\(name) sent more bytes than an answer may have", cause: error)
        default:
            return CrypTenError(.peerLost, "\(name) can't be reached, or the connection to it ended", cause: error)
        }
    }
}
