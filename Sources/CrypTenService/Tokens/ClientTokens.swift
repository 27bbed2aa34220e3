import CrypTenBase
import CrypTenIdentity
public import Foundation

/// Tokens of clients, for who makes them.
public enum ClientTokens {
    /// Makes a token for one party.
    ///
    /// - Parameters:
    ///   - keyFile: The client's private key, PEM, which nobody but its owner may read.
    ///   - models: The models that it is to be good for; nil: all that the client may ask.
    ///   - seconds: For how long, 600 at most.
    /// - Throws: `.fileNotReadable`, `.invalidArgument`.
    public static func sign(
        keyFile: URL,
        client: String,
        cell: String,
        party: String,
        models: Set<String>?,
        seconds: Int
    ) async throws -> String {
        let bytes = try SecretFile.bytes(of: keyFile, called: "a client's key")
        let key = try ClientTokenSigningKey(pem: String(decoding: bytes, as: UTF8.self))
        return try await ClientToken.sign(
            client: client,
            audience: ClientToken.audience(cell: cell, party: party),
            models: models,
            lifetime: TimeInterval(seconds),
            with: key
        )
    }
}
