internal import CrypTenRing

/// The signs of a masked value less constants on a grid, start + κ·2^step with κ < 2^(span − step), staged.
///
/// Of c_κ = (v^ − start) − κ·2^step, bits below `step` are those of c_0, common to all; bits from `span` up are those of
/// c_0, or of c_0 less one unit there, where the middle borrows. So level one has one low section, a middle one for each κ
/// and two high ones, and the next level leaves one low, one middle group each, and at most four high ones. The last
/// level's output is computed with both high parts, and a public bit picks one. A further κ opens the generate and
/// propagate bits of its middle and the result: 3 bits up to span − step = 4, else 7.
struct GridSignProtocol: Sendable {
    let step: Int
    let span: Int
    let count: Int
    let sharesHeld: Bool
    private let chains: CarryChains
    /// How many groups the high part has before the last level.
    private let highGroups: Int
    private let products: SubsetProducts

    init(step: Int, span: Int, count: Int, sharesHeld: Bool = false) {
        precondition(
            0 < step && step <= 16 && step < span && span <= step + 16 && span < 63,
            "a grid of 2^\(step) in 2^\(span)"
        )
        self.step = step
        self.span = span
        self.count = count
        self.sharesHeld = sharesHeld
        chains = CarryChains(
            [
                CarryLevelOne.Section(low: 0, width: step, reading: .sign, instances: 1),
                CarryLevelOne.Section(low: step, width: span - step, reading: .all, instances: count),
                CarryLevelOne.Section(low: span, width: 63 - span, reading: .all, instances: 2),
            ],
            levels: 1
        )
        highGroups = carryGroups(carryGroups(63 - span).count).count
        let groups = highGroups
        let terms = (0..<2).flatMap { GridSignProtocol.terms(high: $0, groups: groups) }
        products = SubsetProducts(terms: terms, held: .max)
    }

    // MARK: The last level

    // Variables: 0, the low part generates; 1 and 2, the middle generates and propagates; then both bits of every high
    // group, of the one high part after the other's.
    private static let middle: UInt64 = 0b110

    /// The terms of the whole chain's generate bit, with one of the high parts.
    private static func terms(high: Int, groups: Int) -> [UInt64] {
        let generate = [0, 1] + (0..<groups).map { 3 + 2 * (high * groups + $0) }
        let propagate = [63, 2] + (0..<groups).map { 4 + 2 * (high * groups + $0) }
        return generate.indices.map { j in
            propagate[(j + 1)...].reduce(1 << UInt64(generate[j])) { $0 | 1 << UInt64($1) }
        }
    }

    /// Products that don't involve the middle are dealt once.
    private var common: [Int] {
        products.dealt.indices.filter { products.dealt[$0] & GridSignProtocol.middle == 0 }
    }

    private var own: [Int] {
        products.dealt.indices.filter { products.dealt[$0] & GridSignProtocol.middle != 0 }
    }

    private func variables<Bits: Sendable>(_ chains: [[CarryPair<Bits>]], _ position: Int) -> [Int: Bits] {
        var variables = [
            0: chains[0][0].generate!, 1: chains[1 + position][0].generate!, 2: chains[1 + position][0].propagate!,
        ]
        for high in 0..<2 {
            for (group, pair) in chains[1 + count + high].enumerated() {
                variables[3 + 2 * (high * highGroups + group)] = pair.generate!
                variables[4 + 2 * (high * highGroups + group)] = pair.propagate!
            }
        }
        return variables
    }

    // MARK: Cost

    let openings = 3

    func dealtPlanes(_ level: Int) -> Int {
        switch level {
        case 0: chains.dealtPlanes(0) + (sharesHeld ? 1 : 0)
        case 1: chains.dealtPlanes(1)
        default: common.count + count * own.count
        }
    }

    func openedPlanes(_ level: Int) -> Int {
        level < 2 ? chains.openedPlanes(level) : count
    }

    func cost(_ elements: Int) -> [StageCost] {
        (0..<openings).map { level in
            .slabs(of: elements, openedPlanes: openedPlanes(level)) {
                Slabs.bitWords(planes: dealtPlanes(level), count: $0)
            }
        } + [StageCost()]
    }

    // MARK: The dealer

