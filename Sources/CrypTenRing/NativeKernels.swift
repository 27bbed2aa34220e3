package import CCrypTenKernels
internal import Dispatch

/// The kernels in C, with the vector instructions that the machine has, on up to `threads` threads.
///
/// Every method checks counts and is the only caller of its C function. Work is cut into ranges of the result, so the
/// bits don't depend on the number of threads.
package struct NativeKernels: Kernels {
    /// The instructions that the C functions may use.
    package enum InstructionSet: String, CaseIterable, Sendable, Codable {
        case avx512, avx2, neon, portable

        /// What C calls it.
        package var value: cct_instruction_set {
            switch self {
            case .avx512: CCT_SET_AVX512
            case .avx2: CCT_SET_AVX2
            case .neon: CCT_SET_NEON
            case .portable: CCT_SET_PORTABLE
            }
        }
    }

    /// The instruction sets that this machine has, best first.
    package static var available: [InstructionSet] {
        InstructionSet.allCases.filter { cct_supports($0.value) == 1 }
    }

    package let instructionSet: InstructionSet
    /// What the generator is made of.
    package let cipher: Cipher
    /// The most threads that a method uses.
    package let threads: Int

    var set: cct_instruction_set {
        instructionSet.value
    }

    package var name: String {
        instructionSet.rawValue
    }

    /// Kernels with the instructions that the environment names, or else the best that the machine has.
    package init(threads: Int) {
        self.init(threads: threads, instructionSet: NativeKernels.preferred)
    }

    /// Kernels with an instruction set, and a cipher, that the machine must have.
    ///
    /// - Parameters:
    ///   - threads: The most threads that a method uses.
    ///   - instructionSet: What the functions may use.
    ///   - cipher: What the generator is made of; nil for the fastest one that goes with the instruction set.
    package init(threads: Int, instructionSet: InstructionSet, cipher: Cipher? = nil) {
        precondition(threads >= 1, "kernels on \(threads) threads")
        precondition(NativeKernels.available.contains(instructionSet), "this machine has no \(instructionSet.rawValue)")
        let cipher = cipher ?? Cipher(fastestOf: instructionSet)
        precondition(cct_supports_cipher(cipher.value) == 1, "this machine has no \(cipher.rawValue)")
        self.threads = threads
        self.instructionSet = instructionSet
        self.cipher = cipher
    }

    /// Calls `body` with ranges that together are `0 ..< count`, on as many threads as there are, if the work is worth it.
    ///
    /// - Parameters:
    ///   - count: How many items there are.
    ///   - work: How long one item takes, in elements added.
    ///   - unit: Ranges begin at multiples of this.
    ///   - body: What is done with a range; it's called on several threads at a time.
    func split(_ count: Int, work: Int = 1, unit: Int = 8, _ body: (Range<Int>) -> Void) {
        // A thread gets at least as much as takes some 20 microseconds, several times what waking it costs.
        split(count, pieces: min(count * work / 65_536, (count + unit - 1) / unit), unit: unit, body)
    }

    /// Calls `body` with ranges that together are `0 ..< count` and begin at multiples of `unit`, on as many threads as there are, and on no
    /// more than `pieces`.
    package func split(_ count: Int, pieces: Int, unit: Int = 1, _ body: (Range<Int>) -> Void) {
        let pieces = min(threads, pieces)
        guard pieces > 1 else {
            if count > 0 { body(0..<count) }
            return
        }
        let piece = ((count + pieces - 1) / pieces + unit - 1) / unit * unit
        withoutActuallyEscaping(body) { body in
            // Safe to share: every thread has ranges of its own, and all have ended when the call returns.
            nonisolated(unsafe) let body = body
            DispatchQueue.concurrentPerform(iterations: pieces) { index in
                let range = min(count, index * piece)..<min(count, (index + 1) * piece)
                if !range.isEmpty { body(range) }
            }
        }
    }
}
