#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Words of memory, aligned for vector instructions, owned by the tensors that look into it.
///
/// Safety of `@unchecked Sendable`: a storage is written only while it is uniquely referenced (by the tensor or the
/// bit planes being made or mutated) and is immutable from the moment it is shared.
package final class Storage: @unchecked Sendable {
    package let words: UnsafeMutablePointer<UInt64>
    package let count: Int

    /// Memory that holds whatever it held before; every word must be written before it is read.
    package init(uninitialized count: Int) {
        let raw = aligned_alloc(64, (max(count, 1) * 8 + 63) & ~63)
        guard let raw else { fatalError("out of memory: \(count) words") }
        words = raw.bindMemory(to: UInt64.self, capacity: max(count, 1))
        self.count = count
    }

    package convenience init(copying other: Storage, from offset: Int, count: Int) {
        self.init(uninitialized: count)
        words.update(from: other.words + offset, count: count)
    }

    deinit {
        free(words)
    }
}