    func deal(_ mask: RingTensor, _ context: DealerStage) throws {
        let top = context.kernels.planes(of: mask, from: 63, count: 1)
        try chains.deal(mask, topMask: top, dealsTop: sharesHeld, context)
    }

    func deal(level: Int, _ context: DealerStage) throws {
        guard level == 2 else { return try chains.deal(level: level, context) }
        var state = chains.finish(context)
        let kernels = context.kernels
        var dealt: [BitPlanes] = []
        for position in 0..<count {
            let masks = products.masks(variables(state.chains, position), kernels)
            if position == 0 { dealt += common.map { masks[$0] } }
            dealt += own.map { masks[$0] }
        }
        let elements = dealt[0].count
        try context.deal(kernels.bundle(dealt))
        let opened = context.openBitMask(planes: count, count: elements)
        state.chains = (0..<count).map { [CarryPair(generate: opened[$0], propagate: nil)] }
        context.memory.carryMasks.append(state)
    }

    func finish(_ context: DealerStage) -> [BitPlanes] {
        let state = context.memory.carryMasks.removeFirst()
        return state.chains.map { context.kernels.xor($0[0].generate!, state.topMask!) }
    }

    // MARK: A party

    func evaluate(_ hat: RingTensor, start: UInt64, positions: [Int], _ context: PartyStage) throws {
        let kernels = context.kernels
        let first = kernels.add(hat, scalar: 0 &- start)
        let middle = kernels.lowBits(kernels.shiftRight(first, by: step), span - step)
        let values = positions.map { kernels.add(first, scalar: 0 &- UInt64($0) << UInt64(step)) }
        let tops = values.map { kernels.planes(of: $0, from: 63, count: 1) }
        let borrows = positions.map {
            kernels.planes(of: kernels.add(middle, scalar: 0 &- UInt64($0)), from: 63, count: 1)
        }
        let less = kernels.add(first, scalar: 0 &- 1 << UInt64(span))
        try chains.evaluate(
            [[first], values, [first, less]],
            count: hat.count,
            known: kernels.bundle(tops + borrows),
            dealsTop: sharesHeld,
            context
        )
    }

    func evaluate(level: Int, _ context: PartyStage) throws {
        guard level == 2 else { return try chains.evaluate(level: level, context) }
        var state = try chains.finish(context)
        let (kernels, common, own) = (context.kernels, common, own)
        let elements = state.chains[0][0].generate!.hat.count
        let dealt = try context.correlationBits(planes: dealtPlanes(2), count: elements)
        let terms = (0..<2).map { GridSignProtocol.terms(high: $0, groups: highGroups) }
        var sums: [BitPlanes] = []
        // What doesn't involve the middle is the same for all positions.
        var shared: [BitPlanes] = []
        for position in 0..<count {
            let variables = variables(state.chains, position)
            var shares: [UInt64: BitPlanes] = [:]
            for (variable, bits) in variables { shares[1 << UInt64(variable)] = bits.maskShare }
            for (plane, index) in common.enumerated() { shares[products.dealt[index]] = dealt[plane] }
            for (plane, index) in own.enumerated() {
                shares[products.dealt[index]] = dealt[common.count + position * own.count + plane]
            }
            if position == 0 {
                shared = terms.map { SubsetProducts.share(ofSum: Array($0[2...]), variables, shares, context) }
            }
            let both = (0..<2).map { high in
                var sum = SubsetProducts.share(ofSum: Array(terms[high][..<2]), variables, shares, context)
                kernels.accumulate(&sum, xor: shared[high])
                return sum
            }
            var choice = both[0]
            kernels.accumulate(&choice, xorAndOf: kernels.xor(both[0], both[1]), state.known![count + position])
            sums.append(choice)
        }
        try context.open(kernels.bundle(sums))
        state.chains = []
        context.memory.carries.append(state)
    }

    func finish(_ context: PartyStage) throws -> [MaskedBits] {
        let state = context.memory.carries.removeFirst()
        let opened = try context.openedBits()
        return (0..<count).map { position in
            MaskedBits(
                hat: context.kernels.xor(opened.hat[position], state.known![position]),
                maskShare: state.topMask.map { context.kernels.xor(opened.maskShare![position], $0) }
            )
        }
    }
}
