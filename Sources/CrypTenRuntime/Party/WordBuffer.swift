import CrypTenBase
import CrypTenRing
import NIOCore

/// Words in and out of byte buffers: little-endian on the wire, as in memory on every machine that this runs on.
extension ByteBuffer {
    /// Appends words `range` of a tensor; a buffer that has to grow grows to `capacity` at once.
    mutating func write(_ words: RingTensor, _ range: Range<Int>, capacity: Int) {
        words.withWords { pointer in
            write(range, capacity: capacity) { $1.update(from: pointer + $0.lowerBound, count: $0.count) }
        }
    }

    /// Appends words of a range that `body` writes; whatever is in the buffer is whole words, too.
    mutating func write(
        _ range: Range<Int>,
        capacity: Int,
        _ body: (Range<Int>, UnsafeMutablePointer<UInt64>) -> Void
    ) {
        guard !range.isEmpty else { return }
        if readableBytes > 0, writableBytes < range.count * 8 { reserveCapacity(capacity) }
        writeWithUnsafeMutableBytes(minimumWritableBytes: range.count * 8) { space in
            // The allocator aligns a buffer's beginning.
            body(range, space.baseAddress!.assumingMemoryBound(to: UInt64.self))
            return range.count * 8
        }
    }
}

/// Buffers for frames of one size that go out again and again.
///
/// A buffer belongs to the transport until it was written. One that is taken again comes back with its memory if that has
/// happened, and with new memory if not; so pages are cleared once, not with every frame. Belongs to an engine's thread.
final class FrameBuffers {
    private let capacity: Int
    private var sent: CircularBuffer<ByteBuffer> = []

    /// So many frames are written by the time a buffer is taken again, or the network is behind.
    private static let inFlight = 32

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// An empty buffer, large enough where there was one to be taken again.
    func take() -> ByteBuffer {
        guard sent.count >= FrameBuffers.inFlight, var buffer = sent.popFirst() else { return ByteBuffer() }
        buffer.clear()
        return buffer
    }

    /// Remembers a buffer that is being sent; short ones aren't worth it.
    func remember(_ buffer: ByteBuffer) {
        if buffer.readableBytes >= capacity { sent.append(buffer) }
    }
}

/// The words that one peer sends in one run's stream, whatever frames they come in.
struct WordReader {
    private var buffer = ByteBuffer()

    /// Reads `count` words; `more` brings the next frame's payload.
    ///
    /// - Throws: `CrypTenError.Code.malformedFrame` for a payload that isn't whole words, and whatever `more` throws.
    mutating func read(_ count: Int, more: () throws -> ByteBuffer) throws -> RingTensor {
        var out = RingTensor(uninitialized: [count])
        var filled = 0
        while filled < count {
            if buffer.readableBytes == 0 {
                buffer = try more()
                guard buffer.readableBytes > 0, buffer.readableBytes % 8 == 0 else {
                    throw CrypTenError(
                        .malformedFrame,
                        "a frame of \(buffer.readableBytes) bytes doesn't hold whole words; the peer runs another program"
                    )
                }
            }
            let take = min(count - filled, buffer.readableBytes / 8)
            _ = out.withMutableWords { words in
                buffer.readWithUnsafeReadableBytes { bytes in
                    UnsafeMutableRawPointer(words + filled).copyMemory(from: bytes.baseAddress!, byteCount: take * 8)
                    return take * 8
                }
            }
            filled += take
        }
        return out
    }

    /// Whether a frame brought more than was read: the peer runs another plan.
    var isEmpty: Bool {
        buffer.readableBytes == 0
    }
}
