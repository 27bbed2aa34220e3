package import CrypTenRing

/// Words from a seed, the same on every machine, among which stand those at which arithmetic fails first.
package struct EdgeWords: Sendable {
    private var state: UInt64

    package init(_ seed: UInt64) {
        state = seed
    }

    /// Words at the ends of what has a sign, half of it, or half a word.
    static let edges: [UInt64] = [
        0, 1, .max, 1 << 63, 1 << 62, (1 << 63) - 1, (1 << 62) - 1, 3 << 62, 1 << 31, (1 << 31) - 1, 1 << 32,
        0xFFFF_FFFF, 1 << 61, 2, .max - 1, 1 << 30,
    ]

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Every third element is an edge, any of them.
    package mutating func tensor(_ shape: Shape) -> RingTensor {
        RingTensor((0..<shape.count).map { $0 % 3 == 0 ? Self.edges[Int(next() % 16)] : next() }, shape: shape)
    }

    mutating func planes(_ planes: Int, count: Int) -> BitPlanes {
        BitPlanes(tensor([planes * BitPlanes.words(for: count)]), planes: planes, count: count)
    }
}

/// Operands of a product, among them those at which a sum by residues is nearest to failing.
enum ProductWords: String, CaseIterable {
    case any, smallest, minusOne, largestTimesSmallest, alternating

    func tensor(_ shape: Shape, first: Bool, _ numbers: inout EdgeWords) -> RingTensor {
        let smallest = UInt64(1) << 63
        switch self {
        case .any: return numbers.tensor(shape)
        case .smallest: return RingTensor(repeating: smallest, shape: shape)
        case .minusOne: return RingTensor(repeating: .max, shape: shape)
        case .largestTimesSmallest: return RingTensor(repeating: first ? smallest - 1 : smallest, shape: shape)
        case .alternating:
            return RingTensor((0..<shape.count).map { $0 % 2 == 0 ? smallest : smallest - 1 }, shape: shape)
        }
    }
}
