import CrypTenBase
package import Foundation

extension ClientToken {
    /// Makes a token for one party.
    ///
    /// - Parameters:
    ///   - client: The client's name in the cluster file.
    ///   - audience: The party's (``audience(cell:party:)``).
    ///   - models: The models that it is to be good for; nil: all that the client may ask.
    ///   - lifetime: For how many seconds, ``longestLife`` at most.
    ///   - key: The client's.
    ///   - date: Now.
    /// - Returns: The token, which is as good as the key for as long: it goes to that party and nowhere else.
    /// - Throws: `.invalidArgument` for a lifetime that no party takes, or for a model whose name can't stand in a scope.
    package static func sign(
        client: String,
        audience: String,
        models: Set<String>? = nil,
        lifetime: TimeInterval = 300,
        with key: ClientTokenSigningKey,
        at date: Date = Date()
    ) async throws -> String {
        guard lifetime > 0, lifetime <= longestLife else {
            throw CrypTenError(
                .invalidArgument,
                "a token for \(lifetime) seconds: parties take none for more than \(Int(longestLife)), and it must be for some"
            )
        }
        if let model = models?.first(where: { $0.isEmpty || $0.contains(where: \.isWhitespace) }) {
            throw CrypTenError(.invalidArgument, "a token can't name the model \"\(model)\": make it for all models")
        }
        let claims = ClientTokenClaims(
            sub: client,
            aud: audience,
            exp: (date.timeIntervalSince1970 + lifetime).rounded(.down),
            scope: models.map { $0.sorted().map { ClientTokenClaims.inferPrefix + $0 }.joined(separator: " ") }
        )
        return try await key.sign(claims)
    }
}
