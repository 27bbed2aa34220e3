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
            let taken = min(missing, try available(more))
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

    /// Combines `count` words, which come as bytes, with those of a tensor that has as many.
    ///
    /// - Throws: as `read(_:_:more:)` does.
    mutating func read(
        _ count: Int,
        into sum: inout RingTensor,
        xor: Bool,
        _ kernels: any Kernels,
        more: () throws -> WordChunk
    ) throws {
        var first = 0
        while first < count {
            let taken = min(count - first, try available(more))
            precondition(chunk.tensors.byteCount == 0, "nothing is handed over to a processor")
            chunk.bytes.readWithUnsafeReadableBytes { bytes in
                let bytes = UnsafeRawBufferPointer(rebasing: bytes[..<(taken * 8)])
                if Int(bitPattern: bytes.baseAddress!) % MemoryLayout<UInt64>.alignment == 0 {
                    kernels.accumulate(&sum, at: first, bytes.bindMemory(to: UInt64.self), xor: xor)
                } else {
                    let words = (0..<taken).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
                    words.withUnsafeBufferPointer { kernels.accumulate(&sum, at: first, $0, xor: xor) }
                }
                return taken * 8
            }
            first += taken
        }
    }

    /// How many words are left of a frame, the next one where nothing is left of the last.
    private mutating func available(_ more: () throws -> WordChunk) throws -> Int {
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
        return chunk.byteCount / 8
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
