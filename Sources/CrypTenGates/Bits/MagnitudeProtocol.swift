internal import CrypTenRing

/// Comparisons of a masked value with powers of two, staged: what `MagnitudeGate` is.
///
/// A value v of some bits is c − r with c = v^ public and r = λ its mask. Let b_k be the borrow into bit k and c_H, r_H the bits
/// from k up: those of v are c_H − r_H − b_k. Hence
///
///     [0 ≤ v < 2^k]  = (1 − b_k)·[r_H = c_H] + b_k·[r_H = c_H − 1]
///     [−2^k ≤ v < 0] = (1 − b_k)·[r_H = c_H + 1] + b_k·[r_H = c_H]
///
/// and v < 0 is the top bit of c, XOR that of r, XOR the borrow into it. All bits are cut into groups, at every k too. r_H = c_H
/// is equality of all groups from k up. r_H = c_H − 1 is `r = c − 1` in the groups up to the first in which c isn't zero, and equality
/// above; r_H = c_H + 1 is `r = c + 1` up to the first in which c isn't all ones. Which it is, c decides: a *choice* that is public,
/// for which the dealer deals all alternatives.
///
/// Level one opens what single groups say, out of the products of their mask bits (as `CarryLevelOne`); level two what runs of up to
/// four of them say, of their first groups and of their last ones; level three the results: products of five bits at most, one of
/// each run and one more.
struct MagnitudeProtocol: Sendable {
    /// What a group or a run of groups says of the bits of r and c, as numbers.
    enum Kind: Int, CaseIterable, Hashable {
        /// r > c
        case generate
        /// r = c
        case equal
        /// r = c − 1 modulo what the bits hold
        case below
        /// r = c + 1
        case above
    }

    /// A bit that level one or two knows.
    enum Name: Hashable {
        /// Of one group.
        case group(Kind, Int)
        /// Of some groups, lowest first.
        case run(Kind, [Int])

        /// A run of one group is that group.
        static func of(_ kind: Kind, _ groups: some Collection<Int>) -> Name {
            groups.count == 1 ? .group(kind, groups.first!) : .run(kind, Array(groups))
        }
    }

    /// A public condition: c is zero, or all ones, in the groups of `fills`, and not in all of `stops`, where there are any.
    struct Choice: Hashable {
        var ones: Bool
        var fills: [Int]
        var stops: [Int]
    }

    /// The AND of some bits, and of a public one.
    struct Term: Hashable {
        var bits: [Name]
        var choice: Choice?

        func times(_ other: Term) -> Term {
            Term(bits: bits + other.bits, choice: choice ?? other.choice)
        }
    }

    /// Outputs of a level that share products: each an XOR of terms.
    struct Part: Sendable {
        let outputs: [[Term]]
        let variables: [Name: Int]
        let products: SubsetProducts

        init(_ outputs: [[Term]]) {
            self.outputs = outputs
            var variables: [Name: Int] = [:]
            for name in outputs.joined().flatMap(\.bits) where variables[name] == nil {
                variables[name] = variables.count
            }
            self.variables = variables
            products = SubsetProducts(
                terms: outputs.joined().map { Part.set($0, variables) },
                held: .max
            )
        }

        /// A term's bits as a set of variables.
        func set(_ term: Term) -> UInt64 {
            Part.set(term, variables)
        }

        private static func set(_ term: Term, _ variables: [Name: Int]) -> UInt64 {
            term.bits.reduce(0) { $0 | 1 << UInt64(variables[$1]!) }
        }
    }

    /// Groups of one size.
    private struct Bundle: Sendable {
        var size: Int
        var groups: [Int]
        var starts: [Int]
        var subsets: Int { 1 << size - 1 }
    }

    static let openings = 3

    let bits: Int
    /// The groups, and after them the top one without the sign.
    private let groups: [Range<Int>]
    private let bundles: [Bundle]
    /// What level one opens, in order.
    private let singles: [Name]
    /// What level two opens, in the order of its parts.
    private let runs: [Name]
    private let second: [Part]
    private let third: [Part]
    /// Where the results are among what level three opens.
    private let order: [Int]

    private struct Form: Hashable {
        var bits: Int
        var positions: [Int]
        var isSigned: Bool
    }

    private static let known = Memo<Form, MagnitudeProtocol>()

    init(bits: Int, positions: [Int], isSigned: Bool) {
        self = MagnitudeProtocol.known.value(Form(bits: bits, positions: positions, isSigned: isSigned)) {
            MagnitudeProtocol($0)
        }
    }

