import CrypTenSharing
import HTTPTypes
import Hummingbird
import NIOConcurrencyHelpers

/// Which pages in browsers may ask: those of the cluster file, by name, and no others.
final class DoorOrigins: RouterMiddleware, Sendable {
    private let origins: NIOLockedValueBox<Set<String>>

    init(_ origins: [String]) {
        self.origins = NIOLockedValueBox(Set(origins))
    }

    func replace(_ origins: [String]) {
        self.origins.withLockedValue { $0 = Set(origins) }
    }

    func handle(
        _ request: Request,
        context: DoorContext,
        next: (Request, DoorContext) async throws -> Response
    ) async throws -> Response {
        guard let origin = request.headers[.origin] else { return try await next(request, context) }
        let isKnown = origins.withLockedValue { $0.contains(origin) }
        if request.method == .options, request.headers[.accessControlRequestMethod] != nil {
            var response = Response(status: isKnown ? .noContent : .forbidden)
            response.headers[.vary] = "Origin"
            guard isKnown else { return response }
            allow(origin, &response)
            response.headers[.accessControlAllowMethods] = "GET, POST"
            response.headers[.accessControlAllowHeaders] =
                "authorization, content-type, \(Door.lengthHeader.canonicalName)"
            response.headers[.accessControlMaxAge] = "600"
            return response
        }
        // A page of another origin may ride on the certificate of whoever looks at it: what it asks isn't done.
        guard isKnown else {
            return Door.response(
                DoorRefusal(
                    .forbidden,
                    "pages of this origin may not ask: the cluster file names those that may (origins)"
                )
            )
        }
        var response = try await next(request, context)
        response.headers[.vary] = "Origin"
        allow(origin, &response)
        return response
    }

    private func allow(_ origin: String, _ response: inout Response) {
        response.headers[.accessControlAllowOrigin] = origin
        response.headers[.accessControlAllowCredentials] = "true"
        response.headers[.accessControlExposeHeaders] = "\(Door.lengthHeader.canonicalName), retry-after"
    }
}
