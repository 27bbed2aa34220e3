package import CrypTenBase
package import NIOCore

/// The payload of an abort frame: an error's code by name, and its message.
///
/// The first byte is 1 where the sender passes on what another member has told, else 0; the second gives the length of the
/// code's name; the rest is the message in UTF-8, cut after 4096 bytes.
package struct AbortMessage: Sendable {
    private static let maximumMessage = 4096

    package var code: CrypTenError.Code?
    package var message: String

    /// Whether the sender passes on why another member gave up: who was first is what matters, not whom it was heard from.
    private var isRelayed: Bool

    /// What tells a peer about an error. The cause, which may name local things, stays here; of what another member has told,
    /// its code goes on.
    package init(_ error: CrypTenError) {
        message = error.message
        // Only what a member has told is `.partyFailed` with an error of ours as its cause.
        let told = error.code == .partyFailed ? error.cause as? CrypTenError : nil
        code = told?.code ?? error.code
        isRelayed = told != nil
    }

    /// The payload.
    package var encoded: ByteBuffer {
        let name = (code?.description ?? "").utf8.prefix(255)
        var buffer = ByteBuffer()
        buffer.writeInteger(UInt8(isRelayed ? 1 : 0))
        buffer.writeInteger(UInt8(name.count))
        buffer.writeBytes(name)
        buffer.writeBytes(message.utf8.prefix(AbortMessage.maximumMessage))
        return buffer
    }

    /// Reads whatever a peer sent: unknown codes and bytes that are no UTF-8 are no reason to lose the message.
    package init(decoding payload: ByteBuffer) {
        var buffer = payload
        let relayed = buffer.readInteger(as: UInt8.self) == 1
        let nameLength = Int(buffer.readInteger(as: UInt8.self) ?? 0)
        let name = buffer.readSlice(length: nameLength).map { String(buffer: $0) } ?? ""
        code = CrypTenError.Code(named: name)
        let text = buffer.readSlice(length: min(buffer.readableBytes, AbortMessage.maximumMessage)) ?? ByteBuffer()
        message = String(buffer: text).filter {
            !$0.unicodeScalars.contains { $0.properties.generalCategory == .control }
        }
        isRelayed = relayed && !message.isEmpty
    }

    /// What the receiver's calls throw.
    ///
    /// A refusal in the handshake concerns the receiver itself and keeps its code; later, a peer's error is `.partyFailed`
    /// with the code of the first member that gave up as cause.
    package func error(from peer: Role?, inHandshake: Bool) -> CrypTenError {
        let sender = peer.map { "\($0)" } ?? "the peer"
        if inHandshake, !isRelayed {
            return CrypTenError(code ?? .partyFailed, "\(sender) refused the connection: \(message)")
        }
        return CrypTenError(
            .partyFailed,
            isRelayed ? message : "\(sender) gave up: \(message)",
            cause: CrypTenError(code ?? .partyFailed, (code ?? .partyFailed).description)
        )
    }
}
