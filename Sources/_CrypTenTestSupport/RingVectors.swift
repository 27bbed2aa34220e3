/// Elements that a gate is most likely to get wrong, as signed numbers.
package let ringEdges: [Int64] = [
    0, 1, -1, 1 << 62, -(1 << 62), .max, .min, 65535, 65536, -65536, 65537, (1 << 62) - 1, 2, -2, 1 << 32, .min + 1,
]

/// Seeded vectors of `count` elements: the edges first, then elements of every size.
///
/// - Parameter range: what the elements are clamped to, such as a gate's domain.
package func ringVectors(
    _ count: Int,
    seed: UInt64,
    in range: ClosedRange<Int64> = .min ... .max
) -> [UInt64] {
    var random = TestRandom(seed: seed)
    return (0..<count).map { index in
        let value: Int64
        if index < ringEdges.count {
            value = ringEdges[index]
        } else {
            let word = Int64(bitPattern: random.next())
            value = word >> Int64(random.next() % 64)
        }
        return UInt64(bitPattern: min(max(value, range.lowerBound), range.upperBound))
    }
}

extension Sequence<UInt64> {
    /// The elements as signed numbers.
    package var signed: [Int64] {
        map { Int64(bitPattern: $0) }
    }
}
