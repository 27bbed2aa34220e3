package import Crypto
package import NIOCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Makes and checks the tags of one direction of one connection.
///
/// A payload of more than ``shortPayload`` bytes is covered by AES-256-GCM: the header is the plaintext, the payload additional
/// data, the sequence number the nonce. The header's ciphertext is thrown away: header and payload travel in the clear, and
/// the receiver makes the tag again. So neither side copies the payload, and a tag costs one pass of carry-less
/// multiplication: on x86 with VAES 19 GB/s. Its setting-up takes longer than all the rest of a short frame, whose tag is
/// therefore the first 16 bytes of HMAC-SHA256 over header and payload.
///
/// GCM's key is the direction's, HMAC's is derived from it with HKDF. Which of the two made a tag follows from the payload's
/// length alone, and both cover the length, which stands in the header: a frame that is to pass as one of another length is a
/// forgery of one of them. HMAC-SHA256 is a pseudo-random function, so that each attempt to forge 16 bytes of it succeeds with
/// probability 2^−128; for GCM, whose nonces never repeat since sequence numbers don't, it is at most 2^−128 for each 16 bytes
/// of payload.
///
/// What it promises: whoever didn't take part in the handshake of this connection cannot change, forge, replay, reorder or
/// drop a frame unnoticed. What it doesn't: it hides nothing, and the handshake itself names no one, so that someone who
/// sits between the machines when the connection is made can be both peers' peer. Encryption and identities are TLS's
/// part; without it only loopback is accepted unless the caller insists.
///
/// - Complexity: one pass over the payload; no allocation that grows with it.
package struct FrameAuthenticator: Sendable {
    /// The longest payload whose tag is HMAC's.
    package static let shortPayload = 256

    private let key: SymmetricKey
    /// HMAC that has taken up its key, to be continued in copies.
    private let short: HMAC<SHA256>

    /// Tags made with a key that both ends hold and that no other direction uses.
    package init(key: SymmetricKey) {
        precondition(key.bitCount == 256)
        self.key = key
        let label = Array("crypten frame tags, short".utf8)
        short = HMAC(key: HKDF<SHA256>.expand(pseudoRandomKey: key, info: label, outputByteCount: 32))
    }

    /// Tags under a key that everyone knows: a checksum, for frames before the handshake has made a key.
    package static let unkeyed = FrameAuthenticator(key: SymmetricKey(data: [UInt8](repeating: 0, count: 32)))

    /// The tag of a frame.
    package func tag(_ header: FrameHeader, _ payload: ByteBuffer) -> FrameTag {
        payload.withUnsafeReadableBytes { payload in
            let size = FrameHeader.untaggedSize + (payload.count > FrameAuthenticator.shortPayload ? 0 : payload.count)
            return withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { text in
                header.write(to: text)
                guard payload.count <= FrameAuthenticator.shortPayload else {
                    return longTag(UnsafeRawBufferPointer(text), payload, sequence: header.sequence)
                }
                UnsafeMutableRawBufferPointer(rebasing: text[FrameHeader.untaggedSize...]).copyMemory(from: payload)
                var authentication = short
                authentication.update(data: UnsafeRawBufferPointer(text))
                return authentication.finalize().withUnsafeBytes(FrameTag.init)
            }
        }
    }

    private func longTag(
        _ header: UnsafeRawBufferPointer,
        _ payload: UnsafeRawBufferPointer,
        sequence: UInt64
    ) -> FrameTag {
        // The nonce is 12 bytes: the sequence number and zeros.
        let nonceWords = (sequence.littleEndian, UInt32(0))
        do {
            let nonce = try withUnsafeBytes(of: nonceWords) { bytes in
                try AES.GCM.Nonce(data: UnsafeRawBufferPointer(rebasing: bytes[..<12]))
            }
            return try AES.GCM.seal(header, using: key, nonce: nonce, authenticating: payload)
                .tag.withUnsafeBytes(FrameTag.init)
        } catch {
            // Sealing fails for a key, nonce or length that AES-GCM doesn't take; all three are fixed or bounded above.
            preconditionFailure("AES-GCM refused a frame of \(payload.count) bytes: \(error)")
        }
    }

    /// Whether `tag` is the tag of a frame; the comparison takes the same time wherever the two differ.
    package func accepts(_ tag: FrameTag, _ header: FrameHeader, _ payload: ByteBuffer) -> Bool {
        self.tag(header, payload).isEqual(to: tag)
    }

    /// The 64 bytes that go before the payload.
    package func sealedHeader(_ header: FrameHeader, _ payload: ByteBuffer) -> ByteBuffer {
        let tag = tag(header, payload)
        var buffer = ByteBuffer()
        buffer.reserveCapacity(FrameHeader.size)
        header.write(to: &buffer)
        buffer.writeMultipleIntegers(tag.low, tag.high, endianness: .little)
        return buffer
    }
}
