import CrypTenBase
import CrypTenRing
import CrypTenTransport
import Crypto
import NIOCore
import Testing

@Suite struct FrameTests {
    private let frame = Frame(
        .opening,
        binding: 0x1112_1314_1516_1718,
        run: 7,
        round: 0x0304_0506,
        payload: ByteBuffer(bytes: [1, 2, 3])
    )
    private let cipher = FrameCipher(key: SymmetricKey(data: [UInt8](0..<32)))

    private func header(sequence: UInt64 = 9) -> FrameHeader {
        FrameHeader(frame, from: 1, to: 65535, epoch: 0xA1A2_A3A4, sequence: sequence)
    }

    private func encoded(sequence: UInt64 = 9) -> ByteBuffer {
        var room = ByteBuffer()
        let sealed = cipher.seal(header(sequence: sequence), frame.payload, in: &room)
        var bytes = sealed.header
        bytes.writeImmutableBuffer(sealed.payload)
        return bytes
    }

    @Test("a header is these 48 bytes and a tag of 16") func knownBytes() {
        let expected: [UInt8] =
            Array("CTNF".utf8) + [4, 0] + [4, 0] + [1, 0] + [255, 255] + [3, 0, 0, 0] + [0xA4, 0xA3, 0xA2, 0xA1]
            + [6, 5, 4, 3] + [0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11] + [7, 0, 0, 0, 0, 0, 0, 0]
            + [9, 0, 0, 0, 0, 0, 0, 0]
        let bytes = encoded()
        #expect(Array(bytes.readableBytesView.prefix(48)) == expected)
        #expect(bytes.readableBytes == FrameHeader.size + 3)
        #expect(frame.wireSize == 67)
    }

