import CCrypTenKernels

/// Words of memory, aligned for vector instructions, owned by the tensors that look into it.
///
/// Safety of `@unchecked Sendable`: a storage is written only while it is uniquely referenced (by the tensor or the
/// bit planes being made or mutated) and is immutable from the moment it is shared.
package final class Storage: @unchecked Sendable {
    package let words: UnsafeMutablePointer<UInt64>
    package let count: Int
    private let block: StoragePool.Block

    /// Memory that holds whatever it held before; every word must be written before it is read.
    package init(uninitialized count: Int) {
        block = StoragePool.shared.take(words: count)
        words = block.words
        self.count = count
    }

    package convenience init(copying other: Storage, from offset: Int, count: Int) {
        self.init(uninitialized: count)
        words.update(from: other.words + offset, count: count)
    }

    /// Overwrites all words with zeros; the compiler can't remove it. Only while uniquely referenced.
    func wipe() {
        cct_wipe(words, count * 8)
    }

    deinit {
        StoragePool.shared.giveBack(block)
    }
}
