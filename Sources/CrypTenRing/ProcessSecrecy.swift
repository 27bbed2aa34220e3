internal import CCrypTenKernels

/// What a whole process shows of its memory, where shares, masks and keys are: a choice of programs, not of libraries.
package enum ProcessSecrecy {
    /// A crash prints nothing and writes no file, whatever the environment says; and on Linux no other process of the user may read
    /// memory, follow the process, or look at its files in `/proc`. To be called before there is a secret, and before threads.
    ///
    /// The runtime of Swift prints registers, and bytes behind those that are pointers, when a process crashes: the handlers that do
    /// it are taken back.
    ///
    /// - Parameter watched: Whether other processes of the user may look at its files in `/proc` nevertheless.
    package static func begin(watched: Bool = false) {
        cct_process_shows_nothing(watched ? 1 : 0)
    }
}
