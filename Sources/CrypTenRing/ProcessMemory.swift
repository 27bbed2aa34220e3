internal import CCrypTenKernels
internal import Synchronization

/// How a whole process deals with memory that was freed: a choice of programs, not of libraries.
package enum ProcessMemory {
    /// Keeps it for what comes next, up to half a gibibyte, instead of giving it back to the system.
    ///
    /// Frames of a quarter of a mebibyte come and go by the thousand, and every page that the system gives anew must be
    /// cleared first.
    package static func keepFreed() {
        cct_allocator_keeps(32 << 20, 512 << 20)
    }

    /// Gives what was freed, and isn't kept for later tensors, back to the system: so that what is resident is in use.
    package static func giveBackFreed() {
        cct_allocator_gives_back()
    }

    /// Gives back what was freed and what is kept for later tensors: where the next runs are of another kind than those before.
    package static func giveBackAll() {
        StoragePool.shared.giveBackKept()
        giveBackFreed()
    }

    /// Overwrites what tensors have left in memory that is kept for later ones: at a run's end, whose shares and masks it was.
    ///
    /// Tensors that are in use stay as they are, also those of other runs of the process.
    package static func wipeGivenBack() {
        StoragePool.shared.wipeKept()
    }

    /// Overwrites bytes with zeros, also where nobody reads them any more.
    package static func overwrite(_ bytes: UnsafeMutableRawBufferPointer) {
        if let start = bytes.baseAddress { cct_wipe(start, bytes.count) }
    }

    /// The most bytes that tensors had at once, and the most that they had or that were kept for later ones: those of 32 KiB
    /// and more, since the process began or measuring did.
    package static var mostBytesOfTensors: (used: Int, held: Int) {
        StoragePool.shared.mostBytes
    }

    /// Begins to measure `mostBytesOfTensors` anew.
    package static func measureTensorsAnew() {
        StoragePool.shared.measureAnew()
    }

    /// What the elements of one tensor take, in the block that it gets: 8 bytes each, and up to a fourth more.
    package static func bytesOfTensor(_ elements: Int) -> Int {
        8 * (elements < StoragePool.leastWords ? elements : StoragePool.rounded(elements))
    }

    /// Whether memory that is kept for later tensors holds nothing but zeros, for tests.
    package static var keepsNothingUsed: Bool {
        StoragePool.shared.keepsNothingUsed
    }

    /// Fills the memory of every tensor with a pattern when it's made, and when it's given up; nil: with nothing.
    ///
    /// For tests: a result that depends on words which nobody has written is another one with another pattern.
    package static func poison(_ pattern: UInt64?) {
        StoragePool.shared.poison.store(pattern ?? 0, ordering: .relaxed)
    }

    /// Keeps no more blocks for later tensors than fit, with those in use, into `total` bytes, and nothing else to speak of.
    package static func bound(tensors total: Int) {
        StoragePool.shared.bound(total: total)
        // Blocks that are given up go back to the system, whatever their neighbours do.
        cct_allocator_keeps(256 << 10, 1 << 20)
    }
}
