import CrypTenBase
import CrypTenIdentity
import CrypTenSharing
import CrypTenTransport
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTLS
import Logging
import NIOCore
import NIOPosix
import NIOSSL

/// HTTPS for clients that are no party: the Open Inference Protocol, in which every number is a share.
///
/// Everything but whether the party lives and is ready asks for a certificate or a token. What comes in is bounded before it is read: connections,
/// headers, bytes, time. What goes out never tells more than a sentence of the table of refusals.
struct Door: Sendable {
    let party: PartyID
    let name: String
    let cell: String
    let parties: Int
    let requests: WaitingRequests
    let shelf: ModelShelf
    let clients: DoorClients
    let budgets: Budgets?
    let meter: CellMeter
    let limits: DoorLimits
    let origins: DoorOrigins
    let version: String
    /// What requests may take of memory, all together.
    let room: DoorRoom

    // MARK: Routes

    /// All paths of the door.
    func router() -> Router<DoorContext> {
        let router = Router(context: DoorContext.self)
        // The first is the outermost: refusals, too, must be readable for the pages that may ask.
        router.add(middleware: origins)
        router.add(middleware: DoorErrors())
        router.get("/v2/health/live") { _, _ in Door.status(.ok) }
        router.get("/v2/health/ready") { [shelf] _, _ in
            Door.status(shelf.epoch == nil ? .serviceUnavailable : .ok)
        }
        router.get("/v2") { request, context in
            _ = try await client(request, context, model: nil)
            return try json(["name": "crypten", "version": version, "extensions": ["binary_tensor_data"]])
        }
        for path: RouterPath in ["/v2/models/:model", "/v2/models/:model/versions/:version"] {
            router.get(path) { request, context in try await metadata(request, context) }
        }
        for path: RouterPath in ["/v2/models/:model/ready", "/v2/models/:model/versions/:version/ready"] {
            router.get(path) { request, context in
                _ = try await served(request, context)
                return Door.status(shelf.epoch == nil ? .serviceUnavailable : .ok)
            }
        }
        for path: RouterPath in ["/v2/models/:model/infer", "/v2/models/:model/versions/:version/infer"] {
            router.post(path) { request, context in try await infer(request, context) }
        }
        return router
    }

    private func client(_ request: Request, _ context: DoorContext, model: String?) async throws -> ClusterFile.Client {
        try await clients.client(
            certificate: context.certificate,
            authorization: request.headers[.authorization],
            model: model
        )
    }

    private func served(
        _ request: Request,
        _ context: DoorContext
    ) async throws -> (client: ClusterFile.Client, model: String, version: String?, entries: [ModelShelf.Entry]) {
        let model = context.parameters.get("model") ?? ""
        let version = context.parameters.get("version")
        let client = try await client(request, context, model: model)
        _ = try DoorAdmission.allowance(of: client, model)
        guard let entries = shelf.versions(of: model),
            version == nil || entries.contains(where: { $0.version == version })
        else {
            guard shelf.epoch != nil else { throw Door.restarting }
            throw DoorRefusal(
                .notFound,
                "model \(model)\(version.map { ", version \($0)," } ?? "") isn't served: read the metadata again"
            )
        }
        return (client, model, version, entries)
    }

    private static let restarting = DoorRefusal(.restarting, "the cell makes a new session: ask anew in some seconds")

    private func metadata(_ request: Request, _ context: DoorContext) async throws -> Response {
        let (client, model, version, entries) = try await served(request, context)
        guard let epoch = shelf.epoch else { throw Door.restarting }
        guard let entry = version == nil ? entries.first : entries.first(where: { $0.version == version }) else {
            throw Door.restarting
        }
        let permitted = client.models[model]?.outputs
        let metadata = ModelMetadata(
            name: model,
            versions: [entry.version] + entries.map(\.version).filter { $0 != entry.version },
            inputs: entry.inputs,
            outputs: entry.outputs.filter { permitted?.contains($0.name) ?? true },
            parameters: ModelMetadata.Parameters(
                cell: cell,
                epoch: epoch,
                party: party.index,
                parties: parties,
                partyName: name,
                rows: entry.mostRows,
                rowCounts: entry.sizes
            )
        )
        return Door.response(try metadata.body)
    }

    // MARK: Inference

    private func infer(_ request: Request, _ context: DoorContext) async throws -> Response {
        let start = ContinuousClock.now
        let model = context.parameters.get("model").flatMap { shelf.versions(of: $0) == nil ? nil : $0 } ?? "unknown"
        do {
            let response = try await answer(request, context)
            meter.answered(model: model, code: "ok", seconds: (ContinuousClock.now - start).inSeconds)
            return response
        } catch {
            meter.answered(model: model, code: (error as? DoorRefusal)?.code.rawValue ?? "failed", seconds: 0)
            throw error
        }
    }

    private func answer(_ request: Request, _ context: DoorContext) async throws -> Response {
        let (client, model, version, entries) = try await served(request, context)
        let reserved = try room.take(reservation(for: request))
        defer { room.give(reserved) }
        var asked = try await asked(request, wireLimits(entries))
        guard shelf.epoch != nil else { throw Door.restarting }
        let admitted = try DoorAdmission.admit(
            asked,
            model: model,
            version: version,
            of: client,
            served: entries,
            isLast: party.index == parties - 1
        )
        // Whatever becomes of it, the share is in one place from here on, and gone from there in the end.
        asked.part = .words([])
        defer { admitted.share.wipe() }
        // What wouldn't be taken in costs no rows.
        try requests.withTable { try $0.check(admitted.key) }
        if let limit = client.models[model]?.rowsPerDay {
            try await budgets?.take(admitted.rows, of: client.name, model: model, limit: limit)
        }
        let answer = try await requests.answer(admitted)
        let reply = InferenceReply(
            model: model,
            version: admitted.version,
            id: admitted.key.id,
            tag: ReplyTag(epoch: admitted.key.epoch, binding: answer.binding, id: admitted.key.id),
            outputs: answer.outputs
        )
        let encoded = try reply.encoded(binary: asked.wantsBinary)
        return Door.response(encoded.bytes, headerLength: encoded.headerLength)
    }

