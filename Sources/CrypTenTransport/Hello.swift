import CrypTenBase
import Crypto
package import NIOCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What each end of a connection says first: who it is, what it wants to run, and its half of the key agreement.
///
/// Payload: SHA-256 of the session's name (32 bytes), party count (4), ephemeral X25519 key (32), nonce (32), the
/// parameters' length (4) and the parameters in UTF-8. The version and the sender are in the frame's header.
package struct Hello: Hashable, Sendable {
    /// The largest hello: nothing larger is read from someone who has not yet introduced himself.
    package static let maximumSize = 8192
    /// The longest parameters, in UTF-8.
    package static let maximumParameters = maximumSize - 104

    package var sessionHash: [UInt8]
    package var partyCount: UInt32
    package var publicKey: [UInt8]
    package var nonce: [UInt8]
    package var parameters: String

    /// The payload.
    package var encoded: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeBytes(sessionHash)
        buffer.writeInteger(partyCount, endianness: .little)
        buffer.writeBytes(publicKey)
        buffer.writeBytes(nonce)
        buffer.writeInteger(UInt32(parameters.utf8.count), endianness: .little)
        buffer.writeString(parameters)
        return buffer
    }

    /// A hello with the given contents.
    package init(sessionHash: [UInt8], partyCount: Int, publicKey: [UInt8], nonce: [UInt8], parameters: String) {
        self.sessionHash = sessionHash
        self.partyCount = UInt32(partyCount)
        self.publicKey = publicKey
        self.nonce = nonce
        self.parameters = parameters
    }

    /// Reads a payload.
    ///
    /// - Throws: ``CrypTenError`` `.malformedFrame` when lengths don't fit or the parameters aren't UTF-8.
    package init(decoding payload: ByteBuffer) throws {
        var buffer = payload
        guard
            let sessionHash = buffer.readBytes(length: 32),
            let partyCount = buffer.readInteger(endianness: .little, as: UInt32.self),
            let publicKey = buffer.readBytes(length: 32),
            let nonce = buffer.readBytes(length: 32),
            let length = buffer.readInteger(endianness: .little, as: UInt32.self),
            Int(length) == buffer.readableBytes,
            let parameters = String(validating: buffer.readableBytesView, as: UTF8.self)
        else {
            throw CrypTenError(.malformedFrame, "a hello of \(payload.readableBytes) bytes can't be read")
        }
        self.sessionHash = sessionHash
        self.partyCount = partyCount
        self.publicKey = publicKey
        self.nonce = nonce
        self.parameters = parameters
    }
}