    @Test(
        "the payload is padded by AES-128 in counter mode, the tag is HMAC-SHA256's or AES-256-GCM's over header and what is sent",
        arguments: [0, 1, 3, 8, 255, 256, 257, 5000, 8192, 8193, 100_001]
    )
    func sealing(length: Int) throws {
        let key = SymmetricKey(data: [UInt8](0..<32))
        func derived(_ label: String, _ count: Int) -> SymmetricKey {
            HKDF<SHA256>.expand(pseudoRandomKey: key, info: Array(label.utf8), outputByteCount: count)
        }
        let payload = [UInt8]((0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37) })
        let frame = Frame(.opening, payload: ByteBuffer(bytes: payload))
        let header = FrameHeader(frame, from: 1, to: 0, epoch: 7, sequence: 9)
        var room = ByteBuffer()
        let sealed = cipher.seal(header, frame.payload, in: &room)
        // The pad by another implementation, block by block, of AES with tables.
        let padKey = derived("crypten frame pads", 16).withUnsafeBytes { bytes in
            ExpansionKey(
                low: UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)),
                high: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        let words = PlainKernels().expand(padKey, number: 9, from: 0, shape: [(length + 7) / 8]).elements
        let pad = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
        let padded = zip(payload, pad).map { $0 ^ $1 }
        #expect(Array(sealed.payload.readableBytesView) == padded)
        let bytes = Array(sealed.header.readableBytesView)
        let expected =
            if length <= 256 {
                Array(
                    HMAC<SHA256>.authenticationCode(
                        for: bytes[..<48] + padded,
                        using: derived("crypten frame tags, short", 32)
                    ).prefix(16)
                )
            } else {
                Array(
                    try AES.GCM.seal(
                        bytes[..<48],
                        using: derived("crypten frame tags", 32),
                        nonce: AES.GCM.Nonce(data: [9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
                        authenticating: padded
                    ).tag
                )
            }
        #expect(Array(bytes[48..<64]) == expected)
        var raw = FrameAssembler.RawFrame(
            header: header,
            tag: expected.withUnsafeBytes { bytes in
                FrameTag(
                    low: UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)),
                    high: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                )
            },
            payload: sealed.payload
        )
        #expect(cipher.open(&raw))
        #expect(Array(raw.payload.readableBytesView) == payload)
    }

    @Test("memory in which a payload was sealed is used again, and one that is still being sent isn't touched")
    func room() {
        var room = ByteBuffer()
        let first = cipher.seal(header(sequence: 1), frame.payload, in: &room).payload
        let kept = Array(first.readableBytesView)
        _ = cipher.seal(header(sequence: 2), frame.payload, in: &room)
        #expect(Array(first.readableBytesView) == kept)
    }

    @Test("no bit can be flipped unnoticed") func everyBit() throws {
        let original = encoded()
        for bit in 0..<original.readableBytes * 8 {
            var bytes = original
            bytes.setInteger(original.getInteger(at: bit / 8, as: UInt8.self)! ^ (1 << (bit % 8)), at: bit / 8)
            var assembler = FrameAssembler()
            assembler.append(bytes)
            do {
                guard let raw = try assembler.next() else { continue }  // announces more bytes than there are
                let isLengthShort = raw.payload.readableBytes < 3
                #expect(isLengthShort || !cipher.accepts(raw), "bit \(bit)")
            } catch {
                #expect((error as? CrypTenError)?.code == .malformedFrame, "bit \(bit)")
            }
        }
    }

    @Test("frames come out whole however the stream is cut", arguments: [1, 2, 3, 63, 64, 65, 67, 68, 131, 1000])
    func cuts(size: Int) throws {
        var stream = ByteBuffer()
        for sequence in 0..<5 as Range<UInt64> {
            stream.writeImmutableBuffer(encoded(sequence: sequence))
        }
        var assembler = FrameAssembler()
        var sequences: [UInt64] = []
        while let piece = stream.readSlice(length: min(size, max(1, stream.readableBytes))) {
            assembler.append(piece)
            while let raw = try assembler.next() {
                sequences.append(raw.header.sequence)
                #expect(raw.header == header(sequence: raw.header.sequence))
                #expect(cipher.accepts(raw))
            }
        }
        #expect(sequences == [0, 1, 2, 3, 4])
        #expect(assembler.isBetweenFrames)
    }

    @Test("a length over the limit is refused before its bytes come") func oversized() {
        var header = header()
        header.length = UInt32(Frame.maximumPayload + 1)
        var bytes = ByteBuffer()
        header.write(to: &bytes)
        bytes.writeRepeatingByte(0, count: 16)
        var assembler = FrameAssembler()
        assembler.append(bytes)
        #expect(code { _ = try assembler.next() } == .malformedFrame)
    }

    @Test("an abort carries numbers alone, of whatever the error says, and unknown numbers are no reason to miss it")
    func abortMessages() {
        let error = CrypTenError(
            .outOfRange,
            "salary 5368709120 in /home/alice/rows.csv",
            cause: CrypTenError(.cancelled, "x")
        )
        let sent = AbortMessage(error.telling(.input)).encoded
        #expect(Array(sent.readableBytesView) == [2, 1, 0xFE, 0xFF, 0xFE, 0xFF, 0, 0])
        let received = AbortMessage(decoding: sent).error(from: .party(PartyID(0)), inHandshake: false)
        #expect(received.code == .partyFailed)
        #expect(received.message == "party 0 gave up: an input of its can't be used; its owner knows why")
        #expect((received.cause as? CrypTenError)?.code == .outOfRange)
        for bytes in [[], [200], [200, 200, 1], [255, 255, 255, 255, 255, 255, 255, 255, 255]] as [[UInt8]] {
            let unknown = AbortMessage(decoding: ByteBuffer(bytes: bytes)).error(from: .dealer, inHandshake: false)
            #expect(unknown.code == .partyFailed)
            #expect(unknown.message.hasSuffix("gave up: for a reason of its own; what it prints says which"))
        }
    }

    @Test("every reason has a sentence of its own, and numbers stay what they are") func reasons() {
        let sentences = PublicReason.allCases.map { $0.sentence(about: .dealer) }
        #expect(Set(sentences).count == sentences.count)
        #expect(PublicReason.allCases.map(\.rawValue) == Array(0..<33))
        #expect(CrypTenError.Code.shapeMismatch.number == 0 && CrypTenError.Code.wrongSession.number == 17)
    }
}