    private init(_ form: Form) {
        bits = form.bits
        let groups = MagnitudeGate.groups(bits: form.bits, positions: form.positions)
        let top = groups.count - 1
        self.groups = groups + [groups[top].lowerBound..<form.bits - 1]
        var bundles: [Bundle] = []
        for (index, group) in self.groups.enumerated() {
            if let same = bundles.firstIndex(where: { $0.size == group.count }) {
                bundles[same].groups.append(index)
                bundles[same].starts.append(group.lowerBound)
            } else {
                bundles.append(Bundle(size: group.count, groups: [index], starts: [group.lowerBound]))
            }
        }
        self.bundles = bundles
        let quads = carryGroups(groups.count)
        var results: [(place: Int, part: Int, terms: [Term])] = []
        for (index, position) in form.positions.enumerated() {
            let first = groups.firstIndex { $0.lowerBound == position }!
            let quad = quads.firstIndex { $0.contains(first) }!
            let borrow = MagnitudeProtocol.borrow(into: first, quads)
            let equal = MagnitudeProtocol.compared(.equal, from: first, quads)
            // e + b·e + b·d, where e, d are the comparisons without a borrow and with one.
            func chosen(_ without: [Term], _ with: [Term]) -> [Term] {
                without + borrow.flatMap { borrow in (without + with).map { borrow.times($0) } }
            }
            results.append((index, quad, chosen(equal, MagnitudeProtocol.compared(.below, from: first, quads))))
            if form.isSigned {
                let above = MagnitudeProtocol.compared(.above, from: first, quads)
                results.append((form.positions.count + index, quad, chosen(above, equal)))
            }
        }
        let sign = MagnitudeProtocol.borrowIntoSign(groups: groups.count, quads)
        results.append(((form.isSigned ? 2 : 1) * form.positions.count, quads.count - 1, sign))
        results.sort { ($0.part, $0.place) < ($1.part, $1.place) }
        third = quads.indices.compactMap { quad in
            let outputs = results.filter { $0.part == quad }.map(\.terms)
            return outputs.isEmpty ? nil : Part(outputs)
        }
        var order = [Int](repeating: 0, count: results.count)
        for (plane, result) in results.enumerated() { order[result.place] = plane }
        self.order = order
        // What is read decides what is opened.
        let read = MagnitudeProtocol.names(results.flatMap(\.terms))
        var runs: [Name] = []
        var second: [Part] = []
        for quad in quads {
            let here = read.filter { name in
                guard case .run(_, let groups) = name else { return false }
                return quad.contains(groups[0])
            }
            if here.isEmpty { continue }
            runs += here
            second.append(Part(here.map { MagnitudeProtocol.terms(of: $0) }))
        }
        self.runs = runs
        self.second = second
        let single = MagnitudeProtocol.names(results.flatMap(\.terms) + second.flatMap(\.outputs).joined())
        singles = single.filter { if case .group = $0 { true } else { false } }
    }

    /// The names in terms, each once, in an order that doesn't depend on hashing.
    private static func names(_ terms: some Sequence<Term>) -> [Name] {
        var seen: Set<Name> = []
        return terms.flatMap(\.bits).filter { seen.insert($0).inserted }
    }

    // MARK: What the levels compute

    /// The borrow into a group, of what runs say: nothing where it is the lowest.
    private static func borrow(into group: Int, _ quads: [Range<Int>]) -> [Term] {
        let quad = quads.firstIndex { $0.contains(group) }!
        let inside = quads[quad].lowerBound..<group
        var terms: [Term] = []
        if !inside.isEmpty { terms.append(Term(bits: [.of(.generate, inside)])) }
        for lower in 0..<quad {
            let between = quads[lower + 1..<quad].map { Name.of(.equal, $0) }
            let propagating = between + (inside.isEmpty ? [] : [.of(.equal, inside)])
            terms.append(Term(bits: [.of(.generate, quads[lower])] + propagating))
        }
        return terms
    }

    /// The borrow into the top bit: its group is there without it, after the others.
    private static func borrowIntoSign(groups: Int, _ quads: [Range<Int>]) -> [Term] {
        let inside = quads[quads.count - 1].dropLast() + [groups]
        return [Term(bits: [.of(.generate, inside)])]
            + (0..<quads.count - 1).map { lower in
                Term(
                    bits: [.of(.generate, quads[lower])] + quads[lower + 1..<quads.count - 1].map { .of(.equal, $0) }
                        + [.of(.equal, inside)]
                )
            }
    }

    /// Whether the bits from a group up compare so: an alternative for each run in which the choice may end.
    private static func compared(_ kind: Kind, from group: Int, _ quads: [Range<Int>]) -> [Term] {
        let quad = quads.firstIndex { $0.contains(group) }!
        let runs = [group..<quads[quad].upperBound] + quads[(quad + 1)...]
        if kind == .equal { return [Term(bits: runs.map { .of(.equal, $0) })] }
        return alternatives(kind, runs.map(Array.init))
    }

