private import CCrypTenKernels
private import Crypto

/// A session's leaves, which move forward with every run.
///
/// A run's leaves are a block of AES under the session's, and so are the session's next ones, which are written over them at once: from what
/// is in memory during a run, nothing of earlier runs follows, for a key doesn't follow from blocks under it. When the run's own are
/// overwritten at its end, nothing of it follows either.
struct SessionLeaves {
    private(set) var words: SecretWords
    private let label: [UInt8]
    private let kernels: TransferKernels
    /// Runs that were begun.
    private(set) var runs: UInt64 = 0

    init(_ words: SecretWords, label: [UInt8], kernels: TransferKernels) {
        (self.words, self.label, self.kernels) = (words, label, kernels)
    }

    /// Begins a run; the session's leaves move on.
    ///
    /// - Parameter binding: What the run is, in bytes that both sides have alike.
    /// - Returns: The run's leaves, prepared, and its pads' keys.
    mutating func begin(_ binding: [UInt8]) -> (schedules: SecretWords, pads: PadKeys) {
        runs += 1
        var hash = SHA256()
        hash.update(data: Array("crypten transfers of a run".utf8))
        for part in [label, binding] {
            withUnsafeBytes(of: UInt64(part.count).littleEndian) { hash.update(bufferPointer: $0) }
            hash.update(data: part)
        }
        withUnsafeBytes(of: runs.littleEndian) { hash.update(bufferPointer: $0) }
        let name = hash.finalize().withUnsafeBytes { bytes in
            (0..<4).map { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)) }
        }
        let (own, next) = (SecretWords(words.count), SecretWords(words.count))
        for leaf in stride(from: 0, to: words.count, by: 2) {
            // Stream 0 for what follows, and one with the top bit set for a run.
            kernels.expand(words.words + leaf, number: name[0] | 1 << 63, count: 2, to: own.words + leaf)
            kernels.expand(words.words + leaf, number: 0, count: 2, to: next.words + leaf)
        }
        words = next
        return (kernels.prepared(own), PadKeys(low: name[2], high: name[3], kernels))
    }
}

/// The keys of a run's pads: block b of each transfer's pad is `AES(x) ⊕ x` under key b, which follows from the run's name.
///
/// They are no secret: the rows x are. But two blocks have two keys, and so have two runs and the two directions.
final class PadKeys {
    private let key: SecretWords
    private let kernels: TransferKernels
    private var keys: [SecretWords] = []

    init(low: UInt64, high: UInt64, _ kernels: TransferKernels) {
        key = SecretWords([low, high])
        self.kernels = kernels
    }

    subscript(block: Int) -> SecretWords {
        while keys.count <= block {
            let made = SecretWords(2)
            kernels.expand(key.words, number: 0, from: 2 * keys.count, count: 2, to: made.words)
            keys.append(made)
        }
        return keys[block]
    }
}
