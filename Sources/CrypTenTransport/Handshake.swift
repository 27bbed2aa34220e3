package import CrypTenBase
package import Crypto
import NIOCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a member of a session brings to every handshake; the same for all its connections.
package struct SessionIdentity: Sendable {
    package let role: Role
    package let partyCount: Int
    package let session: String
    /// What all members must have in common besides the session's name, as the caller spells it.
    package let parameters: String
    /// The SHA-256 of the session's name.
    package let sessionHash: [UInt8]

    /// The session's number in frame headers.
    package var sessionNumber: UInt32 {
        sessionHash[..<4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Checks what a caller asked for.
    ///
    /// - Throws: ``CrypTenError`` `.invalidArgument` for fewer than 2 parties or more than 65,534, for a party that isn't
    ///   among them, and for parameters over ``Hello/maximumParameters`` bytes.
    package init(role: Role, partyCount: Int, session: String, parameters: String) throws {
        guard (2...Role.maximumPartyCount).contains(partyCount) else {
            throw CrypTenError(.invalidArgument, "a session of \(partyCount) parties: at least 2 are needed")
        }
        if case .party(let party) = role, !(0..<partyCount).contains(party.index) {
            throw CrypTenError(
                .invalidArgument,
                "\(role) in a session of \(partyCount) parties: they are counted from 0 to \(partyCount - 1)"
            )
        }
        guard parameters.utf8.count <= Hello.maximumParameters else {
            throw CrypTenError(
                .invalidArgument,
                "parameters of \(parameters.utf8.count) bytes; at most \(Hello.maximumParameters) fit into a hello"
            )
        }
        self.role = role
        self.partyCount = partyCount
        self.session = session
        self.parameters = parameters
        sessionHash = Array(SHA256.hash(data: Array(session.utf8)))
    }

    /// A member of the session that a hello speaks of; it doesn't learn the session's name, nor needs to.
    ///
    /// - Throws: ``CrypTenError`` `.invalidArgument`, as the other initialiser does.
    package init(role: Role, partyCount: Int, joining hello: Hello) throws {
        let named = try SessionIdentity(role: role, partyCount: partyCount, session: "", parameters: hello.parameters)
        self.init(named, session: "the session of the first caller", sessionHash: hello.sessionHash)
    }

    private init(_ other: SessionIdentity, session: String, sessionHash: [UInt8]) {
        role = other.role
        partyCount = other.partyCount
        parameters = other.parameters
        self.session = session
        self.sessionHash = sessionHash
    }

    /// The other members of the session, in order.
    package var peers: [Role] {
        Role.all(partyCount: partyCount).filter { $0 != role }
    }
}

/// One end's part of one key agreement: an ephemeral X25519 key and a nonce, used for one connection.
///
/// The secret is `HKDF-SHA256(X25519, salt: nonces, info: label ‖ version ‖ session ‖ roles ‖ H(hellos))`, where nonces,
/// roles and hellos stand in the order of the roles. With the hellos go both public keys, the party count and the parameters:
/// two ends that saw different handshakes hold different secrets, and the first tag shows it.
package struct Handshake: Sendable {
    private let identity: SessionIdentity
    private let privateKey: Curve25519.KeyAgreement.PrivateKey
    /// What this end says.
    package let hello: Hello

    /// Draws a fresh key and nonce.
    package init(_ identity: SessionIdentity) {
        self.identity = identity
        privateKey = Curve25519.KeyAgreement.PrivateKey()
        let nonce = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
        hello = Hello(
            sessionHash: identity.sessionHash,
            partyCount: identity.partyCount,
            publicKey: Array(privateKey.publicKey.rawRepresentation),
            nonce: nonce,
            parameters: identity.parameters
        )
    }

    /// The secret that this hello and a peer's make.
    ///
    /// - Throws: ``CrypTenError`` `.malformedFrame` for a public key that gives no secret.
    package func secret(with peer: Role, _ theirs: Hello) throws -> ConnectionSecret {
        let shared: SharedSecret
        do {
            let publicKey = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: theirs.publicKey)
            shared = try privateKey.sharedSecretFromKeyAgreement(with: publicKey)
        } catch {
            throw CrypTenError(.malformedFrame, "\(peer) sent a public key that can't be used", cause: error)
        }
        let (first, second) = identity.role < peer ? (hello, theirs) : (theirs, hello)
        let (firstRole, secondRole) = identity.role < peer ? (identity.role, peer) : (peer, identity.role)
        var transcript = SHA256()
        transcript.update(data: first.encoded.readableBytesView.map { $0 })
        transcript.update(data: second.encoded.readableBytesView.map { $0 })
        var info = Array("crypten handshake".utf8)
        for number in [FrameHeader.currentVersion, firstRole.wireNumber, secondRole.wireNumber] {
            withUnsafeBytes(of: number.littleEndian) { info += $0 }
        }
        info += identity.sessionHash
        info += transcript.finalize()
        let secret = shared.hkdfDerivedSymmetricKey(
            using: SHA256.self,
            salt: first.nonce + second.nonce,
            sharedInfo: info,
            outputByteCount: 32
        )
        return ConnectionSecret(secret)
    }
}

/// The secret of one connection and the keys made from it.
package struct ConnectionSecret: Sendable {
    /// What ``Transport/secret(with:)`` returns.
    package let key: SymmetricKey

    /// Wraps the 32 bytes that a handshake yields.
    package init(_ key: SymmetricKey) {
        self.key = key
    }

    /// The tags of frames from one end to the other; each direction has its own key.
    package func authenticator(from sender: Role, to recipient: Role) -> FrameAuthenticator {
        var info = Array("crypten frame tags".utf8)
        for role in [sender, recipient] {
            withUnsafeBytes(of: role.wireNumber.littleEndian) { info += $0 }
        }
        return FrameAuthenticator(
            key: HKDF<SHA256>.expand(pseudoRandomKey: key, info: info, outputByteCount: 32)
        )
    }
}
