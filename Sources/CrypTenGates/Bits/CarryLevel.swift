internal import CrypTenRing

/// A further level of a comparison: from the pairs of groups to those of groups of four of them.
///
/// Of a run of groups, lowest first, the highest generates, or all above propagate and the next generates, …; the run
/// propagates where all do. These are XORs of ANDs of at most four masked bits (`SubsetProducts`). A group on its own
/// goes on to the next level as it is. Runs of one kind, of all chains, are worked through together.
struct CarryLevel: Sendable {
    /// Runs of one size whose same bits are wanted.
    private struct Bundle: Sendable {
        var size: Int
        var generate: Bool
        var propagate: Bool
        /// Chain, place in the chain's next level, and first group of each run.
        var members: [Member]
        var products: SubsetProducts

        init(size: Int, generate: Bool, propagate: Bool, members: [Member]) {
            self.size = size
            self.generate = generate
            self.propagate = propagate
            self.members = members
            products = SubsetProducts(
                terms: (generate ? CarryLevel.generateTerms(size) : [])
                    + (propagate ? [CarryLevel.propagateTerm(size)] : []),
                held: .max
            )
        }
    }

    private struct Member: Sendable {
        var chain: Int
        var place: Int
        var first: Int
    }

    private let bundles: [Bundle]
    private let passing: [Member]
    /// Which bits the next level's groups have.
    let shape: [[CarryPair<Void>]]

    init(_ chains: [[CarryPair<Void>]]) {
        var bundles: [Bundle] = []
        var passing: [Member] = []
        var shape: [[CarryPair<Void>]] = []
        for (index, chain) in chains.enumerated() {
            shape.append([])
            for (place, run) in carryGroups(chain.count).enumerated() {
                let member = Member(chain: index, place: place, first: run.lowerBound)
                let lowest = chain[run.lowerBound]
                shape[index].append(lowest)
                if run.count == 1 {
                    passing.append(member)
                } else if let same = bundles.firstIndex(where: {
                    $0.size == run.count && $0.generate == (lowest.generate != nil)
                        && $0.propagate == (lowest.propagate != nil)
                }) {
                    bundles[same].members.append(member)
                } else {
                    bundles.append(
                        Bundle(
                            size: run.count,
                            generate: lowest.generate != nil,
                            propagate: lowest.propagate != nil,
                            members: [member]
                        )
                    )
                }
            }
        }
        self.bundles = bundles
        self.passing = passing
        self.shape = shape
    }

    var dealtPlanes: Int {
        bundles.reduce(0) { $0 + $1.products.dealt.count * $1.members.count }
    }

    var openedPlanes: Int {
        bundles.reduce(0) { $0 + $1.members.count * (($1.generate ? 1 : 0) + ($1.propagate ? 1 : 0)) }
    }

    // Variable j is the generate bit of a run's j-th group, variable 4 + j its propagate bit.

    /// Its highest generates, or all above propagate and the next generates, …
    private static func generateTerms(_ size: Int) -> [UInt64] {
        (0..<size).map { j in
            (j + 1..<size).reduce(1 << UInt64(j)) { $0 | 1 << UInt64(4 + $1) }
        }
    }

    private static func propagateTerm(_ size: Int) -> UInt64 {
        (0..<size).reduce(0) { $0 | 1 << UInt64(4 + $1) }
    }

    /// The variables of a bundle: each over all its runs.
    private func variables<Bits: Sendable>(
        _ bundle: Bundle,
        _ chains: [[CarryPair<Bits>]],
        _ together: ([Bits]) -> Bits
    ) -> [Int: Bits] {
        var variables: [Int: Bits] = [:]
        for j in 0..<bundle.size {
            if bundle.generate {
                variables[j] = together(bundle.members.map { chains[$0.chain][$0.first + j].generate! })
            }
            if bundle.propagate || j > 0 {
                variables[4 + j] = together(bundle.members.map { chains[$0.chain][$0.first + j].propagate! })
            }
        }
        return variables
    }

    /// The products of mask bits to deal.
    func masks(_ chains: [[CarryPair<BitPlanes>]], _ kernels: any Kernels) -> [BitPlanes] {
        bundles.flatMap { bundle in
            bundle.products.masks(variables(bundle, chains) { kernels.bundle($0) }, kernels)
        }
    }

    /// A party's shares of the bits to open.
    func shares(
        _ chains: [[CarryPair<MaskedBits>]],
        dealt: BitPlanes,
        _ context: PartyStage
    ) -> [BitPlanes] {
        var out: [BitPlanes] = []
        var cursor = 0
        for bundle in bundles {
            let variables = variables(bundle, chains) { context.kernels.bundle($0) }
            let planes = bundle.members.count
            let end = cursor + bundle.products.dealt.count * planes
            let shares = bundle.products.shares(held: variables, dealt: dealt[cursor..<end], planesEach: planes)
            cursor = end
            if bundle.generate {
                out.append(
                    SubsetProducts.share(ofSum: CarryLevel.generateTerms(bundle.size), variables, shares, context)
                )
            }
            if bundle.propagate {
                out.append(
                    SubsetProducts.share(of: CarryLevel.propagateTerm(bundle.size), variables, shares, context)
                )
            }
        }
        return out
    }

    /// The next level's chains before its opening: the groups that pass, and gaps.
    func passed<Bits: Sendable>(_ chains: [[CarryPair<Bits>]]) -> [[CarryPair<Bits>]] {
        var out = shape.map { [CarryPair<Bits>](repeating: CarryPair(generate: nil, propagate: nil), count: $0.count) }
        for member in passing { out[member.chain][member.place] = chains[member.chain][member.first] }
        return out
    }

    /// The next level's chains, the gaps filled with what was opened.
    func filled<Bits: PlanarBits>(_ chains: [[CarryPair<Bits>]], _ opened: Bits) -> [[CarryPair<Bits>]] {
        var out = chains
        var plane = 0
        for bundle in bundles {
            if bundle.generate {
                for member in bundle.members {
                    out[member.chain][member.place].generate = opened[plane]
                    plane += 1
                }
            }
            if bundle.propagate {
                for member in bundle.members {
                    out[member.chain][member.place].propagate = opened[plane]
                    plane += 1
                }
            }
        }
        return out
    }
}
