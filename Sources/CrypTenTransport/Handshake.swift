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
    /// Whether a dealer is a member of the session, beside the parties.
    package let hasDealer: Bool
    package let session: String
    /// The SHA-256 of the session's hash and of what all members must have in common besides.
    package let parametersHash: [UInt8]
    /// The same as the caller spells it, for this member's own messages; nil where only its hash is known.
    package let parameters: String?
    /// The SHA-256 of the session's name.
    package let sessionHash: [UInt8]
    /// What all members were given before they met, if they were given something.
    package let preSharedSecret: HandshakeSecret?

    /// Checks what a caller asked for.
    ///
    /// - Throws: ``CrypTenError`` `.invalidArgument` for fewer than 2 parties or more than 65,534, and for a member that isn't
    ///   among them.
    package init(
        role: Role,
        partyCount: Int,
        hasDealer: Bool = true,
        session: String,
        parameters: String,
        preSharedSecret: HandshakeSecret? = nil
    ) throws {
        guard (2...Role.maximumPartyCount).contains(partyCount) else {
            throw CrypTenError(.invalidArgument, "a session of \(partyCount) parties: at least 2 are needed")
        }
        if case .party(let party) = role, !(0..<partyCount).contains(party.index) {
            throw CrypTenError(
                .invalidArgument,
                "\(role) in a session of \(partyCount) parties: they are counted from 0 to \(partyCount - 1)"
            )
        }
        guard hasDealer || role != .dealer else {
            throw CrypTenError(.invalidArgument, "a session without a dealer has no place for one")
        }
        self.role = role
        self.partyCount = partyCount
        self.hasDealer = hasDealer
        self.session = session
        self.parameters = parameters
        self.preSharedSecret = preSharedSecret
        sessionHash = Array(SHA256.hash(data: Array(session.utf8)))
        parametersHash = Array(SHA256.hash(data: sessionHash + Array("crypten parameters: \(parameters)".utf8)))
    }

    /// A member of the session that a hello speaks of; it doesn't learn the session's name, nor needs to.
    ///
    /// - Throws: ``CrypTenError`` `.invalidArgument`, as the other initialiser does.
    package init(
        role: Role,
        partyCount: Int,
        joining hello: Hello,
        preSharedSecret: HandshakeSecret? = nil
    ) throws {
        let named = try SessionIdentity(
            role: role,
            partyCount: partyCount,
            session: "",
            parameters: "",
            preSharedSecret: preSharedSecret
        )
        self.init(named, joining: hello)
    }

    private init(_ other: SessionIdentity, joining hello: Hello) {
        role = other.role
        partyCount = other.partyCount
        hasDealer = other.hasDealer
        preSharedSecret = other.preSharedSecret
        session = "the session of the first caller"
        sessionHash = hello.sessionHash
        parametersHash = hello.parametersHash
        parameters = nil
    }

    /// The other members of the session, in order.
    package var peers: [Role] {
        Role.all(partyCount: partyCount, hasDealer: hasDealer).filter { $0 != role }
    }
}

