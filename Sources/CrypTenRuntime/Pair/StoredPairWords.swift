import CrypTenCorrelations
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport
import NIOCore

/// A run's words on their way into a store, in the order in which they were made: records, as ``MadeCorrelations`` reads them.
final class StoredPairWords: PairSink {
    private let store: any CorrectionStore
    private let run: UInt64
    private var chunk = ByteBuffer()

    init(_ store: any CorrectionStore, run: UInt64) {
        (self.store, self.run) = (store, run)
    }

    deinit {
        // Where an error ended it.
        chunk.wipe()
    }

    func correlation(_ words: RingTensor) throws {
        try add(MadeRecord(.correlation, count: words.count))
        try add(words)
    }

    func difference(_ words: RingTensor?) throws {
        try add(MadeRecord(words == nil ? .noDifference : .difference, count: words?.count ?? 0))
        if let words { try add(words) }
    }

    private func add(_ record: MadeRecord) throws {
        try withUnsafePointer(to: record.word) { try add($0, count: 1) }
    }

    private func add(_ words: RingTensor) throws {
        try words.withWords { try add($0, count: words.count) }
    }

    private func add(_ words: UnsafePointer<UInt64>, count: Int) throws {
        let bytes = Framing.wire.chunkBytes
        var written = 0
        while written < count {
            let end = min(count, written + (bytes - chunk.readableBytes) / 8)
            chunk.write(words, written..<end, capacity: bytes)
            written = end
            if chunk.readableBytes >= bytes { try flush() }
        }
    }

    /// After the last word.
    func finish() throws {
        if chunk.readableBytes > 0 { try flush() }
        try store.finish(run)
    }

    private func flush() throws {
        var full = chunk
        chunk = ByteBuffer()
        defer { full.wipe() }
        try store.append(WordChunk(full), to: run)
    }
}
