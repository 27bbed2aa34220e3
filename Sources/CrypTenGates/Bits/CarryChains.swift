internal import CrypTenRing

/// The borrow chains of a comparison, staged: level one and the levels that follow, each an opening.
///
/// Every slab goes through the stages on its own: a stage takes the slab's `CarryState` from the gate's memory and leaves
/// the next one there, first in, first out.
struct CarryChains: Sendable {
    private struct Form: Hashable {
        var sections: [CarryLevelOne.Section]
        var limit: Int?
    }

    private static let known = Memo<Form, CarryChains>()

    let levelOne: CarryLevelOne
    private let levels: [CarryLevel]

    /// - Parameter limit: How many levels follow the first; nil: as many as leave one group of every chain.
    init(_ sections: [CarryLevelOne.Section], levels limit: Int? = nil) {
        self = CarryChains.known.value(Form(sections: sections, limit: limit)) { CarryChains($0) }
    }

    private init(_ form: Form) {
        levelOne = CarryLevelOne(form.sections)
        var levels: [CarryLevel] = []
        var shape = levelOne.shape
        while levels.count < form.limit ?? .max, form.limit != nil || shape.contains(where: { $0.count > 1 }) {
            levels.append(CarryLevel(shape))
            shape = levels.last!.shape
        }
        self.levels = levels
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

    // MARK: The dealer

    /// Level one of a slab with mask `r`. `topMask` is dealt, too, where `dealsTop`.
    func deal(_ r: RingTensor, topMask: BitPlanes?, dealsTop: Bool, _ context: DealerStage) throws {
        for products in levelOne.masks(r, context.kernels) { try context.deal(products) }
        if dealsTop { try context.deal(topMask!) }
        let opened = context.openBitMask(planes: levelOne.openedPlanes, count: r.count)
        context.memory.carryMasks.append(
            CarryState(chains: levelOne.chains(opened), known: nil, topMask: topMask)
        )
    }

    /// A further level of the slab that comes next.
    func deal(level: Int, _ context: DealerStage) throws {
        let next = levels[level - 1]
        var state = context.memory.carryMasks.removeFirst()
        let products = context.kernels.bundle(next.masks(state.chains, context.kernels))
        try context.deal(products)
        let opened = context.openBitMask(planes: next.openedPlanes, count: products.count)
        state.chains = next.filled(next.passed(state.chains), opened)
        context.memory.carryMasks.append(state)
    }

    /// The masks of the slab that comes next, after its last level.
    func finish(_ context: DealerStage) -> CarryState<BitPlanes> {
        context.memory.carryMasks.removeFirst()
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
        context.memory.carries.append(CarryState(chains: [], known: known, topMask: topMask))
    }

    /// A further level of the slab that comes next.
    func evaluate(level: Int, _ context: PartyStage) throws {
        let next = levels[level - 1]
        var state = try opened(after: level - 1, context)
        let dealt = try context.correlationBits(planes: next.dealtPlanes, count: count(of: state.chains))
        try context.open(context.kernels.bundle(next.shares(state.chains, dealt: dealt, context)))
        state.chains = next.passed(state.chains)
        context.memory.carries.append(state)
    }

    /// The bits of the slab that comes next, after its last level.
    func finish(_ context: PartyStage) throws -> CarryState<MaskedBits> {
        try opened(after: openings - 1, context)
    }

    private func opened(after level: Int, _ context: PartyStage) throws -> CarryState<MaskedBits> {
        var state = context.memory.carries.removeFirst()
        let bits = try context.openedBits()
        state.chains = level == 0 ? levelOne.chains(bits) : levels[level - 1].filled(state.chains, bits)
        return state
    }

    private func count(of chains: [[CarryPair<MaskedBits>]]) -> Int {
        let pair = chains[0][0]
        return (pair.generate ?? pair.propagate)!.hat.count
    }
}
