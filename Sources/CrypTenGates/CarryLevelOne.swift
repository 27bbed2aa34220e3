internal import CrypTenRing

/// The first level of a comparison: from the bits of c and r to the generate and propagate bits of groups of four.
///
/// The dealer doesn't know c: it deals XOR shares of the products of the group's mask bits, `r_S` for all S, 15 for four
/// bits. With q = ¬c, `F_j = r_j · Π_{k>j} (q_k ⊕ r_k)` is a fold of those with lowest bit j, and
///
///     generate = ⊕_j q_j·F_j,        propagate = F_0 ⊕ q_0·(F_1 ⊕ q_1·(F_2 ⊕ q_2·(F_3 ⊕ q_3)))
///
/// (the innermost q_3 at party 0 alone): 19 ANDs for four bits. Groups of one size are worked through together.
struct CarryLevelOne: Sendable {
    /// Which bits of the groups are opened.
    enum Reading: Sendable {
        /// All but the lowest group's propagate: for a sign.
        case sign
        /// Both of every group.
        case all
        /// Propagate alone: for equality.
        case equality
    }

    /// Bits `low ..< low + width`, for some values of c and one r.
    struct Section: Sendable {
        var low: Int
        var width: Int
        var reading: Reading
        var instances: Int
    }

    /// Groups of one section with equal sizes and readings.
    private struct Bundle: Sendable {
        var size: Int
        var generate: Bool
        var propagate: Bool
        /// Place in the chain and lowest bit, relative to the section, of each group.
        var groups: [Int]
        var starts: [Int]

        /// Non-empty subsets of a group's bits.
        var subsets: Int { 1 << size - 1 }
    }

    let sections: [Section]
    private let bundles: [[Bundle]]

    init(_ sections: [Section]) {
        self.sections = sections
        bundles = sections.map { section in
            var bundles: [Bundle] = []
            for (index, bits) in carryGroups(section.width).enumerated() {
                let generate = section.reading != .equality
                let propagate = section.reading != .sign || index > 0
                if let same = bundles.firstIndex(where: {
                    $0.size == bits.count && $0.generate == generate && $0.propagate == propagate
                }) {
                    bundles[same].groups.append(index)
                    bundles[same].starts.append(bits.lowerBound)
                } else {
                    bundles.append(
                        Bundle(
                            size: bits.count,
                            generate: generate,
                            propagate: propagate,
                            groups: [index],
                            starts: [bits.lowerBound]
                        )
                    )
                }
            }
            return bundles
        }
    }

    var dealtPlanes: Int {
        bundles.joined().reduce(0) { $0 + $1.subsets * $1.groups.count }
    }

    var openedPlanes: Int {
        zip(sections, bundles).reduce(0) { sum, section in
            sum + section.0.instances
                * section.1.reduce(0) { $0 + $1.groups.count * (($1.generate ? 1 : 0) + ($1.propagate ? 1 : 0)) }
        }
    }

    /// Which bits the groups of every chain have: a chain for each instance of each section.
    var shape: [[CarryPair<Void>]] {
        zip(sections, bundles).flatMap { section, bundles in
            var chain = [CarryPair<Void>](
                repeating: CarryPair(generate: nil, propagate: nil),
                count: bundles.reduce(0) { $0 + $1.groups.count }
            )
            for bundle in bundles {
                for group in bundle.groups {
                    chain[group] = CarryPair(
                        generate: bundle.generate ? () : nil,
                        propagate: bundle.propagate ? () : nil
                    )
                }
            }
            return [[CarryPair<Void>]](repeating: chain, count: section.instances)
        }
    }

    /// The products of mask bits to deal, and nothing else: one run of planes.
    func masks(_ r: RingTensor, _ kernels: any Kernels) -> [BitPlanes] {
        var out: [BitPlanes] = []
        for (section, bundles) in zip(sections, bundles) {
            let planes = kernels.planes(of: r, from: section.low, count: section.width)
            for bundle in bundles {
                let bits = (0..<bundle.size).map { j in kernels.bundle(bundle.starts.map { planes[$0 + j] }) }
                var products: [BitPlanes] = []
                for subset in 1...bundle.subsets {
                    let highest = Int.bitWidth - 1 - subset.leadingZeroBitCount
                    let rest = subset & ~(1 << highest)
                    products.append(rest == 0 ? bits[highest] : kernels.and(products[rest - 1], bits[highest]))
                }
                out += products
            }
        }
        return out
    }

