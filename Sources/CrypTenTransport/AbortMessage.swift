package import CrypTenBase
package import NIOCore

/// The payload of an abort frame: numbers alone, 8 bytes, whatever the error says.
///
/// Byte 0 is the error's code, byte 1 the number of a sentence in the table that every member has (``PublicReason``), then come
/// the members that are spoken of, two bytes each: whom the sentence is about, and who was the first to give up where the sender
/// passes on what it was told. Two bytes of zeros end it. An error's message, its cause, and what these name stay where they
/// were thrown.
package struct AbortMessage: Hashable, Sendable {
    /// The payload's length.
    package static let size = 8

    /// The error's code; nil where a peer sent one that isn't known here.
    package var code: CrypTenError.Code?
    /// What is told besides.
    package var disclosure: Disclosure

    /// What tells a peer about an error.
    package init(_ error: CrypTenError) {
        // Only what a member has told is `.partyFailed` with an error of ours as its cause; its code goes on.
        let told = error.disclosure.origin != nil ? error.cause as? CrypTenError : nil
        code = told?.code ?? error.code
        disclosure = error.disclosure
    }

    /// The payload.
    package var encoded: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(code?.number ?? .max)
        buffer.writeInteger(disclosure.reason.rawValue)
        for role in [disclosure.subject, disclosure.origin] {
            buffer.writeInteger(role?.wireNumber ?? Role.wireNumberOfAnyone, endianness: .little)
        }
        buffer.writeInteger(UInt16(0))
        return buffer
    }

    /// Reads whatever a peer sent: numbers that aren't known, or another length, are no reason to miss that it gave up.
    package init(decoding payload: ByteBuffer) {
        var buffer = payload
        code = buffer.readInteger(as: UInt8.self).flatMap(CrypTenError.Code.init(number:))
        let reason = buffer.readInteger(as: UInt8.self).flatMap(PublicReason.init(rawValue:))
        let roles = (0..<2).map { _ in
            buffer.readInteger(endianness: .little, as: UInt16.self).flatMap(Role.init(wireNumber:))
        }
        disclosure = Disclosure(reason ?? .unnamed, about: roles[0], from: roles[1])
    }

    /// What the receiver's calls throw.
    ///
    /// A refusal in the handshake concerns the receiver itself and keeps its code; later, a peer's error is `.partyFailed`
    /// with the code of the first member that gave up as cause.
    package func error(from peer: Role?, inHandshake: Bool) -> CrypTenError {
        let sender = disclosure.origin ?? peer
        let name = sender.map { "\($0)" } ?? "the peer"
        let code = code ?? .partyFailed
        let sentence = disclosure.reason.sentence(about: disclosure.subject)
        if inHandshake, disclosure.origin == nil {
            let ours = Disclosure(disclosure.reason, about: sender)
            return CrypTenError(code, "\(name) refused the connection: \(sentence)", telling: ours)
        }
        let passedOn = Disclosure(disclosure.reason, about: disclosure.subject, from: sender)
        return CrypTenError(
            .partyFailed,
            "\(name) gave up: \(sentence)",
            cause: CrypTenError(code, code.description),
            telling: passedOn
        )
    }
}
