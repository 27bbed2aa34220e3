/// What a device was asked for, and how long it would take for it.
package struct DeviceCounts: Hashable, Sendable {
    /// All calls of one kernel.
    package struct Kernel: Hashable, Sendable {
        package var launches = 0
        /// All their work; the depth is that of all of them, one after the other.
        package var work = KernelWork()
        /// Predicted; 0 without a profile.
        package var seconds = 0.0

        package init() {}

        mutating func add(_ work: KernelWork, seconds: Double) {
            launches += 1
            self.work += work
            self.seconds += seconds
        }
    }

    package var kernels: [KernelName: Kernel] = [:]
    package var uploads = 0
    package var uploadedBytes = 0
    package var uploadSeconds = 0.0
    package var downloads = 0
    package var downloadedBytes = 0
    package var downloadSeconds = 0.0
    /// Blocks that were asked for.
    package var blocks = 0
    /// Bytes that have an owner, and the most that had one at once.
    package var usedBytes = 0
    package var mostUsedBytes = 0

    package init() {}

    /// Calls of all kernels.
    package var launches: Int {
        kernels.values.reduce(0) { $0 + $1.launches }
    }

    /// The work of all kernels together.
    package var work: KernelWork {
        kernels.values.reduce(into: KernelWork()) { $0 += $1.work }
    }

    /// Seconds of all kernels and copies, one after the other.
    package var seconds: Double {
        kernels.values.reduce(uploadSeconds + downloadSeconds) { $0 + $1.seconds }
    }

    /// What came after `before`, of a device that was asked for all this: bytes that have an owner are those of now.
    package static func - (_ all: Self, _ before: Self) -> Self {
        var counts = all
        for (name, kernel) in before.kernels {
            counts.kernels[name, default: Kernel()].launches -= kernel.launches
            counts.kernels[name, default: Kernel()].work -= kernel.work
            counts.kernels[name, default: Kernel()].seconds -= kernel.seconds
        }
        counts.kernels = counts.kernels.filter { $0.value.launches > 0 }
        counts.uploads -= before.uploads
        counts.uploadedBytes -= before.uploadedBytes
        counts.uploadSeconds -= before.uploadSeconds
        counts.downloads -= before.downloads
        counts.downloadedBytes -= before.downloadedBytes
        counts.downloadSeconds -= before.downloadSeconds
        counts.blocks -= before.blocks
        return counts
    }
}

extension KernelWork {
    package static func += (_ sum: inout Self, _ other: Self) {
        sum = sum.combined(with: other, +)
    }

    package static func -= (_ sum: inout Self, _ other: Self) {
        sum = sum.combined(with: other, -)
    }

    private func combined(with other: Self, _ operation: (Int, Int) -> Int) -> Self {
        KernelWork(
            bytes: operation(bytes, other.bytes),
            amount: operation(amount, other.amount),
            depth: operation(depth, other.depth),
            sines: operation(sines, other.sines),
            multiplications: operation(multiplications, other.multiplications)
        )
    }
}
