internal import CCrypTenKernels
package import NIOCore

extension ByteBuffer {
    /// Empties a buffer that isn't used any more, and overwrites all of its memory with zeros if nobody else has it: what a frame
    /// carried doesn't stay behind in memory that is used again.
    ///
    /// Memory that others have as well is let go as it is: the last one who has it overwrites it.
    ///
    /// - Parameter written: How many bytes from the beginning of its memory were written at most, where that is known: the rest
    ///   stays as it is.
    package mutating func wipe(written: Int = .max) {
        let (start, size) = withVeryUnsafeBytes { (UInt(bitPattern: $0.baseAddress), $0.count) }
        guard size > 0 else { return }
        // Where others have the memory this takes another one, of no size.
        clear(minimumCapacity: 0)
        withVeryUnsafeMutableBytes { memory in
            // A slice begins somewhere within.
            guard let bytes = memory.baseAddress, start &- UInt(bitPattern: bytes) < UInt(memory.count) else { return }
            cct_wipe(bytes, min(memory.count, written))
        }
    }
}
