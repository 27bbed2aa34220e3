internal import CrypTenRing

/// The borrow chains of a comparison, staged: level one and the levels that follow, each an opening.
///
/// Every slab goes through the stages on its own: a stage takes the slab's `CarryState` from the gate's memory and leaves
/// the next one there, first in, first out. What a level after the first computes is a program of logic.
struct CarryChains: Sendable {
    private struct Form: Hashable {
        var sections: [CarryLevelOne.Section]
        var limit: Int?
    }

    private static let known = Memo<Form, CarryChains>()

    let levelOne: CarryLevelOne
    private let form: Form
    private let levels: [CarryLevel]
    /// The chains after each level.
    private let chains: [[[CarryPair<OpenedPlane>]]]
    /// After each level, whose openings are in the chains.
    private let needed: [Set<Int>]

    /// - Parameter limit: How many levels follow the first; nil: as many as leave one group of every chain.
    init(_ sections: [CarryLevelOne.Section], levels limit: Int? = nil) {
        self = CarryChains.known.value(Form(sections: sections, limit: limit)) { CarryChains($0) }
    }

    private init(_ form: Form) {
        self.form = form
        levelOne = CarryLevelOne(form.sections)
        var levels: [CarryLevel] = []
        var shape = levelOne.shape
        var chains = [levelOne.chains]
        while levels.count < form.limit ?? .max, form.limit != nil || shape.contains(where: { $0.count > 1 }) {
            levels.append(CarryLevel(shape))
            shape = levels.last!.shape
            chains.append(levels.last!.chains(chains.last!, level: levels.count))
        }
        self.levels = levels
        self.chains = chains
        needed = chains.map { chains in
            Set(chains.joined().flatMap { [$0.generate, $0.propagate] }.compactMap { $0?.level })
        }
    }

    /// How many rounds.
    var openings: Int {
        1 + levels.count
    }

    func dealtPlanes(_ level: Int) -> Int {
        level == 0 ? levelOne.dealtPlanes : levels[level - 1].dealtPlanes
    }

    func openedPlanes(_ level: Int) -> Int {
        level == 0 ? levelOne.openedPlanes : levels[level - 1].openedPlanes
    }

    // MARK: Programs

    private struct ProgramName: Hashable {
        var form: Form
        var level: Int
        var role: LevelRole
    }

    private static let programs = Memo<ProgramName, BitProgram>()

    /// What a role computes at a level after the first, from all that was opened before.
    private func program(_ level: Int, _ role: LevelRole) -> BitProgram {
        CarryChains.programs.value(ProgramName(form: form, level: level, role: role)) { _ in
            var program = BitProgram.Builder()
            let opened = role.inputs(
                (0..<level).map { needed[level - 1].contains($0) ? openedPlanes($0) : 0 },
                &program
            )
            func found(_ planes: [[BitProgram.Builder.Bit]]) -> [[CarryPair<BitProgram.Builder.Bit>]] {
                chains[level - 1].map { $0.map { pair in pair.found { planes[$0.level][$0.plane] } } }
            }
            let next = levels[level - 1]
            guard role != .dealer else {
                let products = next.masks(found(opened.masks), &program)
                return program.program(products)
            }
            let dealt = program.input(planes: next.dealtPlanes)
            let out = next.shares(
                hats: found(opened.hats),
                masks: found(opened.masks),
                dealt: dealt,
                first: role == .firstParty,
                &program
            )
            return program.program(out)
        }
    }

    // MARK: The dealer

    /// Level one of a slab with mask `r`. `topMask` is dealt, too, where `dealsTop`.
    func deal(_ r: RingTensor, topMask: BitPlanes?, dealsTop: Bool, _ context: DealerStage) throws {
        for products in levelOne.masks(r, context.kernels) { try context.deal(products) }
        if dealsTop { try context.deal(topMask!) }
        let opened = context.openBitMask(planes: levelOne.openedPlanes, count: r.count)
        context.memory.carryMasks.append(CarryState(opened: [opened], known: nil, topMask: topMask))
    }

    /// A further level of the slab that comes next.
    func deal(level: Int, _ context: DealerStage) throws {
        var (products, state) = try dealt(level: level, context)
        for index in 0..<level where !needed[level].contains(index) {
            state.opened[index] = BitPlanes(zeros: 0, count: products.count)
        }
        state.opened.append(context.openBitMask(planes: openedPlanes(level), count: products.count))
        context.memory.carryMasks.append(state)
    }

    /// The last level of the slab that comes next, of which `lastShares` opens nothing.
    func dealLast(_ context: DealerStage) throws {
        _ = try dealt(level: openings - 1, context)
    }

    private func dealt(level: Int, _ context: DealerStage) throws -> (BitPlanes, CarryState<BitPlanes>) {
        let state = context.memory.carryMasks.removeFirst()
        let products = context.kernels.run(program(level, .dealer), on: state.opened)
        try context.deal(products)
        return (products, state)
    }

    /// The masks of the slab that comes next, after its last level.
    func finish(_ context: DealerStage) -> (pairs: [[CarryPair<BitPlanes>]], state: CarryState<BitPlanes>) {
        let state = context.memory.carryMasks.removeFirst()
        return (found(in: state.opened) { $0[$1] }, state)
    }

    // MARK: A party

    /// Level one of a slab with the public values `c`, section by section.
    func evaluate(
        _ c: [[RingTensor]],
        count: Int,
        known: BitPlanes?,
        dealsTop: Bool,
        _ context: PartyStage
    ) throws {
        try context.open(context.kernels.bundle(try levelOne.shares(c, context)))
        let topMask = dealsTop ? try context.correlationBits(planes: 1, count: count) : nil
        context.memory.carries.append(CarryState(known: known, topMask: topMask))
    }

    /// A further level of the slab that comes next.
    func evaluate(level: Int, _ context: PartyStage) throws {
        var (shares, state) = try shares(level: level, context)
        let nothing = BitPlanes(zeros: 0, count: shares.count)
        try context.open(shares)
        for index in 0..<level where !needed[level].contains(index) {
            state.opened[index] = MaskedBits(hat: nothing, maskShare: nothing)
        }
        context.memory.carries.append(state)
    }

    /// What the last level of the slab that comes next would open: of one chain that is read for its sign, the borrow.
    func lastShares(_ context: PartyStage) throws -> (BitPlanes, CarryState<MaskedBits>) {
        try shares(level: openings - 1, context)
    }

    private func shares(level: Int, _ context: PartyStage) throws -> (BitPlanes, CarryState<MaskedBits>) {
        let state = try opened(context)
        let dealt = try context.correlationBits(planes: dealtPlanes(level), count: state.opened[0].hat.count)
        let role: LevelRole = context.isFirst ? .firstParty : .party
        return (context.kernels.run(program(level, role), on: role.inputs(state.opened) + [dealt]), state)
    }

    /// The bits of the slab that comes next, after its last level.
    func finish(_ context: PartyStage) throws -> (pairs: [[CarryPair<MaskedBits>]], state: CarryState<MaskedBits>) {
        let state = try opened(context)
        return (found(in: state.opened) { $0[$1] }, state)
    }

    private func opened(_ context: PartyStage) throws -> CarryState<MaskedBits> {
        var state = context.memory.carries.removeFirst()
        state.opened.append(try context.openedBits())
        return state
    }

    /// What is left of every chain.
    private func found<Bits>(in opened: [Bits], _ plane: (Bits, Int) -> Bits) -> [[CarryPair<Bits>]] {
        chains[openings - 1].map { $0.map { pair in pair.found { plane(opened[$0.level], $0.plane) } } }
    }
}