    /// A party's shares of the bits to open, out of the values of c, section by section, and of what was dealt.
    func shares(_ c: [[RingTensor]], dealt: BitPlanes, _ context: PartyStage) -> [BitPlanes] {
        let kernels = context.kernels
        var out: [BitPlanes] = []
        var cursor = 0
        for ((section, bundles), values) in zip(zip(sections, bundles), c) {
            var products: [[BitPlanes]] = []
            for bundle in bundles {
                let planes = bundle.groups.count
                products.append((0..<bundle.subsets).map { dealt[cursor + $0 * planes..<cursor + ($0 + 1) * planes] })
                cursor += bundle.subsets * planes
            }
            for value in values {
                let q = kernels.not(kernels.planes(of: value, from: section.low, count: section.width))
                for (bundle, products) in zip(bundles, products) {
                    let bits = (0..<bundle.size).map { j in kernels.bundle(bundle.starts.map { q[$0 + j] }) }
                    let folds = bits.indices.map { fold(from: $0, bits, products, kernels) }
                    if bundle.generate { out.append(generate(bits, folds, kernels)) }
                    if bundle.propagate { out.append(propagate(bits, folds, context)) }
                }
            }
        }
        return out
    }

    /// F_j: of the dealt products whose lowest bit is j. Product of subset S is at S − 1.
    private func fold(
        from j: Int,
        _ q: [BitPlanes],
        _ products: [BitPlanes],
        _ kernels: any Kernels
    ) -> BitPlanes {
        // Product of j and a subset of the bits above. After a fold, those with the bit hold the sums, and are folded on.
        let above = q.count - 1 - j
        var folded = (0..<1 << above).map { products[($0 << (j + 1) | 1 << j) - 1] }
        var done = 0
        for bit in (0..<above).reversed() {
            for subset in 0..<1 << bit {
                let (without, with) = (done | subset, done | 1 << bit | subset)
                kernels.accumulate(&folded[with], xorAndOf: q[j + 1 + bit], folded[without])
            }
            done |= 1 << bit
        }
        return folded[done]
    }

    private func generate(_ q: [BitPlanes], _ folds: [BitPlanes], _ kernels: any Kernels) -> BitPlanes {
        var sum = kernels.and(q[0], folds[0])
        for j in q.indices.dropFirst() { kernels.accumulate(&sum, xorAndOf: q[j], folds[j]) }
        return sum
    }

    private func propagate(_ q: [BitPlanes], _ folds: [BitPlanes], _ context: PartyStage) -> BitPlanes {
        var sum = folds[q.count - 1]
        if context.isFirst { context.kernels.accumulate(&sum, xor: q[q.count - 1]) }
        for j in q.indices.dropLast().reversed() {
            var next = folds[j]
            context.kernels.accumulate(&next, xorAndOf: q[j], sum)
            sum = next
        }
        return sum
    }

    /// The chains, out of what was opened.
    func chains<Bits: PlanarBits>(_ opened: Bits) -> [[CarryPair<Bits>]] {
        var plane = 0
        func next() -> Bits {
            defer { plane += 1 }
            return opened[plane]
        }
        return zip(sections, bundles).flatMap { section, bundles in
            (0..<section.instances).map { _ in
                var chain = [CarryPair<Bits>](
                    repeating: CarryPair(generate: nil, propagate: nil),
                    count: bundles.reduce(0) { $0 + $1.groups.count }
                )
                for bundle in bundles {
                    if bundle.generate { for group in bundle.groups { chain[group].generate = next() } }
                    if bundle.propagate { for group in bundle.groups { chain[group].propagate = next() } }
                }
                return chain
            }
        }
    }
}