    /// Receives a request and reads it; what was received is overwritten behind it.
    private func asked(_ request: Request, _ limits: WireLimits) async throws -> InferenceRequest {
        var body = try await body(of: request)
        defer { body.bytes.wipe() }
        return try await read(body, limits)
    }

    /// How much memory a request may take until it is answered: what it announces, or the most that it may have.
    private func reservation(for request: Request) throws -> Int {
        let most = limits.now.requestBytes
        guard let announced = request.headers[.contentLength].flatMap({ Int($0) }) else { return most }
        guard announced <= most else { throw Door.tooLarge(most) }
        return max(0, announced)
    }

    /// Reads a request; a long one not on the threads that answer others.
    private func read(_ body: EncodedBody, _ limits: WireLimits) async throws -> InferenceRequest {
        guard body.bytes.count > Door.shortBytes else { return try InferenceRequest(body, limits) }
        return try await NIOThreadPool.singleton.runIfActive { try InferenceRequest(body, limits) }
    }

    private static let shortBytes = 64 << 10

    private func wireLimits(_ entries: [ModelShelf.Entry]) -> WireLimits {
        var limits = WireLimits()
        limits.mostRows = entries.map(\.mostRows).max() ?? 1
        let most = self.limits.now.requestBytes
        limits.mostWords = most / 8
        limits.mostJSONBytes = most
        return limits
    }

    /// The body, within its bounds of bytes and time.
    private func body(of request: Request) async throws -> EncodedBody {
        let length = request.headers[Door.lengthHeader].map { Int($0) ?? -1 }
        let now = limits.now
        let (most, time) = (now.requestBytes, now.arrival)
        let buffer = try await withThrowingTaskGroup(of: ByteBuffer.self) { group in
            group.addTask {
                do {
                    return try await request.body.collect(upTo: most)
                } catch is NIOTooManyBytesError {
                    throw Door.tooLarge(most)
                } catch  where !(error is CancellationError) {
                    throw DoorRefusal(
                        .malformed,
                        "the request's body can't be read to its end: mend its length or its chunks"
                    )
                }
            }
            group.addTask {
                try await Task.sleep(for: time)
                throw DoorRefusal(.tooSlow, "the request didn't arrive within \(time)")
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { preconditionFailure("two tasks were added") }
            return first
        }
        var received = consume buffer
        defer { received.wipe() }
        return EncodedBody(bytes: Data(received.readableBytesView), headerLength: length)
    }

    private static func tooLarge(_ most: Int) -> DoorRefusal {
        DoorRefusal(
            .tooLarge,
            "a request of more than \(most) bytes: send fewer rows at once, and words in their binary form"
        )
    }

    // MARK: Responses

    static let lengthHeader = HTTPField.Name(EncodedBody.lengthHeader)!

    private func json(_ value: [String: Any]) throws -> Response {
        Door.response(try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys]))
    }

    /// What every answer tells browsers.
    private static let protection: HTTPFields = [
        .cacheControl: "no-store", .xContentTypeOptions: "nosniff", .strictTransportSecurity: "max-age=31536000",
    ]

    /// A status alone.
    static func status(_ status: HTTPResponse.Status) -> Response {
        Response(status: status, headers: protection)
    }

    /// What a refusal says, and nothing else.
    static func response(_ refusal: DoorRefusal) -> Response {
        var response = Door.response(refusal.body, status: HTTPResponse.Status(code: refusal.code.status))
        if refusal.code == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
        if refusal.code.status == 503 { response.headers[.retryAfter] = "1" }
        return response
    }

    static func response(_ data: Data, headerLength: Int? = nil, status: HTTPResponse.Status = .ok) -> Response {
        var headers = protection
        headers[.contentType] = headerLength == nil ? "application/json" : "application/octet-stream"
        if let headerLength { headers[lengthHeader] = "\(headerLength)" }
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: data)))
    }
}

/// Makes a sentence of the table of whatever goes wrong; nothing else gets out.
private struct DoorErrors: RouterMiddleware {
    func handle(
        _ request: Request,
        context: DoorContext,
        next: (Request, DoorContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let refusal as DoorRefusal {
            return Door.response(refusal)
        } catch let error as HTTPError where error.status == .notFound {
            return Door.response(
                DoorRefusal(.notFound, "there is nothing at this path: /v2/models/MODEL/infer takes requests")
            )
        } catch let error as HTTPError where error.status == .methodNotAllowed {
            return Door.response(DoorRefusal(.notFound, "nothing takes this method at this path"))
        } catch is CancellationError {
            return Door.response(DoorRefusal(.restarting, "the party is about to end: ask anew in some seconds"))
        } catch {
            context.logger.error("a request failed: \((error as? CrypTenError)?.message ?? "of \(type(of: error))")")
            return Door.response(DoorRefusal(.restarting, "the party couldn't answer: ask anew"))
        }
    }

}
