internal import CrypTenRing

/// The first level of a comparison: from the bits of c and r to the generate and propagate bits of groups of four.
///
/// Whoever makes correlations doesn't know c: dealt are XOR shares of the products of the group's mask bits, `r_S` for all S, 15 for four
/// bits, and a party folds them (`Kernels.borrows`). Groups of one size are worked through together.
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
    struct Section: Hashable, Sendable {
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

        var kind: BorrowGroups {
            BorrowGroups(starts: starts, size: size, generate: generate, propagate: propagate)
        }
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

    /// Deals the products of the mask's bits, of which there is a block for each section: of each bundle a correlation.
    func deal<Stage: DealStage>(_ masks: [Stage.Bits], _ context: Stage) throws {
        for (planes, bundles) in zip(masks, bundles) {
            for bundle in bundles {
                try context.dealSubsetProducts(of: planes, starts: bundle.starts, size: bundle.size)
            }
        }
    }

    /// A party's shares of the bits to open, out of the values of c, section by section, and of what is dealt.
    func shares(_ c: [[RingTensor]], _ context: PartyStage) throws -> [BitPlanes] {
        let kernels = context.kernels
        return try zip(zip(sections, bundles), c).flatMap { section, values in
            let (section, bundles) = section
            let products = try bundles.map { bundle in
                try context.correlationBits(planes: bundle.subsets * bundle.groups.count, count: values[0].count)
            }
            return values.map { value in
                let planes = kernels.planes(of: value, from: section.low, count: section.width)
                return kernels.borrows(of: planes, bundles.map(\.kind), products: products, first: context.isFirst)
            }
        }
    }

    /// The chains, out of what the first opening has.
    var chains: [[CarryPair<OpenedPlane>]] {
        var plane = 0
        func next() -> OpenedPlane {
            defer { plane += 1 }
            return OpenedPlane(level: 0, plane: plane)
        }
        return zip(sections, bundles).flatMap { section, bundles in
            (0..<section.instances).map { _ in
                var chain = [CarryPair<OpenedPlane>](
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
