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

    private struct ProductsName: Hashable {
        var form: Form
        var level: Int
    }

    private static let maskProducts = Memo<ProductsName, BitProducts>()

    /// What is dealt at a level after the first, of the masks of all that was opened before.
    private func products(_ level: Int) -> BitProducts {
        CarryChains.maskProducts.value(ProductsName(form: form, level: level)) { _ in
            let places = chains[level - 1].map {
                $0.map { pair in pair.found { BitProducts.Place(block: $0.level, plane: $0.plane) } }
            }
            return BitProducts(blocks: blocks(level), products: levels[level - 1].masks(places))
        }
    }

    /// How many planes a level reads of each opening before.
    private func blocks(_ level: Int) -> [Int] {
        (0..<level).map { needed[level - 1].contains($0) ? openedPlanes($0) : 0 }
    }

    /// What a role computes at a level after the first, from all that was opened before.
    private func program(_ level: Int, _ role: LevelRole) -> BitProgram {
        CarryChains.programs.value(ProgramName(form: form, level: level, role: role)) { _ in
            var program = BitProgram.Builder()
            let opened = role.inputs(blocks(level), &program)
            func found(_ planes: [[BitProgram.Builder.Bit]]) -> [[CarryPair<BitProgram.Builder.Bit>]] {
                chains[level - 1].map { $0.map { pair in pair.found { planes[$0.level][$0.plane] } } }
            }
            let next = levels[level - 1]
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

    // MARK: The masks

    /// Level one of a slab of `count` elements with the mask of `wire`, whose bit `top` is dealt, too, where `dealsTop`.
    func deal<Stage: DealStage>(
        _ wire: WireMask<Stage.Words>,
        top: Int?,
        dealsTop: Bool,
        count: Int,
        _ context: Stage
    ) throws {
        let sections = levelOne.sections.map { $0.low..<$0.low + $0.width }
        let masks = try context.bits(of: wire, sections + (top.map { [$0..<$0 + 1] } ?? []))
        let topMask = top == nil ? nil : masks.last
        try levelOne.deal(Array(masks[..<sections.count]), context)
        if dealsTop { try context.dealBits(topMask!) }
        let opened = context.openBitMask(planes: levelOne.openedPlanes, count: count)
        context.memory.carryMasks.append(CarryMasks(count: count, opened: [opened], topMask: topMask))
    }

    /// A further level of the slab that comes next.
    func deal(level: Int, _ context: some DealStage) throws {
        var state = context.memory.carryMasks.removeFirst()
        try context.dealProducts(products(level), of: state.opened)
        for index in 0..<level where !needed[level].contains(index) {
            state.opened[index] = context.zeroBits(planes: 0, count: state.count)
        }
        state.opened.append(context.openBitMask(planes: openedPlanes(level), count: state.count))
        context.memory.carryMasks.append(state)
    }

    /// The last level of the slab that comes next, of which `lastShares` opens nothing.
    func dealLast(_ context: some DealStage) throws {
        let state = context.memory.carryMasks.removeFirst()
        try context.dealProducts(products(openings - 1), of: state.opened)
    }

    /// The masks of the slab that comes next, after its last level.
    func finish<Stage: DealStage>(
        _ context: Stage
    ) -> (pairs: [[CarryPair<Stage.Bits>]], state: CarryMasks<Stage.Bits>) {
        let state = context.memory.carryMasks.removeFirst()
        return (found(in: state.opened) { context.plane($0, $1) }, state)
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
    func lastShares(_ context: PartyStage) throws -> (BitPlanes, CarryState) {
        try shares(level: openings - 1, context)
    }

    private func shares(level: Int, _ context: PartyStage) throws -> (BitPlanes, CarryState) {
        let state = try opened(context)
        let dealt = try context.correlationBits(planes: dealtPlanes(level), count: state.opened[0].hat.count)
        let role: LevelRole = context.isFirst ? .firstParty : .party
        return (context.kernels.run(program(level, role), on: role.inputs(state.opened) + [dealt]), state)
    }

    /// The bits of the slab that comes next, after its last level.
    func finish(_ context: PartyStage) throws -> (pairs: [[CarryPair<MaskedBits>]], state: CarryState) {
        let state = try opened(context)
        return (found(in: state.opened) { $0[$1] }, state)
    }

    private func opened(_ context: PartyStage) throws -> CarryState {
        var state = context.memory.carries.removeFirst()
        state.opened.append(try context.openedBits())
        return state
    }

    /// What is left of every chain.
    private func found<Bits>(in opened: [Bits], _ plane: (Bits, Int) -> Bits) -> [[CarryPair<Bits>]] {
        chains[openings - 1].map { $0.map { pair in pair.found { plane(opened[$0.level], $0.plane) } } }
    }
}
