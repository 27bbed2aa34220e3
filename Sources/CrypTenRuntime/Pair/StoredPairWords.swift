import CrypTenCorrelations
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport
import NIOCore

/// What lies in a store between a run's words: what follows, and how many words of it.
private struct MadeRecord {
    enum Kind: UInt64 {
        case correlation, difference, noDifference
    }

    var kind: Kind
    var count: Int

    init(_ kind: Kind, count: Int) {
        (self.kind, self.count) = (kind, count)
    }

    init(_ word: UInt64) {
        guard let kind = Kind(rawValue: word >> 60) else { preconditionFailure("a record has a kind") }
        self.init(kind, count: Int(word & (1 << 60 - 1)))
    }

    var word: UInt64 { kind.rawValue << 60 | UInt64(count) }
}

/// A run's words on their way out of a store, as ``StoredPairWords`` has put them in.
final class RestoredPairWords: MadeWords {
    private let chunks: any CorrectionChunks
    private let kernels: any Kernels
    private let clock: WorkClock
    private var reader = WordReader()

    init(_ chunks: any CorrectionChunks, _ kernels: any Kernels, clock: WorkClock) {
        (self.chunks, self.kernels, self.clock) = (chunks, kernels, clock)
    }

    deinit {
        reader.wipe()
    }

    func next() throws -> MadeWord {
        try clock.measure(.copying) {
            let record = MadeRecord(try read(1).elements[0])
            return switch record.kind {
            case .correlation: .correlation(try read(record.count))
            case .difference: .difference(try read(record.count))
            case .noDifference: .difference(nil)
            }
        }
    }

    private func read(_ count: Int) throws -> RingTensor {
        try reader.read(count, kernels) { try chunks.next() }
    }

    var isEmpty: Bool { reader.isEmpty }
}

/// A run's words on their way into a store, in the order in which they were made: records, as ``RestoredPairWords`` reads them.
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
