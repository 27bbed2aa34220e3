package import Foundation

/// What a client shows instead of a certificate: for one party of one cell alone, and for some minutes.
package struct ClientToken: Hashable, Sendable {
    /// The farthest that a token's end may be ahead, in seconds.
    package static let longestLife: TimeInterval = 600
    /// For how many seconds a token counts after its end, and before its beginning.
    static let leeway: TimeInterval = 5
    /// More bytes than any token has.
    static let mostBytes = 4096

    /// The client's name.
    package var client: String
    /// When it ends.
    package var expires: Date
    /// The models that it is good for; nil: all that the client may ask.
    package var models: Set<String>?

    package init(client: String, expires: Date, models: Set<String>?) {
        self.client = client
        self.expires = expires
        self.models = models
    }

    /// Whether it is good for a model.
    package func allows(_ model: String) -> Bool {
        models?.contains(model) ?? true
    }

    /// The audience of a party: `CELL/PARTY`.
    package static func audience(cell: String, party: String) -> String {
        "\(cell)/\(party)"
    }
}
