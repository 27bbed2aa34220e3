import CrypTenRing
import CrypTenRuntime
import NIOCore
import Testing

@Suite("Tensors that are handed over")
struct HandedTensorsTests {
    private let kernels = PlainKernels()

    private func tensor(_ words: Range<UInt64>) -> RingTensor {
        RingTensor(Array(words), shape: [words.count])
    }

    @Test("cut into chunks and read back they are the tensors that they were, in their own memory")
    func cut() {
        let tensors = [tensor(0..<10), tensor(10..<11), tensor(11..<40)]
        var chunks: [HandedTensors] = []
        var last = HandedTensors()
        for tensor in tensors {
            last.append(tensor, chunkWords: 7) { chunk in
                chunks.append(chunk)
                chunk = HandedTensors()
            }
        }
        chunks.append(last)
        #expect(chunks.map(\.wordCount) == [7, 7, 7, 7, 7, 5])
        var all = HandedTensors()
        for chunk in chunks { for piece in chunk.pieces { all.append(piece) } }
        #expect(all.pieces.count == 3 && all.byteCount == 320)
        for tensor in tensors {
            let read = all.removeFirst(tensor.count).joined(kernels)
            #expect(read.storage === tensor.storage && read.elements == tensor.elements)
        }
        #expect(all.wordCount == 0 && all.pieces.isEmpty)
    }

    @Test("read in other parts they are the same words")
    func parts() throws {
        var all = HandedTensors()
        for tensor in [tensor(0..<10), tensor(10..<11), tensor(11..<40), tensor(0..<0)] { all.append(tensor) }
        var bytes = try all.bytes()
        #expect((0..<40).allSatisfy { bytes.readInteger(endianness: .little, as: UInt64.self) == $0 })
        for part in [0..<4, 4..<12, 12..<12, 12..<40] as [Range<UInt64>] {
            #expect(all.removeFirst(part.count).joined(kernels).elements == Array(part))
        }
        #expect(all.byteCount == 0)
    }

    @Test("given up, they are overwritten, unless somebody else looks at them")
    func wiped() {
        let kept = tensor(5..<9)
        var all = HandedTensors()
        all.append(kept)
        all.wipe()
        #expect(kept.elements == [5, 6, 7, 8] && all.byteCount == 0 && all.pieces.isEmpty)
    }

    @Test("of corrections that wait, those that there is room for stay where they are, and the rest are bytes")
    func stored() throws {
        let store = MemoryCorrections(mostDeviceBytes: 100)
        for run in 0..<2 as Range<UInt64> {
            for chunk in 0..<2 as Range<UInt64> {
                var tensors = HandedTensors()
                tensors.append(tensor(chunk * 10..<chunk * 10 + 8))
                try store.append(WordChunk(tensors), to: run)
            }
            try store.finish(run)
        }
        let chunks = try store.consume(0)
        for chunk in 0..<2 {
            let next = try chunks.next()
            #expect(next.byteCount == 64 && (next.tensors.byteCount == 64) == (chunk == 0))
            var bytes = try next.readableBytes()
            #expect(bytes.readInteger(endianness: .little, as: UInt64.self) == UInt64(chunk * 10))
        }
        // What was consumed makes room.
        var tensors = HandedTensors()
        tensors.append(tensor(0..<8))
        try store.append(WordChunk(tensors), to: 2)
        try store.finish(2)
        #expect(try store.consume(2).next().tensors.byteCount == 64)
        #expect(try store.consume(1).next().tensors.byteCount == 0)
    }
}
