internal import CrypTenRing

/// A further level of a comparison: from the pairs of groups to those of groups of four of them.
///
/// Of a run of groups, lowest first, the highest generates, or all above propagate and the next generates, …; the run
/// propagates where all do. These are XORs of ANDs of at most four masked bits (`SubsetProducts`). A group on its own
/// goes on to the next level as it is. Runs of one kind, of all chains, are dealt and opened together.
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

    /// The variables of a run.
    private func variables<Bit: Sendable>(
        _ bundle: Bundle,
        _ member: Member,
        _ chains: [[CarryPair<Bit>]]
    ) -> [Int: Bit] {
        var variables: [Int: Bit] = [:]
        for j in 0..<bundle.size {
            let group = chains[member.chain][member.first + j]
            if bundle.generate { variables[j] = group.generate! }
            if bundle.propagate || j > 0 { variables[4 + j] = group.propagate! }
        }
        return variables
    }

    /// The products of mask bits to deal: of each bundle the first one of every run, then the second, …
    func masks(_ chains: [[CarryPair<BitProducts.Place>]]) -> [[BitProducts.Place]] {
        var out: [[BitProducts.Place]] = []
        for bundle in bundles {
            let products = bundle.members.map { bundle.products.masks(variables(bundle, $0, chains)) }
            for index in bundle.products.dealt.indices { out += products.map { $0[index] } }
        }
        return out
    }

    /// A party's shares of the bits to open, of the public parts of the groups' bits, its shares of their masks, and what is dealt.
    func shares(
        hats: [[CarryPair<BitProgram.Builder.Bit>]],
        masks: [[CarryPair<BitProgram.Builder.Bit>]],
        dealt: [BitProgram.Builder.Bit],
        first: Bool,
        _ program: inout BitProgram.Builder
    ) -> [BitProgram.Builder.Bit] {
        var out: [BitProgram.Builder.Bit] = []
        var cursor = 0
        for bundle in bundles {
            let (runs, products) = (bundle.members.count, bundle.products.dealt.count)
            let shares = bundle.members.enumerated().map { place, member in
                bundle.products.shares(
                    hats: variables(bundle, member, hats),
                    held: variables(bundle, member, masks),
                    dealt: (0..<products).map { dealt[cursor + $0 * runs + place] },
                    first: first
                )
            }
            cursor += runs * products
            if bundle.generate {
                let terms = CarryLevel.generateTerms(bundle.size).map {
                    (set: $0, condition: nil as BitProgram.Builder.Bit?)
                }
                out += shares.map { $0.sum(terms, &program) }
            }
            if bundle.propagate {
                out += shares.map { $0.sum([(CarryLevel.propagateTerm(bundle.size), nil)], &program) }
            }
        }
        return out
    }

    /// The next level's chains: runs of one group as they are, the others where this one's opening, number `level`, has them.
    func chains(_ chains: [[CarryPair<OpenedPlane>]], level: Int) -> [[CarryPair<OpenedPlane>]] {
        var out = shape.map {
            [CarryPair<OpenedPlane>](repeating: CarryPair(generate: nil, propagate: nil), count: $0.count)
        }
        for member in passing { out[member.chain][member.place] = chains[member.chain][member.first] }
        var plane = 0
        for bundle in bundles {
            if bundle.generate {
                for member in bundle.members {
                    out[member.chain][member.place].generate = OpenedPlane(level: level, plane: plane)
                    plane += 1
                }
            }
            if bundle.propagate {
                for member in bundle.members {
                    out[member.chain][member.place].propagate = OpenedPlane(level: level, plane: plane)
                    plane += 1
                }
            }
        }
        return out
    }
}
