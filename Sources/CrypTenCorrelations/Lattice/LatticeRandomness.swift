package import CrypTenRing
private import Synchronization

/// What a word of randomness becomes.
package enum LatticeDraw: Sendable {
    /// A seed of public rows: it is sent.
    case seed
    /// The secret of a key.
    case secret
    /// The secret of one encryption of zero.
    case ephemeral
    case noise
    /// What is taken off an answer, so that what is decrypted is uniform.
    case mask
}

/// Where secrets, noise and masks come from: streams that are used once.
package protocol LatticeRandomness: Sendable {
    /// The first of `count` streams that nobody has had before.
    func streams(_ count: Int) -> UInt64
    /// Words of a stream, from its beginning.
    func fill(_ words: UnsafeMutablePointer<UInt64>, count: Int, stream: UInt64, for draw: LatticeDraw)
}

/// The streams of a key that is used for nothing else: a party's key of one run and the purpose *lattice*.
package final class LatticeStreams: LatticeRandomness {
    private let key: ExpansionKey
    private let kernels: NativeKernels
    private let next = Atomic<UInt64>(0)

    package init(_ key: ExpansionKey, _ kernels: NativeKernels) {
        self.key = key
        // A thread fills what it needs itself.
        self.kernels = NativeKernels(threads: 1, instructionSet: kernels.instructionSet, cipher: kernels.cipher)
    }

    package func streams(_ count: Int) -> UInt64 {
        next.add(UInt64(count), ordering: .relaxed).oldValue
    }

    package func fill(_ words: UnsafeMutablePointer<UInt64>, count: Int, stream: UInt64, for draw: LatticeDraw) {
        kernels.write(key, number: stream, from: 0, count: count, to: words)
    }
}
