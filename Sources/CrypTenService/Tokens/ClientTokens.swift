import CrypTenBase
import CrypTenIdentity
import Crypto
public import Foundation

/// Tokens of clients, for who makes them.
public enum ClientTokens {
    /// A client's key, with which it signs tokens.
    public struct Key: Sendable, CustomStringConvertible, CustomReflectable {
        private let key: ClientTokenSigningKey

        /// Draws a key.
        public init() {
            // The key's own form: what was drawn can be read.
            guard let key = try? ClientTokenSigningKey(pem: P256.Signing.PrivateKey().pemRepresentation) else {
                preconditionFailure("a key that was drawn is one")
            }
            self.key = key
        }

        /// Reads a private key, PEM, P-256 or Ed25519, of a file that nobody but its owner may read.
        ///
        /// - Throws: `.fileNotReadable`, `.invalidArgument`.
        public init(contentsOf url: URL) throws {
            let bytes = try SecretFile.bytes(of: url, called: "a client's key")
            key = try ClientTokenSigningKey(pem: String(decoding: bytes, as: UTF8.self))
        }

        /// The public half, PEM, for the cluster file.
        public var publicPEM: String { key.publicPEM }

        /// Makes a token for one party.
        ///
        /// - Parameters:
        ///   - models: The models that it is to be good for; nil: all that the client may ask.
        ///   - seconds: For how long, 600 at most.
        /// - Throws: `.invalidArgument`.
        public func token(
            client: String,
            cell: String,
            party: String,
            models: Set<String>? = nil,
            seconds: Int = 300
        ) async throws -> String {
            try await ClientToken.sign(
                client: client,
                audience: ClientToken.audience(cell: cell, party: party),
                models: models,
                lifetime: TimeInterval(seconds),
                with: key
            )
        }

        public var description: String { "a client's key" }
        public var customMirror: Mirror { Mirror(self, children: []) }
    }
}
