import CrypTenBase
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
    private let authenticator = FrameAuthenticator(key: SymmetricKey(data: [UInt8](0..<32)))

    private func header(sequence: UInt64 = 9) -> FrameHeader {
        FrameHeader(frame, from: 1, to: 65535, session: 0xA1A2_A3A4, sequence: sequence)
    }

    private func encoded(sequence: UInt64 = 9) -> ByteBuffer {
        var bytes = authenticator.sealedHeader(header(sequence: sequence), frame.payload)
        bytes.writeImmutableBuffer(frame.payload)
        return bytes
    }

    @Test("a header is these 48 bytes and a tag of 16") func knownBytes() {
        let expected: [UInt8] =
            Array("CTNF".utf8) + [3, 0] + [4, 0] + [1, 0] + [255, 255] + [3, 0, 0, 0] + [0xA4, 0xA3, 0xA2, 0xA1]
            + [6, 5, 4, 3] + [0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11] + [7, 0, 0, 0, 0, 0, 0, 0]
            + [9, 0, 0, 0, 0, 0, 0, 0]
        let bytes = encoded()
        #expect(Array(bytes.readableBytesView.prefix(48)) == expected)
        #expect(bytes.readableBytes == FrameHeader.size + 3)
        #expect(frame.wireSize == 67)
    }

    @Test(
        "the tag is HMAC-SHA256's over header and payload, under a key of its own, and AES-256-GCM's for long payloads"
    )
    func tag() throws {
        let key = SymmetricKey(data: [UInt8](0..<32))
        let shortKey = HKDF<SHA256>.expand(
            pseudoRandomKey: key,
            info: Array("crypten frame tags, short".utf8),
            outputByteCount: 32
        )
        for length in [0, 3, 256, 257, 5000] {
            let payload = [UInt8]((0..<length).map { UInt8(truncatingIfNeeded: $0) })
            let frame = Frame(.opening, payload: ByteBuffer(bytes: payload))
            let header = FrameHeader(frame, from: 1, to: 0, session: 7, sequence: 9)
            let bytes = Array(authenticator.sealedHeader(header, frame.payload).readableBytesView)
            let expected =
                if length <= 256 {
                    Array(HMAC<SHA256>.authenticationCode(for: bytes[..<48] + payload, using: shortKey).prefix(16))
                } else {
                    Array(
                        try AES.GCM.seal(
                            bytes[..<48],
                            using: key,
                            nonce: AES.GCM.Nonce(data: [9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
                            authenticating: payload
                        ).tag
                    )
                }
            #expect(Array(bytes[48..<64]) == expected, "\(length)")
        }
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
                #expect(isLengthShort || !authenticator.accepts(raw.tag, raw.header, raw.payload), "bit \(bit)")
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
                #expect(authenticator.accepts(raw.tag, raw.header, raw.payload))
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

    @Test("a peer's text is kept when it is short, cut when it is long, and stripped of control characters")
    func abortMessages() {
        let error = CrypTenError(.shapeMismatch, "2×3 and 4×5")
        let received = AbortMessage(decoding: AbortMessage(error).encoded).error(from: .dealer, inHandshake: false)
        #expect(received.code == .partyFailed)
        #expect(received.message == "the dealer gave up: 2×3 and 4×5")
        #expect((received.cause as? CrypTenError)?.code == .shapeMismatch)
        #expect(AbortMessage(decoding: ByteBuffer()).message == "")
        #expect(AbortMessage(decoding: ByteBuffer(bytes: [1, 200, 1, 2])).code == nil)
        let long = CrypTenError(.diverged, String(repeating: "x", count: 100_000))
        #expect(AbortMessage(long).encoded.readableBytes <= 4096 + 10)
        #expect(
            AbortMessage(decoding: AbortMessage(CrypTenError(.diverged, "a\u{1B}[2J\nb")).encoded).message == "a[2Jb"
        )
    }
}
