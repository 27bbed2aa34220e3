import CrypTen
import CrypTenRing
import CrypTenRuntime

/// How a process that must not go beyond some memory divides it.
struct MemoryBudget: Hashable, Sendable {
    /// The bytes that a process may have resident.
    var limit: Int

    /// What a process has before it computes: its program, its stacks, buffers of its connections.
    static let base = 40 << 20
    /// Blocks are larger than what is in them, by a fifth at most and less on the whole.
    private static let overhead = 1.1

    /// Corrections that may wait at the last party.
    var correctionWindow: Int {
        min(SessionConfiguration().correctionWindow, max(SessionConfiguration.leastCorrectionWindow, limit / 16))
    }

    /// Bytes that wait before the first exchange goes where the parties make the correlations, and some more than twice as much while turns overlap: a
    /// part of the memory, as all else of a run needs some, too; with less there are more exchanges.
    var waitingLimit: Int {
        min(OfflineCost.usualWaitingLimit, max(2 << 20, limit / 16))
    }

    /// Has this process keep no more memory for later tensors than the limit leaves.
    ///
    /// - Parameter made: What is no tensor's, beside the window of corrections: of parties who make these themselves.
    func apply(beside made: Int = 0) {
        ProcessMemory.bound(tensors: max(0, limit - limit / 8 - MemoryBudget.base - correctionWindow - made))
    }

    /// What a process has that computes with so many bytes of values.
    static func processBytes(values: Int) -> Int {
        base + Int(Double(values) * overhead)
    }
}

extension Int {
    /// A size for people: 1.4 GiB, 730 MiB, 12 KiB.
    var asMemory: String {
        let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)]
        guard let (name, bits) = units.first(where: { self >= 1 << $0.1 }) else { return "\(self) bytes" }
        let value = Double(self) / Double(1 << bits)
        return "\(value < 10 ? value.fixed(1) : value.fixed(0)) \(name)"
    }
}