    /// `r = c ∓ 1` over runs: such up to the one in which c isn't zero, or all ones, and equality above.
    private static func alternatives(_ kind: Kind, _ runs: [[Int]]) -> [Term] {
        runs.indices.map { last in
            Term(
                bits: runs.enumerated().map { .of($0.offset <= last ? kind : .equal, $0.element) },
                choice: runs.count == 1
                    ? nil
                    : Choice(
                        ones: kind == .above,
                        fills: Array(runs[..<last].joined()),
                        stops: last == runs.count - 1 ? [] : runs[last]
                    )
            )
        }
    }

    /// What a run says, of its groups.
    private static func terms(of name: Name) -> [Term] {
        guard case .run(let kind, let groups) = name else { return [Term(bits: [name])] }
        switch kind {
        case .generate:
            return groups.indices.map { place in
                Term(bits: [.group(.generate, groups[place])] + groups[(place + 1)...].map { .group(.equal, $0) })
            }
        case .equal:
            return [Term(bits: groups.map { .group(.equal, $0) })]
        case .below, .above:
            return alternatives(kind, groups.map { [$0] })
        }
    }
}

// MARK: The dealer

extension MagnitudeProtocol {
    /// The first stage, of a slab with this mask.
    func deal(_ mask: RingTensor, _ context: DealerStage) throws {
        let planes = context.kernels.planes(of: mask, from: 0, count: bits)
        for bundle in bundles {
            try context.deal(context.kernels.subsetProducts(of: planes, starts: bundle.starts, size: bundle.size))
        }
        let opened = context.openBitMask(planes: singles.count, count: mask.count)
        context.memory.carryMasks.append(
            CarryState(
                chains: [[CarryPair(generate: opened, propagate: nil)]],
                known: nil,
                topMask: planes[bits - 1]
            )
        )
    }

    /// A further level of the slab that comes next.
    func deal(level: Int, _ context: DealerStage) throws {
        let kernels = context.kernels
        var state = context.memory.carryMasks.removeFirst()
        let count = state.topMask!.count
        let masks = known(state.chains[0].map { $0.generate! })
        let products = parts(level).flatMap { part in
            part.products.masks(
                Dictionary(uniqueKeysWithValues: part.variables.map { ($1, masks[$0]!) }),
                kernels
            )
        }
        if !products.isEmpty { try context.deal(kernels.bundle(products)) }
        let opened = context.openBitMask(planes: openedPlanes(level), count: count)
        state.chains[0].append(CarryPair(generate: opened, propagate: nil))
        context.memory.carryMasks.append(state)
    }

    /// The masks of the slab that comes next, after its last level.
    func finish(_ context: DealerStage) -> [BitPlanes] {
        let state = context.memory.carryMasks.removeFirst()
        let opened = state.chains[0][2].generate!
        var results = order.map { opened[$0] }
        results[results.count - 1] = context.kernels.xor(results[results.count - 1], state.topMask!)
        return results
    }
}

// MARK: A party

extension MagnitudeProtocol {
    /// The first stage, of a slab of a public `hat`.
    func evaluate(_ hat: RingTensor, _ context: PartyStage) throws {
        let kernels = context.kernels
        let planes = kernels.planes(of: hat, from: 0, count: bits)
        let wanted = Set(singles)
        var values: [Name: BitPlanes] = [:]
        for bundle in bundles {
            let products = try context.correlationBits(
                planes: bundle.subsets * bundle.groups.count,
                count: hat.count
            )
            func borrows(_ c: BitPlanes, _ starts: [Int], _ kinds: [Kind]) {
                let out = kernels.borrows(
                    of: c,
                    starts: starts,
                    size: bundle.size,
                    products: products,
                    first: context.isFirst,
                    generate: kinds.contains(.generate),
                    propagate: kinds.contains { $0 != .generate }
                )
                for (index, kind) in kinds.enumerated() {
                    for (place, group) in bundle.groups.enumerated() {
                        values[.group(kind, group)] = out[index * bundle.groups.count + place]
                    }
                }
            }
            borrows(planes, bundle.starts, [.generate, .equal])
            for kind in [Kind.below, .above]
            where bundle.groups.contains(where: { wanted.contains(.group(kind, $0)) }) {
                // Groups of their own, one after the other, each less or more by one.
                let moved = bundle.starts.flatMap { start in
                    MagnitudeProtocol.moved(planes[start..<start + bundle.size], up: kind == .above, kernels)
                }
                borrows(
                    kernels.bundle(moved),
                    bundle.groups.indices.map { $0 * bundle.size },
                    [kind]
                )
            }
        }
        try context.open(kernels.bundle(singles.map { values[$0]! }))
        // What the choices ask of c: where each group is zero, and where it's all ones; then the top bit.
        let groups = groups.dropLast()
        let negated = kernels.not(planes)
        let zeros = groups.map { all($0.map { negated[$0] }, kernels) }
        let ones = groups.map { all($0.map { planes[$0] }, kernels) }
        context.memory.carries.append(
            CarryState(chains: [[]], known: kernels.bundle(zeros + ones + [planes[bits - 1]]), topMask: nil)
        )
    }

