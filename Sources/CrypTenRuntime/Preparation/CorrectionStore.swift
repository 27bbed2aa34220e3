import CrypTenBase
import NIOCore

/// Where the last party puts corrections of runs that are dealt ahead, run after run, until each is used.
protocol CorrectionStore: AnyObject {
    /// Adds a frame's payload to a run's corrections.
    ///
    /// - Throws: `.fileNotReadable` where there is no room for it.
    func append(_ chunk: ByteBuffer, to run: UInt64) throws
    /// All corrections of a run are here.
    func finish(_ run: UInt64) throws
    /// Marks a run as consumed, where that outlasts this process before this returns, and hands out its corrections.
    ///
    /// - Throws: `.wordReused` for one that was consumed before, `.malformedFile`, `.fileNotReadable`.
    func consume(_ run: UInt64) throws -> any CorrectionChunks
    /// Forgets the corrections of a run that nobody will use.
    func discard(_ run: UInt64)
    /// Forgets everything, after an error while runs were being stored.
    func abandon()
}

/// The corrections of one run that was dealt ahead, where they are stored.
struct StoredCorrections {
    let store: any CorrectionStore
    let run: UInt64

    /// Hands the corrections out, once.
    func take() throws -> any CorrectionChunks {
        try store.consume(run)
    }

    func discard() {
        store.discard(run)
    }
}

/// Corrections in memory; each frame's are given up as they are used.
final class MemoryCorrections: CorrectionStore {
    private var runs: [UInt64: [ByteBuffer]] = [:]

    func append(_ chunk: ByteBuffer, to run: UInt64) throws {
        runs[run, default: []].append(chunk)
    }

    func finish(_ run: UInt64) throws {
        runs[run, default: []].reverse()
    }

    func consume(_ run: UInt64) throws -> any CorrectionChunks {
        guard let chunks = runs.removeValue(forKey: run) else {
            throw CrypTenError(.wordReused, "run \(run) was consumed before; prepare again")
        }
        return Chunks(chunks)
    }

    func discard(_ run: UInt64) {
        runs[run] = nil
    }

    func abandon() {
        runs = [:]
    }

    private final class Chunks: CorrectionChunks {
        /// The next one last.
        private var chunks: [ByteBuffer]

        init(_ chunks: [ByteBuffer]) {
            self.chunks = chunks
        }

        func next() throws -> ByteBuffer {
            guard let chunk = chunks.popLast() else { preconditionFailure("a run reads what its plan says is dealt") }
            return chunk
        }
    }
}
