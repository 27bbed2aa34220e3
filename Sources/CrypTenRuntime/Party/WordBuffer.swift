import CrypTenBase
import CrypTenRing
import CrypTenTransport
package import NIOCore

/// Words in and out of byte buffers: little-endian on the wire, as in memory on every machine that this runs on.
extension ByteBuffer {
    /// Appends words `range`; a buffer that has to grow grows to `capacity` at once.
    mutating func write(_ words: UnsafePointer<UInt64>, _ range: Range<Int>, capacity: Int) {
        write(range, capacity: capacity) { $1.update(from: words + $0.lowerBound, count: $0.count) }
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
/// happened, and with new memory if not; so pages are cleared once, not with every frame. What a run has sent is overwritten at its
/// end. Belongs to an engine's thread.
package final class FrameBuffers {
    private let capacity: Int
    private var sent: CircularBuffer<ByteBuffer> = []
    /// How many of them, from the last one back, were sent since they were overwritten.
    private var used = 0

    /// So many frames are written by the time a buffer is taken again, or the network is behind.
    private static let inFlight = 32

    /// Buffers for frames of which a full one has so many bytes.
    package init(capacity: Int) {
        self.capacity = capacity
    }

    deinit {
        wipe()
    }

    /// An empty buffer, large enough where there was one to be taken again.
    package func take() -> ByteBuffer {
        guard sent.count >= FrameBuffers.inFlight, var buffer = sent.popFirst() else { return ByteBuffer() }
        used = min(used, sent.count)
        buffer.clear()
        return buffer
    }

    /// Lets go of a buffer that was handed to the transport: a large one is remembered, a short one, which isn't worth it, overwritten.
    package func giveBack(_ buffer: inout ByteBuffer) {
        guard buffer.storageCapacity >= capacity else { return buffer.wipe() }
        sent.append(buffer)
        used += 1
        buffer = ByteBuffer()
    }

    /// Overwrites what was sent since this was called before; of what the transport still has to write it lets go.
    ///
    /// - Complexity: the memory of what was sent, at most of some dozen frames, once.
    package func wipe() {
        for offset in sent.count - used..<sent.count {
            sent.modify(sent.index(sent.startIndex, offsetBy: offset)) { $0.wipe() }
        }
        sent.removeAll { $0.storageCapacity == 0 }
        used = 0
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
        try read(count, more: more) { first, bytes in
            out.withMutableWords { words in
                UnsafeMutableRawPointer(words + first).copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
            }
        }
        return out
    }

    /// Combines `count` words with those of a tensor that has as many.
    ///
    /// - Throws: as `read(_:more:)` does.
    mutating func read(
        _ count: Int,
        into sum: inout RingTensor,
        xor: Bool,
        _ kernels: any Kernels,
        more: () throws -> ByteBuffer
    ) throws {
        try read(count, more: more) { first, bytes in
            if Int(bitPattern: bytes.baseAddress!) % MemoryLayout<UInt64>.alignment == 0 {
                kernels.accumulate(&sum, at: first, bytes.bindMemory(to: UInt64.self), xor: xor)
            } else {
                let words = (0..<bytes.count / 8).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
                words.withUnsafeBufferPointer { kernels.accumulate(&sum, at: first, $0, xor: xor) }
            }
        }
    }

    /// Hands over `count` words as they lie in frames, with how many came before.
    private mutating func read(
        _ count: Int,
        more: () throws -> ByteBuffer,
        _ use: (_ first: Int, _ bytes: UnsafeRawBufferPointer) -> Void
    ) throws {
        var filled = 0
        while filled < count {
            if buffer.readableBytes == 0 {
                buffer.wipe()
                buffer = try more()
                guard buffer.readableBytes > 0, buffer.readableBytes % 8 == 0 else {
                    throw CrypTenError(
                        .malformedFrame,
                        "a frame of \(buffer.readableBytes) bytes doesn't hold whole words; the peer runs another program"
                    )
                }
            }
            let take = min(count - filled, buffer.readableBytes / 8)
            buffer.readWithUnsafeReadableBytes { bytes in
                use(filled, UnsafeRawBufferPointer(rebasing: bytes[..<(take * 8)]))
                return take * 8
            }
            filled += take
        }
    }

    /// Overwrites what the last frame has brought.
    mutating func wipe() {
        buffer.wipe()
    }

    /// Whether a frame brought more than was read: the peer runs another plan.
    var isEmpty: Bool {
        buffer.readableBytes == 0
    }
}
