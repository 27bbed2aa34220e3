#if os(Linux)
import CrypTenBase
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation
import NIOCore
import Testing
import _CrypTenTestSupport

/// Looks for corrections in all of this process's memory, what was freed included.
@Suite("Corrections don't stay behind in memory", .serialized)
struct WipedStoreTests {
    private static let chunks = 6

    private static func chunk(_ marker: MemoryMarker, _ number: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 4096) { space in
            let words = space.baseAddress!.assumingMemoryBound(to: UInt64.self)
            marker.write(512, from: UInt64(number), to: words)
            return 4096
        }
        return buffer
    }

    /// Two runs of three chunks each.
    private static func fill(_ store: any CorrectionStore, _ marker: MemoryMarker) throws {
        for number in 0..<chunks {
            let run = UInt64(1 + number / 3)
            var chunk = WordChunk(Self.chunk(marker, number))
            try store.append(chunk, to: run)
            chunk.wipe()
            if number % 3 == 2 { try store.finish(run) }
        }
    }

    @Test("what is looked for is found, also in memory that was freed")
    func found() throws {
        let marker = MemoryMarker(1)
        #expect(try marker.occurrences() == 0)
        var chunks = (0..<Self.chunks).map { Self.chunk(marker, $0) }
        #expect(try marker.occurrences() == Self.chunks)
        var last = chunks.removeLast()
        chunks = []
        #expect(try marker.occurrences() > 1, "nobody has overwritten them")
        last.wipe()
        #expect(try MemoryMarker(2).occurrences() == 0)
    }

    @Test("none of what waits in memory, whether its run is used, cut off, discarded, or given up with the session")
    func memory() throws {
        let marker = MemoryMarker(3)
        var store: MemoryCorrections? = MemoryCorrections()
        try store.map { try Self.fill($0, marker) }
        #expect(try marker.occurrences() == Self.chunks)
        // One chunk is read, two aren't.
        var run = try store?.consume(1)
        var read = try #require(try run?.next())
        #expect(read.byteCount == 4096)
        read.wipe()
        #expect(try marker.occurrences() == Self.chunks - 1)
        run = nil
        #expect(try marker.occurrences() == Self.chunks - 3)
        store?.discard(2)
        #expect(try marker.occurrences() == 0)
        try store.map { try Self.fill($0, marker) }
        store?.abandon()
        #expect(try marker.occurrences() == 0)
        try store.map { try Self.fill($0, marker) }
        store = nil
        #expect(try marker.occurrences() == 0)
    }

    /// Three correlations and a difference.
    private static func made(_ marker: MemoryMarker, words: Int) throws -> MadeInMemory {
        func tensor(_ number: Int) -> RingTensor {
            var tensor = RingTensor(uninitialized: [words])
            tensor.withMutableWords { marker.write(words, from: UInt64(number), to: $0) }
            return tensor
        }
        let made = MadeInMemory()
        for number in 0..<3 { try made.correlation(tensor(number)) }
        try made.difference(nil)
        try made.difference(tensor(3))
        made.finish()
        return made
    }

    @Test(
        "none of what two parties have made, whether its run is used, cut off, discarded, or given up",
        arguments: [512, 3 * StoragePool.leastWords]
    )
    func made(words: Int) throws {
        let marker = MemoryMarker(UInt64(100 + words))
        func found() throws -> Bool { try marker.occurrences() > 0 }
        var made: MadeInMemory? = try Self.made(marker, words: words)
        let waiting = try marker.occurrences()
        #expect(waiting > 0)
        // One is read, and what is left is given up.
        do {
            let run = try #require(try made?.take())
            #expect(throws: CrypTenError.self) { try made?.take() }
            try run.next().wipe()
            #expect(try marker.occurrences() < waiting)
        }
        made = nil
        #expect(try !found())
        made = try Self.made(marker, words: words)
        made?.discard()
        #expect(try !found())
        made = try Self.made(marker, words: words)
        made = nil
        #expect(try !found())
    }

    @Test("none of what went through a file")
    func file() throws {
        let marker = MemoryMarker(4)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("crypten-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try CorrectionsFile(creating: folder.appendingPathComponent("runs").path, for: 1...2)
        try Self.fill(store, marker)
        #expect(try marker.occurrences() == 0)
        let run = try store.consume(2)
        for number in 3..<Self.chunks {
            var read = try run.next()
            #expect(try marker.occurrences() == 1)
            // What it is compared with would be found as well, once freed.
            var expected = WordChunk(Self.chunk(marker, number))
            #expect(read.bytes == expected.bytes)
            expected.wipe()
            read.wipe()
        }
    }

    @Test("none of what short messages have left in large buffers, nor what longer ones have before them")
    func sentShort() throws {
        let marker = MemoryMarker(7)
        // More than wait for the transport, so that the first ones are used again.
        let buffers = FrameBuffers(capacity: 8192)
        for number in 0..<48 {
            var buffer = buffers.take()
            buffer.reserveCapacity(8192)
            let words = number == 5 ? 1024 : 16
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: words * 8) { space in
                marker.write(words, from: UInt64(number), to: space.baseAddress!.assumingMemoryBound(to: UInt64.self))
                return words * 8
            }
            buffers.giveBack(&buffer)
        }
        #expect(try marker.occurrences() > 0)
        buffers.wipe()
        #expect(try marker.occurrences() == 0)
    }

    @Test("none of what a run has sent, after its end; short buffers go at once")
    func sent() throws {
        let marker = MemoryMarker(5)
        let buffers = FrameBuffers(capacity: 4096)
        for number in 0..<40 {
            var buffer = Self.chunk(marker, number)
            buffers.giveBack(&buffer)
            #expect(buffer.storageCapacity == 0)
        }
        #expect(try marker.occurrences() == 40)
        #expect(buffers.take().storageCapacity == 4096, "large ones are used again")
        buffers.wipe()
        // The one that was taken is gone, with what was in it until it's filled anew; here it was freed.
        #expect(try marker.occurrences() <= 1)
        let short = FrameBuffers(capacity: 1 << 18)
        let other = MemoryMarker(6)
        var buffer = Self.chunk(other, 0)
        short.giveBack(&buffer)
        #expect(try other.occurrences() == 0)
    }
}
#endif
