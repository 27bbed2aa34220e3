internal import CCrypTenKernels

/// How a whole process deals with memory: a choice of programs, not of libraries.
package enum ProcessMemory {
    /// Keeps memory that was freed for what comes next, up to half a gibibyte, instead of giving it back to the system.
    ///
    /// Frames of a quarter of a mebibyte come and go by the thousand, and every page that the system gives anew must be
    /// cleared first. Does nothing where the C library isn't glibc.
    package static func keepFreed() {
        cct_keep_freed_memory()
    }
}
