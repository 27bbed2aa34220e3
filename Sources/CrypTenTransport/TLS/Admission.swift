package import CrypTenBase
package import CrypTenIdentity
package import NIOCore

/// The first thing that each end says inside TLS: what it makes of the other's certificate. 24 bytes, whatever they say.
///
/// Eight bytes of ``magic``, the version of this layout (2 bytes), the ``Verdict`` (1), a zero, the sender's and the recipient's
/// numbers (2 each), and eight zeros. The caller speaks first, and says with it who it is and whom it means to call; nothing else is
/// read before, nor sent before the answer.
package struct Admission: Hashable, Sendable {
    /// The payload's length.
    package static let size = 24
    private static let magic = Array("crypten\n".utf8)
    private static let version: UInt16 = 1

    package var verdict: Verdict
    package var sender: Role
    package var recipient: Role

    package init(_ verdict: Verdict, from sender: Role, to recipient: Role) {
        self.verdict = verdict
        self.sender = sender
        self.recipient = recipient
    }

    /// The bytes.
    package var encoded: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeBytes(Admission.magic)
        buffer.writeInteger(Admission.version, endianness: .little)
        buffer.writeInteger(verdict.rawValue)
        buffer.writeInteger(UInt8(0))
        buffer.writeInteger(sender.wireNumber, endianness: .little)
        buffer.writeInteger(recipient.wireNumber, endianness: .little)
        buffer.writeInteger(UInt64(0))
        return buffer
    }

    /// Reads bytes; nil as long as there are too few.
    ///
    /// - Throws: ``CrypTenError`` `.malformedFrame` for what is no admission.
    package static func read(from buffer: inout ByteBuffer) throws -> Admission? {
        guard var bytes = buffer.readSlice(length: size) else { return nil }
        guard
            bytes.readBytes(length: magic.count) == magic,
            bytes.readInteger(endianness: .little, as: UInt16.self) == version,
            let verdict = bytes.readInteger(as: UInt8.self).flatMap(Verdict.init(rawValue:)),
            bytes.readInteger(as: UInt8.self) == 0,
            let sender = bytes.readInteger(endianness: .little, as: UInt16.self).flatMap(Role.init(wireNumber:)),
            let recipient = bytes.readInteger(endianness: .little, as: UInt16.self).flatMap(Role.init(wireNumber:)),
            bytes.readInteger(as: UInt64.self) == 0
        else {
            throw CrypTenError(
                .malformedFrame,
                "what it says inside TLS isn't this protocol: install the same release everywhere"
            )
        }
        return Admission(verdict, from: sender, to: recipient)
    }
}

/// Who is at the other end of a connection, by the certificates that both ends have shown.
package struct CertifiedPeer: Sendable {
    /// Whose certificate it is.
    package var role: Role
    /// What the other end has shown.
    package var theirs: MemberCertificate
    /// What this end has shown.
    package var ours: MemberCertificate

    package init(role: Role, theirs: MemberCertificate, ours: MemberCertificate) {
        self.role = role
        self.theirs = theirs
        self.ours = ours
    }

    /// What goes into the inner handshake: both fingerprints and names, in the order of the roles.
    func binding(of own: Role) -> [UInt8] {
        let inOrder = own < role ? [ours, theirs] : [theirs, ours]
        return inOrder.flatMap { certificate in
            let name = Array(certificate.name.utf8)
            return certificate.fingerprint.bytes + [UInt8(truncatingIfNeeded: name.count)] + name
        }
    }
}
