import CrypTenRing

/// Blocks of a device's memory: those that are in use, and those that were given back and are kept for the next call.
///
/// It keeps the books alone; its queue allocates and frees. Sizes are rounded to one of four steps between powers of two, as `StoragePool` does.
struct DevicePool: Sendable {
    /// How many bytes are kept at most.
    let limit: Int
    private var kept: [Int: [DeviceBlock]] = [:]
    private var keptBytes = 0
    private var all: Set<DeviceAddress> = []
    /// Of what is kept, those that hold what their last owner left.
    private var used: Set<DeviceAddress> = []
    /// Of all blocks, those that are in use and those that are kept.
    private(set) var heldBytes = 0
    /// Changes whenever there are other blocks; never 0 where there is one.
    private(set) var generation = 0

    init(limit: Int) {
        self.limit = limit
    }

    /// A size that is a block's: `bytes` or a fifth more at most, and 512 at least.
    static func rounded(_ bytes: Int) -> Int {
        guard bytes > 512 else { return 512 }
        let step = 1 << (Int.bitWidth - 3 - (bytes - 1).leadingZeroBitCount)
        return (bytes + step - 1) / step * step
    }

    /// The addresses of all blocks.
    var addresses: [DeviceAddress] {
        Array(all)
    }

    /// A kept block of a rounded size, if there is one.
    mutating func take(bytes: Int) -> DeviceBlock? {
        guard let block = kept[bytes]?.popLast() else { return nil }
        keptBytes -= bytes
        used.remove(block.address)
        return block
    }

    /// A block that the queue has allocated, and that is in use.
    mutating func add(_ block: DeviceBlock) {
        all.insert(block.address)
        heldBytes += block.bytes
        generation += 1
    }

    /// Keeps a block, or returns it where too much is kept: then it goes back to the driver.
    mutating func giveBack(_ block: DeviceBlock) -> [DeviceBlock] {
        guard keptBytes + block.bytes <= limit else {
            all.remove(block.address)
            heldBytes -= block.bytes
            generation += 1
            return [block]
        }
        kept[block.bytes, default: []].append(block)
        keptBytes += block.bytes
        used.insert(block.address)
        return []
    }

    /// What is kept and had an owner since this was called before, which is overwritten now.
    mutating func takeUsed() -> [DeviceBlock] {
        defer { used = [] }
        return used.isEmpty ? [] : kept.values.flatMap { $0 }.filter { used.contains($0.address) }
    }

    /// All that is kept, to go back to the driver.
    mutating func takeKept() -> [DeviceBlock] {
        let blocks = kept.values.flatMap { $0 }
        (kept, used) = ([:], [])
        heldBytes -= keptBytes
        keptBytes = 0
        all.subtract(blocks.map(\.address))
        generation += 1
        return blocks
    }
}
