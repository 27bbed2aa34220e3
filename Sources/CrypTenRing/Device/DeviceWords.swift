/// Words of a storage in a device's memory; the block goes back to its queue when nobody has them any more.
package final class DeviceWords: Sendable {
    package let queue: any DeviceQueue
    package let block: DeviceBlock

    /// A block that is theirs alone.
    package init(_ block: DeviceBlock, of queue: any DeviceQueue) {
        (self.block, self.queue) = (block, queue)
    }

    deinit {
        queue.free(block)
    }

    /// Waits for what makes them, and copies the first ones to the host.
    func download(_ count: Int, to words: UnsafeMutablePointer<UInt64>) throws {
        try queue.download(block.address, bytes: count * 8, to: words)
    }

    func beginDownload(_ words: Range<Int>) throws -> any DeviceTransfer {
        try queue.beginDownload(block.address + UInt64(words.lowerBound) * 8, bytes: words.count * 8)
    }

    /// A copy of the first ones on the host.
    package func onHost(_ count: Int) throws -> RingTensor {
        var words = RingTensor(uninitialized: [count])
        try words.withMutableWords { try download(count, to: $0) }
        return words
    }

    /// Overwrites them. A failure is the queue's, which remembers it.
    func wipe() {
        try? queue.wipe(block.address, bytes: block.bytes)
    }
}

/// Where words come from that a device gets.
package enum DeviceOrigin {
    case host(UnsafePointer<UInt64>)
    case source(WordSource)
    /// Another queue's memory.
    case device(DeviceWords)
}