/// One end's part of one key agreement: an ephemeral X25519 key and a nonce, used for one connection.
///
/// The secret is `HKDF-SHA256(X25519 ‖ H(pre-shared secret), salt: nonces, info: label ‖ version ‖ session ‖ roles ‖ H(hellos))`,
/// where nonces, roles and hellos stand in the order of the roles. With the hellos go both public keys, the party count and the hash of
/// the parameters: two ends that saw different handshakes, or were given different secrets, hold different ones, and the first tag
/// shows it. Without a pre-shared secret nothing follows the X25519 part. Inside TLS the fingerprints and names of both certificates
/// follow the hellos.
package struct Handshake: Sendable {
    private let identity: SessionIdentity
    /// What TLS has shown of both ends, where it is spoken.
    private let certified: CertifiedPeer?
    private let privateKey: Curve25519.KeyAgreement.PrivateKey
    /// What this end says.
    package let hello: Hello

    /// Draws a fresh key and nonce.
    package init(_ identity: SessionIdentity) {
        self.init(identity, certified: nil)
    }

    /// The same, inside TLS.
    package init(_ identity: SessionIdentity, certified: CertifiedPeer?) {
        let privateKey = Curve25519.KeyAgreement.PrivateKey()
        let nonce = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
        let hello = Hello(
            sessionHash: identity.sessionHash,
            partyCount: identity.partyCount,
            publicKey: Array(privateKey.publicKey.rawRepresentation),
            nonce: nonce,
            parametersHash: identity.parametersHash,
            hasPreSharedSecret: identity.preSharedSecret != nil
        )
        self.init(identity, certified, privateKey, hello)
    }

    /// What somebody can do who has heard a hello and hasn't the key behind it: for tests of what follows from the wire.
    package init(_ identity: SessionIdentity, insecurelyRepeating hello: Hello) {
        self.init(identity, nil, Curve25519.KeyAgreement.PrivateKey(), hello)
    }

    private init(
        _ identity: SessionIdentity,
        _ certified: CertifiedPeer?,
        _ privateKey: Curve25519.KeyAgreement.PrivateKey,
        _ hello: Hello
    ) {
        self.identity = identity
        self.certified = certified
        self.privateKey = privateKey
        self.hello = hello
    }

    /// The secret that this hello and a peer's make.
    ///
    /// - Throws: ``CrypTenError`` `.malformedFrame` for a public key that gives no secret: one of low order, with which everybody
    ///   gets a result of zeros.
    package func secret(with peer: Role, _ theirs: Hello) throws -> ConnectionSecret {
        let shared: SharedSecret
        do {
            let publicKey = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: theirs.publicKey)
            shared = try privateKey.sharedSecretFromKeyAgreement(with: publicKey)
        } catch {
            throw CrypTenError(.malformedFrame, "\(peer) sent a public key that can't be used", cause: error)
                .telling(.malformedFrame, about: peer)
        }
        let material = try shared.withUnsafeBytes { bytes -> SymmetricKey in
            // Each byte is looked at, whatever those before it are. RFC 7748, section 6.1.
            guard bytes.reduce(0, |) != 0 else {
                throw CrypTenError(
                    .malformedFrame,
                    "\(peer) sent a public key of low order, which makes a secret that everybody knows; it doesn't run this program"
                ).telling(.malformedFrame, about: peer)
            }
            guard let secret = identity.preSharedSecret else { return SymmetricKey(data: bytes) }
            return secret.appended(to: bytes)
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
        // What was agreed inside one TLS connection is of no use inside another.
        if let certified { info += certified.binding(of: identity.role) }
        let secret = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: material,
            salt: first.nonce + second.nonce,
            info: info,
            outputByteCount: 32
        )
        return ConnectionSecret(secret)
    }
}

/// The secret of one connection, and the chains of keys that begin with it.
package struct ConnectionSecret: Sendable {
    private let key: SymmetricKey

    /// Wraps the 32 bytes that a handshake yields.
    package init(_ key: SymmetricKey) {
        self.key = key
    }

    /// The keys of frames from one end to the other; each direction has its own.
    package func frames(from sender: Role, to recipient: Role) -> FrameKeyChain {
        var info = Array("crypten frames".utf8)
        for role in [sender, recipient] {
            withUnsafeBytes(of: role.wireNumber.littleEndian) { info += $0 }
        }
        return FrameKeyChain(expanded(info))
    }

    /// What ``Transport/nextSecret(with:)`` draws from; nothing of the frames' keys follows from it.
    package var secrets: KeyChain {
        KeyChain(expanded(Array("crypten secrets".utf8)))
    }

    private func expanded(_ info: [UInt8]) -> SymmetricKey {
        HKDF<SHA256>.expand(pseudoRandomKey: key, info: info, outputByteCount: 32)
    }
}