    /// The bits of a group as a number, plus or minus one modulo what they hold.
    private static func moved(_ planes: BitPlanes, up: Bool, _ kernels: any Kernels) -> [BitPlanes] {
        var carry: BitPlanes?
        return (0..<planes.planes).map { place in
            let bit = planes[place]
            let negated = kernels.not(bit)
            let moved = carry.map { kernels.xor(bit, $0) } ?? negated
            let carries = up ? bit : negated
            carry = carry.map { kernels.and($0, carries) } ?? carries
            return moved
        }
    }

    private func all(_ planes: [BitPlanes], _ kernels: any Kernels) -> BitPlanes {
        planes.dropFirst().reduce(planes[0]) { kernels.and($0, $1) }
    }

    /// A further level of the slab that comes next.
    func evaluate(level: Int, _ context: PartyStage) throws {
        let kernels = context.kernels
        let state = try opened(context)
        let count = state.known!.count
        let values = known(state.chains[0].map { $0.generate! })
        let parts = parts(level)
        let planes = parts.reduce(0) { $0 + $1.products.dealt.count }
        let dealt =
            planes == 0
            ? BitPlanes(zeros: 0, count: count) : try context.correlationBits(planes: planes, count: count)
        var choices: [Choice: BitPlanes] = [:]
        func choice(_ choice: Choice) -> BitPlanes {
            if let known = choices[choice] { return known }
            let offset = choice.ones ? groups.count - 1 : 0
            var conditions = choice.fills.map { state.known![offset + $0] }
            if !choice.stops.isEmpty {
                conditions.append(kernels.not(all(choice.stops.map { state.known![offset + $0] }, kernels)))
            }
            let made = all(conditions, kernels)
            choices[choice] = made
            return made
        }
        var out: [BitPlanes] = []
        var cursor = 0
        for part in parts {
            let end = cursor + part.products.dealt.count
            let variables = Dictionary(uniqueKeysWithValues: part.variables.map { ($1, values[$0]!) })
            let shares = part.products.shares(held: variables, dealt: dealt[cursor..<end], planesEach: 1)
            cursor = end
            out += part.outputs.map { terms in
                var sum: BitPlanes?
                for term in terms {
                    var share = SubsetProducts.share(of: part.set(term), variables, shares, context)
                    if let condition = term.choice { share = kernels.and(share, choice(condition)) }
                    sum = sum.map { kernels.xor($0, share) } ?? share
                }
                return sum!
            }
        }
        // Every level opens something: with no run of two groups or more in it, a plane of zeros.
        try context.open(out.isEmpty ? BitPlanes(zeros: 1, count: count) : kernels.bundle(out))
        context.memory.carries.append(state)
    }

    /// The public parts of the bits of the slab that comes next, after its last level.
    func finish(_ context: PartyStage) throws -> [BitPlanes] {
        let state = try opened(context)
        let opened = state.chains[0][2].generate!.hat
        let known = state.known!
        var results = order.map { opened[$0] }
        results[results.count - 1] = context.kernels.xor(results[results.count - 1], known[known.planes - 1])
        return results
    }

    private func opened(_ context: PartyStage) throws -> CarryState<MaskedBits> {
        var state = context.memory.carries.removeFirst()
        state.chains[0].append(CarryPair(generate: try context.openedBits(), propagate: nil))
        return state
    }
}

// MARK: What is dealt and opened

extension MagnitudeProtocol {
    private func parts(_ level: Int) -> [Part] {
        level == 1 ? second : third
    }

    /// The bits that are known after the openings so far.
    private func known<Bits: PlanarBits>(_ opened: [Bits]) -> [Name: Bits] {
        var known: [Name: Bits] = [:]
        for (index, name) in singles.enumerated() { known[name] = opened[0][index] }
        if opened.count > 1 {
            for (index, name) in runs.enumerated() { known[name] = opened[1][index] }
        }
        return known
    }

    func openedPlanes(_ level: Int) -> Int {
        switch level {
        case 0: singles.count
        case 1: max(1, runs.count)
        default: order.count
        }
    }

    /// Words that a level of a slab of `count` elements is dealt.
    func dealtWords(_ level: Int, count: Int) -> Int {
        let planes =
            level == 0
            ? bundles.reduce(0) { $0 + $1.subsets * $1.groups.count }
            : parts(level).reduce(0) { $0 + $1.products.dealt.count }
        return Slabs.bitWords(planes: planes, count: count)
    }
}
