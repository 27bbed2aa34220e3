import CrypTenCorrelations
import CrypTenRing

/// SplitMix64: numbers that a seed repeats.
struct Numbers: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    mutating func words(_ count: Int) -> [UInt64] {
        (0..<count).map { _ in next() }
    }

    /// Planes of random bits, with zeros beyond the last element.
    mutating func planes(_ planes: Int, count: Int) -> BitPlanes {
        let words = words(planes * BitPlanes.words(for: count))
        return BitPlanes(RingTensor(words, shape: [words.count]), planes: planes, count: count)
    }
}

/// Kernels of every instruction set and cipher that this machine has.
let everyKernels: [NativeKernels] = NativeKernels.available.flatMap { set in
    NativeKernels.Cipher.available.map { NativeKernels(threads: 1, instructionSet: set, cipher: $0) }
}

/// A session's leaves and Δ that everybody knows.
struct KnownSession {
    let height: TreeHeight
    let delta: [UInt64]
    /// Leaf x of tree i is words `2 (2^k i + x) …`.
    let leaves: [UInt64]
    let label: [UInt8]

    init(_ height: TreeHeight, seed: UInt64, label: String = "a to b") {
        var numbers = Numbers(seed: seed)
        self.height = height
        delta = numbers.words(2)
        leaves = numbers.words(2 * height.leaves)
        self.label = Array(label.utf8)
    }

    /// The k bits of Δ that are missing in a tree.
    func path(ofTree tree: Int) -> Int {
        let bit = tree * height.rawValue
        return Int(truncatingIfNeeded: delta[bit / 64] >> UInt64(bit % 64)) & (height.leavesOfTree - 1)
    }

    var receiverLeaves: SecretWords { SecretWords(leaves) }

    /// As the sender has them: leaf `x ⊕ α` at place x, none at place 0.
    var senderLeaves: SecretWords {
        let out = SecretWords(leaves.count)
        for tree in 0..<height.trees {
            for place in 1..<height.leavesOfTree {
                let to = 2 * (tree * height.leavesOfTree + place)
                let from = 2 * (tree * height.leavesOfTree + (place ^ path(ofTree: tree)))
                for word in 0..<2 { out[to + word] = leaves[from + word] }
            }
        }
        return out
    }

    func receiver(_ kernels: NativeKernels = NativeKernels(threads: 1)) -> TransferReceiver {
        TransferReceiver(leaves: receiverLeaves, height: height, label: label, kernels: TransferKernels(kernels))
    }

    func sender(_ kernels: NativeKernels = NativeKernels(threads: 1)) -> TransferSender {
        TransferSender(
            delta: SecretWords(delta),
            leaves: senderLeaves,
            height: height,
            label: label,
            kernels: TransferKernels(kernels)
        )
    }

    /// Both sides of one run's transfers for planes of choices.
    func transfers(
        _ choices: BitPlanes,
        binding: [UInt8] = [1],
        _ kernels: NativeKernels = NativeKernels(threads: 1)
    ) throws -> (sent: SentTransfers, received: ReceivedTransfers) {
        let (sending, receiving) = (sender(kernels).run(binding), receiver(kernels).run(binding))
        let (message, received) = try receiving.extend(choices)
        return (try sending.absorb(message, planes: choices.planes, count: choices.count), received)
    }
}

func lowMask(_ width: Int) -> UInt64 {
    ~0 >> UInt64(64 - width)
}

func bit(_ plane: BitPlanes, _ i: Int) -> Bool {
    plane.withWords { $0[i / 64] >> UInt64(i % 64) & 1 == 1 }
}
