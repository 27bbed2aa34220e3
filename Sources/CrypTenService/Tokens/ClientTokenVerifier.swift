import CrypTenBase
package import Foundation

/// Says whose a token is, at one party of one cell.
///
/// A token counts if it is signed with ES256 or EdDSA by a key of the client that it names, is for this party and no other, and ends
/// within ``ClientToken/longestLife``. What is told of one that doesn't count never quotes it.
package struct ClientTokenVerifier: Sendable {
    private struct Header: Decodable {
        var alg: String
        var crit: [String]?
    }

    private let audience: String
    private let keys: [String: [ClientTokenKey]]

    /// - Parameters:
    ///   - audience: This party's (``ClientToken/audience(cell:party:)``).
    ///   - keys: The clients' by their names: one each, or two while one takes the other's place.
    /// - Throws: `.invalidArgument` for a client without a key or with more than two.
    package init(audience: String, keys: [String: [ClientTokenKey]]) throws {
        if let (client, keys) = keys.first(where: { !(1...2).contains($0.value.count) }) {
            throw CrypTenError(
                .invalidArgument,
                "client \"\(client)\" has \(keys.count) keys for tokens: give one, or two while one takes the other's place"
            )
        }
        self.audience = audience
        self.keys = keys
    }

    /// Verifies a token.
    ///
    /// - Parameters:
    ///   - token: What stands behind `Bearer`, whoever sent it.
    ///   - date: Now.
    /// - Returns: Whose it is, and what it is good for.
    /// - Throws: `.identityRefused` with what is wrong.
    package func verify(_ token: String, at date: Date = Date()) async throws -> ClientToken {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard token.utf8.count <= ClientToken.mostBytes, parts.count == 3 else {
            throw refusal("isn't a JSON Web Token of three parts and at most \(ClientToken.mostBytes) bytes")
        }
        guard let header = ClientTokenVerifier.decode(Header.self, parts[0]) else {
            throw refusal("has no header that says how it is signed")
        }
        guard let algorithm = ClientTokenKey.Algorithm(rawValue: header.alg) else {
            throw refusal("isn't signed with ES256 or EdDSA: nothing else is taken")
        }
        guard header.crit == nil else { throw refusal("asks for extensions, and there are none here") }
        // Whose it claims to be; its claims count once a key of that client has verified them.
        guard let claimed = ClientTokenVerifier.decode(ClientTokenClaims.self, parts[1]) else {
            throw refusal("lacks \"sub\", \"aud\" or \"exp\", or has one of another kind")
        }
        guard let ofClient = keys[claimed.sub] else { throw refusal("isn't signed by a client of this cell") }
        let fitting = ofClient.filter { $0.algorithm == algorithm }
        guard !fitting.isEmpty else {
            throw refusal("isn't signed by a client of this cell")
        }
        for key in fitting {
            guard let claims = await key.claims(of: token) else { continue }
            try check(claims, at: date)
            return ClientToken(
                client: claims.sub,
                expires: Date(timeIntervalSince1970: claims.exp),
                models: claims.models
            )
        }
        throw refusal("isn't signed by a client of this cell")
    }

    private func check(_ claims: ClientTokenClaims, at date: Date) throws {
        guard claims.aud == [audience] else {
            throw refusal("isn't for this party alone: its \"aud\" must be \"\(audience)\"")
        }
        let now = date.timeIntervalSince1970
        guard claims.exp.isFinite, claims.exp > now - ClientToken.leeway else {
            throw refusal("has expired: make a new one, and see that the client's clock is right")
        }
        guard claims.exp <= now + ClientToken.longestLife else {
            throw refusal("is good for more than \(Int(ClientToken.longestLife)) seconds: make one for less")
        }
        guard claims.nbf.map({ $0 <= now + ClientToken.leeway }) ?? true else {
            throw refusal("isn't good yet: see that the client's clock is right")
        }
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ part: Substring) -> Value? {
        let digits = part.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            default: byte
            }
        }
        let padding = [UInt8](repeating: UInt8(ascii: "="), count: (4 - digits.count % 4) % 4)
        return Data(base64Encoded: Data(digits + padding)).flatMap { try? JSONDecoder().decode(type, from: $0) }
    }

    private func refusal(_ what: String) -> CrypTenError {
        CrypTenError(.identityRefused, "the token \(what)")
    }
}
