import CrypTenBase
package import CrypTenRing
import CrypTenTransport
package import NIOCore

/// Runs of words in the memory of a device that members of one process share: what a frame carries between them.
///
/// What is behind the words is queued, and nobody changes it while others look at it; so it may be read, by what is queued later, without waiting.
package struct HandedTensors: HandedWords {
    package private(set) var pieces: [RingTensor] = []
    package private(set) var wordCount = 0

    package init() {}

    package var byteCount: Int {
        wordCount * 8
    }

    /// Adds words behind those that are there; what continues the last piece becomes part of it.
    package mutating func append(_ words: RingTensor) {
        guard words.count > 0 else { return }
        wordCount += words.count
        if let last = pieces.last, last.storage === words.storage, last.firstWord + last.count == words.firstWord {
            pieces[pieces.count - 1] = RingTensor(
                storage: last.storage,
                firstWord: last.firstWord,
                shape: [last.count + words.count]
            )
        } else {
            pieces.append(words.reshaped(to: [words.count]))
        }
    }

    /// Adds words, and tells of each chunk that is full then.
    package mutating func append(
        _ words: RingTensor,
        chunkWords: Int,
        full: (inout HandedTensors) throws -> Void
    ) rethrows {
        let words = words.reshaped(to: [words.count])
        var done = 0
        while done < words.count {
            let end = min(words.count, done + chunkWords - wordCount)
            append(words.flat(done..<end))
            done = end
            if wordCount >= chunkWords { try full(&self) }
        }
    }

    /// Takes the first words away.
    package mutating func removeFirst(_ count: Int) -> HandedTensors {
        var first = HandedTensors()
        while first.wordCount < count {
            let piece = pieces[0]
            let taken = min(piece.count, count - first.wordCount)
            first.append(piece.flat(0..<taken))
            if taken == piece.count {
                pieces.removeFirst()
            } else {
                pieces[0] = piece.flat(taken..<piece.count)
            }
        }
        wordCount -= count
        return first
    }

    /// All words as one tensor: where they lie, if they lie in one run.
    package func joined(_ kernels: any Kernels) -> RingTensor {
        switch pieces.count {
        case 0: RingTensor(zeros: [0])
        case 1: pieces[0]
        default: kernels.concatenate(pieces, axis: 0)
        }
    }

    package func bytes() throws -> ByteBuffer {
        var bytes = ByteBuffer()
        bytes.reserveCapacity(byteCount)
        for piece in pieces {
            // Without giving the words another place.
            if let transfer = try piece.beginDownload() {
                bytes.writeBytes(try transfer.wait())
            } else {
                piece.withWords { _ = bytes.writeBytes(UnsafeRawBufferPointer(start: $0, count: piece.count * 8)) }
            }
        }
        return bytes
    }

    package mutating func wipe() {
        while var piece = pieces.popLast() { piece.wipe() }
        wordCount = 0
    }
}

extension RingTensor {
    /// The words as another member of the process may have them: in the device's memory, where they don't change any more, or, of few that the
    /// host has, a copy.
    ///
    /// - Throws: `.deviceFailed`.
    func handedOver(by kernels: any Kernels) throws -> RingTensor {
        kernels.settle([self])
        if try storage.onlyDevice() != nil { return self }
        var copy = RingTensor(uninitialized: [count])
        withWords { words in copy.withMutableWords { $0.update(from: words, count: count) } }
        return copy
    }
}
