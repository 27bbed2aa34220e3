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
/// for which all alternatives are dealt.
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

        /// The variables among bits that have names.
        func variables<Bit>(_ bits: [Name: Bit]) -> [Int: Bit] {
            Dictionary(uniqueKeysWithValues: variables.map { ($1, bits[$0]!) })
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

    private let form: Form
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

    var bits: Int { form.bits }

    init(bits: Int, positions: [Int], isSigned: Bool) {
        self = MagnitudeProtocol.known.value(Form(bits: bits, positions: positions, isSigned: isSigned)) {
            MagnitudeProtocol($0)
        }
    }

    private init(_ form: Form) {
        self.form = form
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

// MARK: The masks

extension MagnitudeProtocol {
    /// The first stage, of a slab of so many elements with this mask (either one, of a truncation read in place).
    func deal<Stage: DealStage>(_ wire: WireMask<Stage.Words>, count: Int, _ context: Stage) throws {
        let planes = context.bits(of: wire, [0..<bits])[0]
        for bundle in bundles {
            try context.dealSubsetProducts(of: planes, starts: bundle.starts, size: bundle.size)
        }
        let opened = context.openBitMask(planes: singles.count, count: count)
        let topMask = context.plane(planes, bits - 1)
        context.memory.carryMasks.append(CarryMasks(count: count, opened: [opened], topMask: topMask))
    }

    /// A further level of the slab that comes next.
    func deal(level: Int, _ context: some DealStage) throws {
        var state = context.memory.carryMasks.removeFirst()
        if dealtPlanes(level) > 0 { try context.dealProducts(products(level), of: state.opened) }
        state.opened.append(context.openBitMask(planes: openedPlanes(level), count: state.count))
        context.memory.carryMasks.append(state)
    }

    /// The masks of the slab that comes next, after its last level.
    func finish<Stage: DealStage>(_ context: Stage) -> [Stage.Bits] {
        let state = context.memory.carryMasks.removeFirst()
        var results = order.map { context.plane(state.opened[2], $0) }
        results[results.count - 1] = context.xor([results[results.count - 1], state.topMask!], count: state.count)
        return results
    }
}

// MARK: A party

extension MagnitudeProtocol {
    /// The first stage, of a slab of a public `hat`.
    func evaluate(_ hat: RingTensor, _ context: PartyStage) throws {
        let planes = context.kernels.planes(of: try context.bitwise(hat), from: 0, count: bits)
        let products = try bundles.map { bundle in
            try context.correlationBits(planes: bundle.subsets * bundle.groups.count, count: hat.count)
        }
        let program = program(0, context.isFirst ? .firstParty : .party)
        let out = context.kernels.run(program, on: [planes] + products)
        try context.open(out[0..<singles.count])
        context.memory.carries.append(CarryState(known: out[singles.count..<out.planes], topMask: nil))
    }

    /// A further level of the slab that comes next.
    func evaluate(level: Int, _ context: PartyStage) throws {
        let state = try opened(context)
        let known = state.known!
        let planes = dealtPlanes(level)
        let dealt =
            planes == 0
            ? BitPlanes(zeros: 0, count: known.count) : try context.correlationBits(planes: planes, count: known.count)
        let role: LevelRole = context.isFirst ? .firstParty : .party
        try context.open(context.kernels.run(program(level, role), on: role.inputs(state.opened) + [known, dealt]))
        context.memory.carries.append(state)
    }

    /// The public parts of the bits of the slab that comes next, after its last level.
    func finish(_ context: PartyStage) throws -> [BitPlanes] {
        let state = try opened(context)
        let known = state.known!
        var results = order.map { state.opened[2].hat[$0] }
        results[results.count - 1] = context.kernels.xor(results[results.count - 1], known[known.planes - 1])
        return results
    }

    private func opened(_ context: PartyStage) throws -> CarryState {
        var state = context.memory.carries.removeFirst()
        state.opened.append(try context.openedBits())
        return state
    }
}

// MARK: Programs

extension MagnitudeProtocol {
    private struct ProgramName: Hashable {
        var form: Form
        var level: Int
        var role: LevelRole
    }

    private static let programs = Memo<ProgramName, BitProgram>()

    private struct ProductsName: Hashable {
        var form: Form
        var level: Int
    }

    private static let maskProducts = Memo<ProductsName, BitProducts>()

    /// What is dealt at a level after the first, of the masks of all that was opened before.
    private func products(_ level: Int) -> BitProducts {
        MagnitudeProtocol.maskProducts.value(ProductsName(form: form, level: level)) { _ in
            let blocks = (0..<level).map { openedPlanes($0) }
            let places = named(
                blocks.enumerated().map { block, planes in
                    (0..<planes).map { BitProducts.Place(block: block, plane: $0) }
                }
            )
            return BitProducts(
                blocks: blocks,
                products: parts(level).flatMap { $0.products.masks($0.variables(places)) }
            )
        }
    }

    /// What a party computes at a level.
    private func program(_ level: Int, _ role: LevelRole) -> BitProgram {
        MagnitudeProtocol.programs.value(ProgramName(form: form, level: level, role: role)) { _ in
            level == 0 ? firstProgram(role) : laterProgram(level, role)
        }
    }

    /// Of the bits of c, and of shares of the products of those of r: shares of what single groups say; then what the choices ask of
    /// c, where each group is zero, and where it's all ones; then the top bit.
    private func firstProgram(_ role: LevelRole) -> BitProgram {
        var program = BitProgram.Builder()
        let planes = program.input(planes: bits)
        var values: [Name: BitProgram.Builder.Bit] = [:]
        for bundle in bundles {
            let count = bundle.groups.count
            let products = program.input(planes: bundle.subsets * count)
            for (place, group) in bundle.groups.enumerated() {
                let c = Array(planes[bundle.starts[place]..<bundle.starts[place] + bundle.size])
                let compared = GroupComparison(
                    products: (0..<bundle.subsets).map { products[$0 * count + place] },
                    isFirst: role == .firstParty
                )
                (values[.group(.generate, group)], values[.group(.equal, group)]) = compared.borrow(c, &program)
                // The number less or more by one, modulo what its bits hold.
                values[.group(.below, group)] = compared.borrow(program.moved(c, up: false), &program).equal
                values[.group(.above, group)] = compared.borrow(program.moved(c, up: true), &program).equal
            }
        }
        let groups = groups.dropLast()
        let negated = planes.map { program.not($0) }
        let zeros = groups.map { program.all(negated[$0]) }
        let ones = groups.map { program.all(planes[$0]) }
        return program.program(singles.map { values[$0]! } + zeros + ones + [planes[bits - 1]])
    }

    /// Of what was opened, known of c, and dealt.
    private func laterProgram(_ level: Int, _ role: LevelRole) -> BitProgram {
        var program = BitProgram.Builder()
        let opened = role.inputs((0..<level).map { openedPlanes($0) }, &program)
        let masks = named(opened.masks)
        let hats = named(opened.hats)
        let known = program.input(planes: 2 * (groups.count - 1) + 1)
        let dealt = program.input(planes: dealtPlanes(level))
        func condition(_ choice: Choice) -> BitProgram.Builder.Bit {
            let offset = choice.ones ? groups.count - 1 : 0
            var conditions = choice.fills.map { known[offset + $0] }
            if !choice.stops.isEmpty {
                conditions.append(program.not(program.all(choice.stops.map { known[offset + $0] })))
            }
            return program.all(conditions)
        }
        var out: [BitProgram.Builder.Bit] = []
        var cursor = 0
        for part in parts(level) {
            let end = cursor + part.products.dealt.count
            let shares = part.products.shares(
                hats: part.variables(hats),
                held: part.variables(masks),
                dealt: dealt[cursor..<end],
                first: role == .firstParty
            )
            cursor = end
            for terms in part.outputs {
                out.append(shares.sum(terms.map { (part.set($0), $0.choice.map(condition)) }, &program))
            }
        }
        // Every level opens something: with no run of two groups or more in it, a plane of zeros.
        return program.program(out.isEmpty ? [program.zeros] : out)
    }

    /// The bits that are known after the openings so far.
    private func named<Bit>(_ opened: [[Bit]]) -> [Name: Bit] {
        var named: [Name: Bit] = [:]
        for (names, bits) in zip([singles, runs], opened) {
            for (name, bit) in zip(names, bits) { named[name] = bit }
        }
        return named
    }
}

// MARK: What is dealt and opened

extension MagnitudeProtocol {
    private func parts(_ level: Int) -> [Part] {
        level == 1 ? second : third
    }

    func openedPlanes(_ level: Int) -> Int {
        switch level {
        case 0: singles.count
        case 1: max(1, runs.count)
        default: order.count
        }
    }

    private func dealtPlanes(_ level: Int) -> Int {
        level == 0
            ? bundles.reduce(0) { $0 + $1.subsets * $1.groups.count }
            : parts(level).reduce(0) { $0 + $1.products.dealt.count }
    }

    /// Words that a level of a slab of `count` elements is dealt.
    func dealtWords(_ level: Int, count: Int) -> Int {
        Slabs.bitWords(planes: dealtPlanes(level), count: count)
    }
}
