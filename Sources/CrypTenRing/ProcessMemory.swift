internal import CCrypTenKernels

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

    /// Keeps no more blocks for later tensors than fit, with those in use, into `total` bytes, and nothing else to speak of.
    package static func bound(tensors total: Int) {
        StoragePool.shared.bound(total: total)
        // Blocks that are given up go back to the system, whatever their neighbours do.
        cct_allocator_keeps(256 << 10, 1 << 20)
    }
}
