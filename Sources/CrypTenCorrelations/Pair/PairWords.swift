package import CrypTenRing

/// A tensor of ring elements that the two share: `value = part of party 0 + part of party 1`.
package struct PairWords {
    package let count: Int
    package let part: Later<RingTensor>
    /// The only party whose part isn't zeros, where there is one.
    package let knownTo: Int?

    package init(count: Int, part: Later<RingTensor>, knownTo: Int? = nil) {
        (self.count, self.part, self.knownTo) = (count, part, knownTo)
    }

    package var moment: Int { part.moment }

    /// What a linear function makes of it.
    package func map(count: Int? = nil, _ body: @escaping (RingTensor) -> RingTensor) -> PairWords {
        PairWords(count: count ?? self.count, part: part.map(body), knownTo: knownTo)
    }

    /// What a linear function makes of both.
    package func with(_ other: PairWords, _ body: @escaping (RingTensor, RingTensor) -> RingTensor) -> PairWords {
        PairWords(
            count: count,
            part: part.with(other.part, body),
            knownTo: knownTo == other.knownTo ? knownTo : nil
        )
    }

    /// Elements in row-major order.
    package func flat(_ range: Range<Int>) -> PairWords {
        map(count: range.count) { $0.flat(range) }
    }

    /// Pieces, one after the other.
    static func joining(_ parts: [PairWords], _ kernels: any Kernels) -> PairWords {
        guard parts.count > 1 else { return parts[0] }
        return PairWords(
            count: parts.reduce(0) { $0 + $1.count },
            part: Later(at: parts.map(\.moment).max()!) { kernels.join(try parts.map { try $0.part.value() }) },
            knownTo: parts.allSatisfy { $0.knownTo == parts[0].knownTo } ? parts[0].knownTo : nil
        )
    }
}
