import CrypTenBase
import CrypTenTransport
import NIOCore
import Testing
import _CrypTenTestSupport

@Suite("Buffers of frames are overwritten")
struct WipingTests {
    /// All of a buffer's memory.
    private func memory(_ buffer: ByteBuffer) -> [UInt8] {
        buffer.withVeryUnsafeBytes { Array($0) }
    }

    @Test(
        "memory that nobody else has becomes zeros, all of it, and stays the buffer's",
        arguments: [1, 64, 1000, 1 << 18]
    )
    func alone(count: Int) {
        var buffer = ByteBuffer(repeating: 0xA5, count: count)
        buffer.moveReaderIndex(forwardBy: count / 2)
        let before = buffer.withVeryUnsafeBytes { $0.baseAddress }
        buffer.wipe()
        #expect(buffer.readableBytes == 0 && buffer.writerIndex == 0)
        #expect(buffer.withVeryUnsafeBytes { $0.baseAddress } == before)
        #expect(memory(buffer).count >= count && memory(buffer).allSatisfy { $0 == 0 })
    }

    @Test("so does the memory around a slice that alone is left of it")
    func slice() {
        var whole = ByteBuffer(repeating: 0xA5, count: 1000)
        var slice = whole.readSlice(length: 100) ?? ByteBuffer()
        #expect(slice.readableBytes == 100)
        whole = ByteBuffer()
        slice.wipe()
        #expect(memory(slice).count >= 1000 && memory(slice).allSatisfy { $0 == 0 })
    }

    @Test("what others have as well stays as it is for them, and the last one overwrites it")
    func shared() throws {
        var buffer = ByteBuffer(repeating: 0xA5, count: 1000)
        var slice = try #require(buffer.getSlice(at: 10, length: 20))
        slice.wipe()
        #expect(slice.readableBytes == 0)
        #expect(buffer.readableBytesView.elementsEqual(repeatElement(0xA5, count: 1000)))
        buffer.wipe()
        #expect(memory(buffer).allSatisfy { $0 == 0 })
        var empty = ByteBuffer()
        empty.wipe()
        #expect(empty.storageCapacity == 0)
    }
}

#if os(Linux)
extension Connected {
    @Suite("What frames carry doesn't stay behind in memory") struct FrameMemoryTests {
        private func payload(_ marker: MemoryMarker, words: Int) -> ByteBuffer {
            var buffer = ByteBuffer()
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: words * 8) { space in
                marker.write(words, from: 7, to: space.baseAddress!.assumingMemoryBound(to: UInt64.self))
                return words * 8
            }
            return buffer
        }

        @Test(
            "at both ends, whoever writes it: once its reader has let go of it, none is left in this process",
            arguments: [20, 30, 1000, 20_000, 32_768]
        )
        func exchanged(words: Int) async throws {
            let members = try await Wire.tcp.connect(parties: 2)
            let marker = MemoryMarker(UInt64(words))
            try await onThread {
                for round in 0..<3 {
                    var payload = payload(marker, words: words)
                    try members[0].send(
                        Frame(.opening, run: 1, round: UInt32(round), payload: payload),
                        to: .party(PartyID(1)),
                        deadline: .soon
                    )
                    payload.wipe()
                    var frame = try members[1].receive([.opening], from: .party(PartyID(0)), deadline: .soon)
                    #expect(frame.payload.readableBytes == words * 8)
                    #expect(try marker.occurrences() == 1, "round \(round): what was received, and nothing else")
                    frame.payload.wipe()
                    #expect(try marker.occurrences() == 0, "round \(round)")
                }
            }
            await closeAll(members)
        }

        @Test("nor of what nobody has received when the session ends")
        func unread() async throws {
            let members = try await Wire.tcp.connect(parties: 2)
            let marker = MemoryMarker(1 << 20)
            try await onThread {
                var payload = payload(marker, words: 2000)
                try members[0].send(Frame(.opening, run: 1, payload: payload), to: .party(PartyID(1)), deadline: .soon)
                payload.wipe()
                try members[0].send(Frame(.control), to: .party(PartyID(1)), deadline: .soon)
                _ = try members[1].receive([.control], from: .party(PartyID(0)), deadline: .soon)
                #expect(try marker.occurrences() == 1)
            }
            await closeAll(members)
            #expect(try marker.occurrences() == 0)
        }
    }
}
#endif
