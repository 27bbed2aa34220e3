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
/// Payload, ``size`` bytes: SHA-256 of the session's name (32 bytes), party count (4), ephemeral X25519 key (32), nonce (32), SHA-256
/// of that hash and the parameters (32), and 1 where its sender has a pre-shared secret, else 0 (4). The version and the sender are in the frame's
/// header. A hello is the only frame in the clear.
package struct Hello: Hashable, Sendable {
    /// The payload's length.
    package static let size = 136
    /// Nothing longer is read from someone who has not yet introduced himself, whatever version he speaks.
    package static let maximumSize = 1024

    package var sessionHash: [UInt8]
    package var partyCount: UInt32
    package var publicKey: [UInt8]
    package var nonce: [UInt8]
    package var parametersHash: [UInt8]
    package var hasPreSharedSecret: Bool

    /// The payload.
    package var encoded: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeBytes(sessionHash)
        buffer.writeInteger(partyCount, endianness: .little)
        buffer.writeBytes(publicKey)
        buffer.writeBytes(nonce)
        buffer.writeBytes(parametersHash)
        buffer.writeInteger(UInt32(hasPreSharedSecret ? 1 : 0), endianness: .little)
        return buffer
    }

    /// A hello with the given contents.
    package init(
        sessionHash: [UInt8],
        partyCount: Int,
        publicKey: [UInt8],
        nonce: [UInt8],
        parametersHash: [UInt8],
        hasPreSharedSecret: Bool = false
    ) {
        self.sessionHash = sessionHash
        self.partyCount = UInt32(partyCount)
        self.publicKey = publicKey
        self.nonce = nonce
        self.parametersHash = parametersHash
        self.hasPreSharedSecret = hasPreSharedSecret
    }

    /// Reads a payload.
    ///
    /// - Throws: ``CrypTenError`` `.malformedFrame` for another length, and for what is neither 0 nor 1.
    package init(decoding payload: ByteBuffer) throws {
        var buffer = payload
        guard
            let sessionHash = buffer.readBytes(length: 32),
            let partyCount = buffer.readInteger(endianness: .little, as: UInt32.self),
            let publicKey = buffer.readBytes(length: 32),
            let nonce = buffer.readBytes(length: 32),
            let parametersHash = buffer.readBytes(length: 32),
            let flag = buffer.readInteger(endianness: .little, as: UInt32.self), flag <= 1,
            buffer.readableBytes == 0
        else {
            throw CrypTenError(.malformedFrame, "a hello of \(payload.readableBytes) bytes can't be read")
        }
        self.sessionHash = sessionHash
        self.partyCount = partyCount
        self.publicKey = publicKey
        self.nonce = nonce
        self.parametersHash = parametersHash
        hasPreSharedSecret = flag == 1
    }
}
