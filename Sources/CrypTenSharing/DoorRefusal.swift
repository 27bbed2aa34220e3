package import Foundation

/// Why a party doesn't answer a request: a code of a fixed table, and a sentence.
package struct DoorRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// The table: what a client is told, with which status, and whether it may ask anew by itself.
    package enum Code: String, CaseIterable, Sendable, Codable {
        /// The request isn't what it should be: mend it.
        case malformed
        /// A plain input was sent: it must be split into shares first.
        case needsShares = "needs_shares"
        /// Another version of client and cell.
        case sharingVersion = "sharing_version"
        /// No valid certificate or token for this party.
        case unauthorized
        /// The cluster file allows the client no such model or output.
        case forbidden
        /// No such path, model or version: read the metadata again.
        case notFound = "not_found"
        /// The request took too long to arrive.
        case tooSlow = "too_slow"
        /// The id belongs to an epoch that is over: read the metadata again, ask anew.
        case epoch
        /// The id was used before.
        case duplicate
        /// Another party has the request in another form.
        case mismatch
        /// More rows or bytes than are allowed.
        case tooLarge = "too_large"
        /// The rows of this UTC day are used up.
        case budget
        /// Too many requests wait: ask again later.
        case busy
        /// The session ended while the request waited or ran: ask anew.
        case restarting
        /// Another party didn't get its part in time.
        case incomplete

        /// The status of HTTP.
        package var status: Int {
            switch self {
            case .malformed, .needsShares, .sharingVersion: 400
            case .unauthorized: 401
            case .forbidden: 403
            case .notFound: 404
            case .tooSlow: 408
            case .epoch, .duplicate, .mismatch: 409
            case .tooLarge: 413
            case .budget: 429
            case .busy, .restarting: 503
            case .incomplete: 504
            }
        }

        /// Whether a client may ask anew by itself, with a new id and new seeds.
        package var mayAskAnew: Bool {
            switch self {
            case .epoch, .restarting, .incomplete, .busy: true
            default: false
            }
        }
    }

    package var code: Code
    /// What happened, where, and what to do: nothing of anybody's data.
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }

    /// The body that says so: `{"crypten_code": "code", "error": "a sentence"}`.
    package var body: Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Two strings: there is nothing in them that JSON doesn't have.
        return (try? encoder.encode(Body(error: message, code: code.rawValue))) ?? Data()
    }

    /// Reads what another end has sent; nil for what is no refusal of the table.
    ///
    /// The sentence is the other end's: at most 500 characters of it are taken, none of them a control character.
    package init?(body: Data) {
        guard body.count <= 1 << 16, let body = try? JSONDecoder().decode(Body.self, from: body) else { return nil }
        guard let code = Code(rawValue: body.code) else { return nil }
        let printable = body.error.unicodeScalars.prefix(500).filter { !$0.properties.isDefaultIgnorableCodePoint }
            .map { $0.properties.generalCategory == .control ? " " : Character($0) }
        self.init(code, String(printable))
    }

    private struct Body: Codable {
        var error: String
        var code: String

        enum CodingKeys: String, CodingKey {
            case error
            case code = "crypten_code"
        }
    }
}
