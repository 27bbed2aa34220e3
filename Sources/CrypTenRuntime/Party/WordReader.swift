import CrypTenBase
import CrypTenRing
import NIOCore

/// The words that one peer sends in one run's stream, whatever frames they come in.
struct WordReader {
    private var chunk = WordChunk()

    /// Reads `count` words; `more` brings what the next frame carries.
    ///
    /// What a peer has handed over is read where it lies; bytes go to where `kernels` compute, frame by frame.
    ///
    /// - Throws: `CrypTenError.Code.malformedFrame` for a payload that isn't whole words, and whatever `more` throws.
    mutating func read(_ count: Int, _ kernels: any Kernels, more: () throws -> WordChunk) throws -> RingTensor {
        var handed = HandedTensors()
        var incoming: (any IncomingWords)?
        var missing = count
        while missing > 0 {
            if chunk.byteCount == 0 {
                chunk.wipe()
                chunk = try more()
                guard chunk.byteCount > 0, chunk.byteCount % 8 == 0 else {
                    throw CrypTenError(
                        .malformedFrame,
                        "a frame of \(chunk.byteCount) bytes doesn't hold whole words; the peer runs another program"
                    )
                }
            }
            let taken = min(missing, chunk.byteCount / 8)
            missing -= taken
            if chunk.tensors.byteCount > 0 {
                for piece in chunk.tensors.removeFirst(taken).pieces { handed.append(piece) }
            } else {
                let words = incoming ?? kernels.incoming(words: count)
                incoming = words
                chunk.bytes.readWithUnsafeReadableBytes { bytes in
                    words.append(UnsafeRawBufferPointer(rebasing: bytes[..<(taken * 8)]))
                    return taken * 8
                }
            }
        }
        precondition(handed.wordCount == 0 || incoming == nil, "a peer hands over all that it sends, or nothing")
        return incoming?.finish() ?? handed.joined(kernels)
    }

    /// Overwrites what the last frame has brought.
    mutating func wipe() {
        chunk.wipe()
    }

    /// Whether a frame brought no more than was read: else the peer runs another plan.
    var isEmpty: Bool {
        chunk.byteCount == 0
    }
}
