internal import CCrypTenKernels

/// Residues or words in memory of its own, overwritten when the last owner goes: they are secrets, or functions of secrets.
///
/// Safety of `@unchecked Sendable`: whoever makes it writes it, threads to disjoint ranges, and reads it when all have ended.
package final class LatticeMemory<Element: FixedWidthInteger & Sendable>: @unchecked Sendable {
    package let count: Int
    package let elements: UnsafeMutablePointer<Element>

    /// Zeros, at the beginning of a line of the cache.
    package init(zeros count: Int) {
        let size = MemoryLayout<Element>.size
        let raw = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * size, alignment: 64)
        elements = raw.initializeMemory(as: Element.self, repeating: 0, count: count)
        self.count = count
    }

    deinit {
        cct_wipe(elements, count * MemoryLayout<Element>.size)
        UnsafeMutableRawPointer(elements).deallocate()
    }

    /// Overwrites all with zeros; the compiler can't remove it.
    package func wipe() {
        cct_wipe(elements, count * MemoryLayout<Element>.size)
    }
}

package typealias LatticeResidues = LatticeMemory<UInt32>
package typealias LatticeWords = LatticeMemory<UInt64>
