extension PlainKernels {
    package func subsetProducts(of planes: BitPlanes, starts: [Int], size: Int) -> BitPlanes {
        BitPlanes.check(groups: starts, of: size, in: planes)
        return stack(
            (1..<1 << size).flatMap { subset in
                starts.map { start in
                    let bits = (0..<size).filter { subset >> $0 & 1 == 1 }.map { planes[start + $0] }
                    return bits.dropFirst().reduce(bits[0]) { and($0, $1) }
                }
            }
        )
    }

    package func borrows(
        of planes: BitPlanes,
        starts: [Int],
        size: Int,
        products: BitPlanes,
        first: Bool,
        generate: Bool,
        propagate: Bool
    ) -> BitPlanes {
        BitPlanes.check(groups: starts, of: size, in: planes)
        let zeros = BitPlanes(zeros: 1, count: planes.count)
        var (generates, propagates): ([BitPlanes], [BitPlanes]) = ([], [])
        for (group, start) in starts.enumerated() {
            let q = (0..<size).map { not(planes[start + $0]) }
            // The share of Π_{k ∈ chosen} (q_k ⊕ r_k) times r_j where j is given: expanded over subsets.
            func share(_ chosen: [Int], times j: Int?) -> BitPlanes {
                var sum = zeros
                for subset in 0..<1 << chosen.count {
                    let (inside, outside) = (
                        chosen.indices.filter { subset >> $0 & 1 == 1 }.map { chosen[$0] } + (j.map { [$0] } ?? []),
                        chosen.indices.filter { subset >> $0 & 1 == 0 }.map { chosen[$0] }
                    )
                    let set = inside.reduce(0) { $0 | 1 << $1 }
                    let product = set == 0 ? (first ? not(zeros) : zeros) : products[(set - 1) * starts.count + group]
                    accumulate(&sum, xor: outside.reduce(product) { and($0, q[$1]) })
                }
                return sum
            }
            generates.append(
                (0..<size).reduce(zeros) { sum, j in xor(sum, and(q[j], share(Array(j + 1..<size), times: j))) }
            )
            propagates.append(share(Array(0..<size), times: nil))
        }
        return stack((generate ? generates : []) + (propagate ? propagates : []))
    }

    package func selection(
        of hat: RingTensor,
        beta: RingTensor,
        product: RingTensor,
        mask: RingTensor,
        where bits: BitPlanes,
        first: Bool
    ) -> RingTensor {
        let value = first ? subtract(hat, mask) : negate(mask)
        let flipped = subtract(multiply(hat, beta), product)
        return add(keep(value, where: bits), negate(flipped, where: bits))
    }

    package func weights(of bits: [BitPlanes], factors: [UInt64], constant: UInt64) -> RingTensor {
        BitPlanes.check(bits, factors: factors)
        var sum = RingTensor(repeating: constant, shape: [bits[0].count])
        for (bits, factor) in zip(bits, factors) {
            accumulate(&sum, adding: words(of: bits, shape: sum.shape), times: factor)
        }
        return sum
    }

    package func accumulate(
        _ sum: inout RingTensor,
        adding a: RingTensor,
        times factor: UInt64,
        negatedWhere bits: BitPlanes
    ) {
        accumulate(&sum, adding: negate(a, where: bits), times: factor)
    }

    package func accumulate(
        _ sum: inout RingTensor,
        addingProductOf a: RingTensor,
        _ b: RingTensor,
        less c: RingTensor,
        times factor: UInt64,
        negatedWhere bits: BitPlanes
    ) {
        accumulate(&sum, adding: negate(subtract(multiply(a, b), c), where: bits), times: factor)
    }

    package func truncate(_ a: RingTensor, by shift: Int) -> (RingTensor, selector: BitPlanes) {
        precondition((1...62).contains(shift), "a truncation by \(shift) bits")
        let c = add(a, scalar: 1 << 62)
        return (
            add(shiftRight(c, by: shift), scalar: 0 &- ((1 << 62) >> UInt64(shift))),
            not(planes(of: c, from: 63, count: 1))
        )
    }

    package func accumulate(
        _ sum: inout RingTensor,
        addingUnpacked words: RingTensor,
        bits: Int,
        shiftedLeft shift: Int,
        where chosen: BitPlanes
    ) {
        let elements = shiftLeft(unpack(words, bits: bits, shape: sum.shape), by: shift)
        accumulate(&sum, adding: keep(elements, where: chosen))
    }
}

/// Groups of bits of one size, of which the same is wanted: see `Kernels.borrows`.
package struct BorrowGroups: Sendable {
    /// Planes `starts[g] ..< starts[g] + size` are group g.
    package let starts: [Int]
    package let size: Int
    package let generate: Bool
    package let propagate: Bool

    package init(starts: [Int], size: Int, generate: Bool, propagate: Bool) {
        self.starts = starts
        self.size = size
        self.generate = generate
        self.propagate = propagate
    }

    /// Planes that are wanted of all groups.
    var outputs: Int {
        starts.count * ((generate ? 1 : 0) + (propagate ? 1 : 0))
    }
}

extension BitPlanes {
    /// What all kernels ask of groups of bits.
    package static func check(groups starts: [Int], of size: Int, in planes: BitPlanes) {
        precondition(
            (1...4).contains(size) && !starts.isEmpty && starts.allSatisfy { $0 >= 0 && $0 + size <= planes.planes },
            "groups of \(size) from \(starts) in \(planes.planes) planes"
        )
    }

    /// What all kernels ask of bits and their factors.
    package static func check(_ bits: [BitPlanes], factors: [UInt64]) {
        precondition(
            !bits.isEmpty && bits.count == factors.count
                && bits.allSatisfy { $0.planes == 1 && $0.count == bits[0].count },
            "\(bits.count) planes of bits with \(factors.count) factors"
        )
    }
}
