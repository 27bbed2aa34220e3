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
    /// The most bytes that one of them has carried since then: the short messages of a round go in one large buffer, and fill little of it.
    private var most = 0

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
    ///
    /// Who takes it gives it back, or overwrites all of it, before `wipe` is called.
    package func take() -> ByteBuffer {
        guard sent.count >= FrameBuffers.inFlight, var buffer = sent.popFirst() else { return ByteBuffer() }
        used = min(used, sent.count)
        buffer.clear()
        return buffer
    }

    /// Lets go of a buffer that was handed to the transport: a large one is remembered, a short one, which isn't worth it, overwritten.
    package func giveBack(_ buffer: inout ByteBuffer) {
        guard buffer.storageCapacity >= capacity else { return buffer.wipe() }
        most = max(most, buffer.writerIndex)
        sent.append(buffer)
        used += 1
        buffer = ByteBuffer()
    }

    /// Overwrites what was sent since this was called before; of what the transport still has to write it lets go.
    ///
    /// - Complexity: the memory of what was sent, at most of some dozen frames, once.
    package func wipe() {
        for offset in sent.count - used..<sent.count {
            sent.modify(sent.index(sent.startIndex, offsetBy: offset)) { $0.wipe(written: most) }
        }
        sent.removeAll { $0.storageCapacity == 0 }
        (used, most) = (0, 0)
    }
}
