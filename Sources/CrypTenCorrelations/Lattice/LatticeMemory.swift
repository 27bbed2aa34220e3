internal import CCrypTenKernels

/// Residues or words in memory of its own, at the beginning of a line of the cache.
///
/// It is overwritten when the last owner goes, unless it is public: secrets, or functions of secrets.
///
/// Safety of `@unchecked Sendable`: whoever makes it writes it, threads to disjoint ranges, and reads it when all have ended.
package final class LatticeMemory<Element: FixedWidthInteger & Sendable>: @unchecked Sendable {
    package let count: Int
    package let elements: UnsafeMutablePointer<Element>
    private let isPublic: Bool

    /// Memory whose elements must all be written before any is read.
    package init(uninitialized count: Int, isPublic: Bool = false) {
        let size = MemoryLayout<Element>.size
        elements = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * size, alignment: 64)
            .bindMemory(to: Element.self, capacity: max(count, 1))
        self.count = count
        self.isPublic = isPublic
    }

    package convenience init(zeros count: Int) {
        self.init(uninitialized: count)
        elements.initialize(repeating: 0, count: count)
    }

    deinit {
        if !isPublic { cct_wipe(elements, count * MemoryLayout<Element>.size) }
        UnsafeMutableRawPointer(elements).deallocate()
    }

    /// Overwrites all with zeros; the compiler can't remove it.
    package func wipe() {
        cct_wipe(elements, count * MemoryLayout<Element>.size)
    }
}

package typealias LatticeResidues = LatticeMemory<UInt32>
package typealias LatticeWords = LatticeMemory<UInt64>
