import CrypTenGates
import CrypTenRing

/// In which group a pad is added to what it hides.
package enum PadGroup: Hashable, Sendable {
    /// Elements modulo 2^64.
    case sum
    /// Planes of bits of so many elements.
    case xor(count: Int)
    /// Elements of few bits, packed: modulo 2^bits.
    case packed(bits: Int, count: Int)

    /// The words with the pad added, or taken away.
    package func adding(_ pad: [UInt64], to words: [UInt64], subtracting: Bool = false) -> [UInt64] {
        switch self {
        case .sum:
            return zip(words, pad).map { subtracting ? $0 &- $1 : $0 &+ $1 }
        case .xor(let count):
            var sum = zip(words, pad).map { $0 ^ $1 }
            let plane = BitPlanes.words(for: count)
            guard count % 64 != 0 else { return sum }
            let tail = ~UInt64(0) << UInt64(count % 64)
            for last in stride(from: plane - 1, to: sum.count, by: plane) { sum[last] ^= pad[last] & tail }
            return sum
        case .packed(let bits, let count):
            let kernels = NativeKernels(threads: 1)
            func elements(_ words: [UInt64]) -> RingTensor {
                kernels.unpack(RingTensor(words, shape: [words.count]), bits: bits, shape: [count])
            }
            let (a, b) = (elements(words), elements(pad))
            return kernels.pack(subtracting ? kernels.subtract(a, b) : kernels.add(a, b), bits: bits).elements
        }
    }

    /// The words that are set beyond the last element: zeros, where all is well.
    package func tail(of words: [UInt64]) -> UInt64 {
        switch self {
        case .sum: 0
        case .xor(let count):
            count % 64 == 0
                ? 0
                : stride(from: BitPlanes.words(for: count) - 1, to: words.count, by: BitPlanes.words(for: count))
                    .reduce(0) { $0 | words[$1] >> UInt64(count % 64) }
        case .packed(let bits, let count):
            bits * count % 64 == 0 ? 0 : (words.last ?? 0) >> UInt64(bits * count % 64)
        }
    }

    /// The group in which another pad makes `changed` of `words`; nil where it does in none that a gate of such slabs may have.
    ///
    /// A pad that is uniform in any of them hides what it is added to.
    package static func find(
        _ words: [UInt64],
        _ changed: [UInt64],
        from given: [UInt64],
        to taken: [UInt64],
        subtracting: Bool = false,
        counts: [Int]
    ) -> PadGroup? {
        guard [changed.count, given.count, taken.count].allSatisfy({ $0 == words.count }) else { return nil }
        return candidates(words.count, counts: counts).first { group in
            let bare = group.adding(given, to: words, subtracting: !subtracting)
            return group.adding(taken, to: bare, subtracting: subtracting) == changed
        }
    }

    private static func candidates(_ words: Int, counts: [Int]) -> [PadGroup] {
        var groups = [PadGroup.sum]
        for count in counts where count > 0 {
            if words % BitPlanes.words(for: count) == 0 { groups.append(.xor(count: count)) }
            let bits = 64 * words / count
            for bits in max(1, bits - 1)...max(1, bits) where bits < 64 {
                if Slabs.packedWords(bits: bits, count: count) == words {
                    groups.append(.packed(bits: bits, count: count))
                }
            }
        }
        return groups
    }
}
