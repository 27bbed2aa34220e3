internal import CCrypTenKernels
package import Crypto
package import NIOCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Encrypts and authenticates the frames of one direction of one connection, as long as one key lasts.
///
/// Encrypt, then authenticate. The payload is combined with a pad: AES-128 in counter mode, the frame's sequence number in one half
/// of the counter block and the block's number in the other, on the instructions that the random words of the protocol are made
/// with. The tag covers the header, which travels in the clear, and the padded payload.
///
/// A payload of more than ``shortPayload`` bytes is tagged by AES-256-GCM: the header is the plaintext, the padded payload additional
/// data, the sequence number the nonce; the header's ciphertext is thrown away, and the receiver makes the tag again. That is
/// one pass of carry-less multiplication over the payload, 19 GB/s on x86 with VAES, without a copy. Its setting-up takes longer than all the
/// rest of a short frame, whose tag is therefore the first 16 bytes of HMAC-SHA256.
///
/// Why not GCM for both: the library's can't work in place, and copies the ciphertext twice at each end, which costs more than the
/// pad and the tag together.
///
/// Pad, GCM and HMAC have keys of their own, derived from the direction's with HKDF. Which of the two made a tag follows from
/// the payload's length alone, and both cover the length, which stands in the header: a frame that is to pass as one of another
/// length is a forgery of one of them. HMAC-SHA256 is a pseudo-random function, so that each attempt to forge 16 bytes of it
/// succeeds with probability 2^−128; for GCM, whose nonces never repeat since sequence numbers don't, it is at most 2^−128 for
/// each 16 bytes of payload. A pad is used once for the same reason.
///
/// What it promises: whoever didn't take part in the handshake of this connection learns of a frame its header, and so its kind, its
/// length and its place, and cannot change, forge, replay, reorder or drop one unnoticed. What it doesn't: the handshake
/// itself names no one, so that someone who sits between the machines when the connection is made can be both peers' peer,
/// unless the two have a secret in common beforehand. Identities are TLS's part.
///
/// - Complexity: two passes over the payload at each end; no byte is added to a frame.
package struct FrameCipher: Sendable {
    /// The longest payload whose tag is HMAC's.
    package static let shortPayload = 256

    /// How pads are made: the fastest way that this machine has.
    private static let padCipher =
        [CCT_CIPHER_VAES, CCT_CIPHER_VAES256, CCT_CIPHER_AESNI, CCT_CIPHER_ARMV8].first { cct_supports_cipher($0) == 1 }
        ?? CCT_CIPHER_BITSLICED

    /// The pad's key as two little-endian words; nil where frames travel in the clear.
    private let pad: (low: UInt64, high: UInt64)?
    private let long: SymmetricKey
    /// HMAC that has taken up its key, to be continued in copies.
    private let short: HMAC<SHA256>

    /// Protection under a key that both ends hold and that nothing else uses.
    package init(key: SymmetricKey) {
        let pad = FrameCipher.derive(key, "crypten frame pads", bytes: 16).withUnsafeBytes { bytes in
            (
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        self.init(key: key, pad: pad)
    }

    private init(key: SymmetricKey, pad: (UInt64, UInt64)?) {
        precondition(key.bitCount == 256)
        self.pad = pad
        long = FrameCipher.derive(key, "crypten frame tags", bytes: 32)
        short = HMAC(key: FrameCipher.derive(key, "crypten frame tags, short", bytes: 32))
    }

    private static func derive(_ key: SymmetricKey, _ label: String, bytes: Int) -> SymmetricKey {
        HKDF<SHA256>.expand(pseudoRandomKey: key, info: Array(label.utf8), outputByteCount: bytes)
    }

    /// Tags under a key that everyone knows, and no pad: a checksum, for frames before the handshake has made a key.
    package static let unkeyed = FrameCipher(key: SymmetricKey(data: [UInt8](repeating: 0, count: 32)), pad: nil)

    /// Whether a frame's payload is padded: a hello's isn't, for its reader has no key yet.
    private func pads(_ header: FrameHeader) -> Bool {
        pad != nil && header.kind != Frame.Kind.hello.rawValue && header.length > 0
    }

    // MARK: Sending

    /// A frame as it goes out: the 64 bytes before the payload, and the payload.
    ///
    /// - Parameter room: Where the padded payload is made; memory that was used for the last one is used again.
    package func seal(
        _ header: FrameHeader,
        _ payload: ByteBuffer,
        in room: inout ByteBuffer
    ) -> (header: ByteBuffer, payload: ByteBuffer) {
        guard pads(header) else { return (sealedHeader(header, payload), payload) }
        room.clear()
        payload.withUnsafeReadableBytes { bytes in
            _ = room.writeWithUnsafeMutableBytes(minimumWritableBytes: bytes.count) { space in
                addPad(of: header, bytes, to: space.baseAddress)
                return bytes.count
            }
        }
        return (sealedHeader(header, room), room)
    }

    /// The header of a payload that is padded already, or needn't be, with its tag.
    package func sealedHeader(_ header: FrameHeader, _ payload: ByteBuffer) -> ByteBuffer {
        let tag = tag(header, payload)
        var buffer = ByteBuffer()
        buffer.reserveCapacity(FrameHeader.size)
        header.write(to: &buffer)
        buffer.writeMultipleIntegers(tag.low, tag.high, endianness: .little)
        return buffer
    }

    // MARK: Receiving

    /// Takes the pad off a frame whose tag is right; false, and nothing is changed, where it isn't.
    ///
    /// The comparison takes the same time wherever two tags differ.
    package func open(_ raw: inout FrameAssembler.RawFrame) -> Bool {
        guard accepts(raw) else { return false }
        guard pads(raw.header) else { return true }
        raw.payload.withUnsafeMutableReadableBytes { bytes in
            addPad(of: raw.header, UnsafeRawBufferPointer(bytes), to: bytes.baseAddress)
        }
        return true
    }

    /// Whether a frame's tag is right.
    package func accepts(_ raw: FrameAssembler.RawFrame) -> Bool {
        tag(raw.header, raw.payload).isEqual(to: raw.tag)
    }

    // MARK: Both

    /// The pad of one frame is the same for both ends.
    private func addPad(of header: FrameHeader, _ bytes: UnsafeRawBufferPointer, to out: UnsafeMutableRawPointer?) {
        guard let pad, let from = bytes.baseAddress, let out else { return }
        cct_pad(
            FrameCipher.padCipher,
            out.assumingMemoryBound(to: UInt8.self),
            from.assumingMemoryBound(to: UInt8.self),
            bytes.count,
            pad.low,
            pad.high,
            header.sequence
        )
    }

    /// The tag of a frame as it travels.
    private func tag(_ header: FrameHeader, _ payload: ByteBuffer) -> FrameTag {
        payload.withUnsafeReadableBytes { payload in
            let size = FrameHeader.untaggedSize + (payload.count > FrameCipher.shortPayload ? 0 : payload.count)
            return withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { text in
                header.write(to: text)
                guard payload.count <= FrameCipher.shortPayload else {
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
            return try AES.GCM.seal(header, using: long, nonce: nonce, authenticating: payload)
                .tag.withUnsafeBytes(FrameTag.init)
        } catch {
            // Sealing fails for a key, nonce or length that AES-GCM doesn't take; all three are fixed or bounded above.
            preconditionFailure("AES-GCM refused a frame of \(payload.count) bytes")
        }
    }
}
