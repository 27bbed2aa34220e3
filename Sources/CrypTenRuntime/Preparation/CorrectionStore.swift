import CrypTenBase

/// Where the last party puts corrections of runs that are dealt ahead, run after run, until each is used.
package protocol CorrectionStore: AnyObject {
    /// Adds what a frame carries to a run's corrections; the caller lets go of it then, by ``WordChunk/wipe()``.
    ///
    /// - Throws: `.fileNotReadable` where there is no room for it.
    func append(_ chunk: WordChunk, to run: UInt64) throws
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

/// Corrections in memory; each frame's are given up as they are used, and overwritten where nobody uses them.
///
/// What a dealer hands over stays in the device's memory as far as that may be filled, and is copied to the host's beyond.
package final class MemoryCorrections: CorrectionStore {
    private var runs: [UInt64: [WordChunk]] = [:]
    /// How many bytes of a device's memory may be filled yet.
    private var deviceRoom: Int

    /// A place without corrections.
    ///
    /// - Parameter mostDeviceBytes: How much of a device's memory it fills at most.
    package init(mostDeviceBytes: Int = 0) {
        deviceRoom = mostDeviceBytes
    }

    deinit {
        abandon()
    }

    package func append(_ chunk: WordChunk, to run: UInt64) throws {
        let handed = chunk.tensors.byteCount
        let stays = handed <= deviceRoom
        if stays { deviceRoom -= handed }
        runs[run, default: []].append(stays ? chunk : WordChunk(try chunk.readableBytes()))
    }

    package func finish(_ run: UInt64) throws {
        runs[run, default: []].reverse()
    }

    package func consume(_ run: UInt64) throws -> any CorrectionChunks {
        guard let chunks = runs.removeValue(forKey: run) else {
            throw CrypTenError(.wordReused, "run \(run) was consumed before; prepare again")
        }
        forget(chunks)
        return Chunks(chunks)
    }

    package func discard(_ run: UInt64) {
        var chunks = runs.removeValue(forKey: run) ?? []
        forget(chunks)
        chunks.wipe()
    }

    private func forget(_ chunks: [WordChunk]) {
        deviceRoom += chunks.reduce(0) { $0 + $1.tensors.byteCount }
    }

    package func abandon() {
        for run in Array(runs.keys) { discard(run) }
    }

    private final class Chunks: CorrectionChunks {
        /// The next one last.
        private var chunks: [WordChunk]

        init(_ chunks: [WordChunk]) {
            self.chunks = chunks
        }

        deinit {
            // Where an error ended the run.
            chunks.wipe()
        }

        func next() throws -> WordChunk {
            guard let chunk = chunks.popLast() else { preconditionFailure("a run reads what its plan says is dealt") }
            return chunk
        }
    }
}

extension [WordChunk] {
    /// Overwrites what all of them hold.
    fileprivate mutating func wipe() {
        for index in indices { self[index].wipe() }
    }
}
