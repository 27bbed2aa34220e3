import CrypTenBase
import Crypto
import JWTKit

/// With what a token is verified: a client's public key, P-256 or Ed25519, and with it the only algorithm there is for it.
package struct ClientTokenKey: Sendable {
    /// How a token may be signed: nothing else is looked at, whatever its header says.
    enum Algorithm: String, CaseIterable, Sendable {
        case es256 = "ES256"
        case edDSA = "EdDSA"
    }

    private enum Key: Sendable {
        case p256(ES256PublicKey)
        case ed25519(EdDSA.PublicKey)
    }

    private let key: Key

    /// Reads a public key in PEM form.
    ///
    /// - Throws: `.invalidArgument` for anything else, a private key among it.
    package init(pem: String) throws {
        if let key = try? ES256PublicKey(pem: pem) {
            self.key = .p256(key)
        } else if let key = try? EdDSA.PublicKey(pem: pem) {
            self.key = .ed25519(key)
        } else {
            throw CrypTenError(
                .invalidArgument,
                "what was given as a client's key is no public key in PEM form: it is of P-256 or Ed25519, and `openssl pkey -pubout` writes it"
            )
        }
    }

    var algorithm: Algorithm {
        switch key {
        case .p256: .es256
        case .ed25519: .edDSA
        }
    }

    /// What a token says that this key has signed; nil where it hasn't.
    func claims(of token: String) async -> ClientTokenClaims? {
        let keys = JWTKeyCollection()
        switch key {
        case .p256(let key): await keys.add(ecdsa: key)
        case .ed25519(let key): await keys.add(eddsa: key)
        }
        return try? await keys.verify(token, as: ClientTokenClaims.self)
    }
}

/// With what a client signs tokens: its private key, P-256 or Ed25519.
package struct ClientTokenSigningKey: Sendable {
    private enum Key: Sendable {
        case p256(ES256PrivateKey)
        case ed25519(EdDSA.PrivateKey)
    }

    private let key: Key

    /// Reads a private key in PEM form.
    ///
    /// - Throws: `.invalidArgument` for anything else.
    package init(pem: String) throws {
        if let key = try? ES256PrivateKey(pem: pem) {
            self.key = .p256(key)
        } else if let key = try? EdDSA.PrivateKey(pem: pem) {
            self.key = .ed25519(key)
        } else {
            throw CrypTenError(
                .invalidArgument,
                "what was given to sign tokens with is no private key in PEM form: it is of P-256 or Ed25519, as `openssl genpkey` makes it"
            )
        }
    }

    /// The public key, for whoever is to verify.
    package var publicPEM: String {
        switch key {
        case .p256(let key): key.publicKey.pemRepresentation
        case .ed25519(let key): key.publicKey.pemRepresentation
        }
    }

    func sign(_ claims: ClientTokenClaims) async throws -> String {
        let keys = JWTKeyCollection()
        switch key {
        case .p256(let key): await keys.add(ecdsa: key)
        case .ed25519(let key): await keys.add(eddsa: key)
        }
        return try await keys.sign(claims)
    }
}
