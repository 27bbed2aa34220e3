internal import CrypTenRing

/// The sign of a masked value less constants, staged: what `SignGate` is, and other gates begin with.
///
/// A value v of `bits` bits is c − r with c = v^ public and r = λ its mask. Its top bit is that of c, XOR that of r, XOR
/// the borrow from the bits below: `[low bits of r > low bits of c]`. The borrow is a chain of groups of four bits
/// (`CarryChains`): 16 + 15, then 4 + 3, then 1 bits are opened for the whole ring. Constants change c alone, so level one
/// is dealt once for all of them. Where all groups propagate, the low bits are equal: then v is 0 or −2^(bits − 1).
struct SignProtocol: Sendable {
    let bits: Int
    let thresholds: Int
    let equality: Bool
    /// Whether the parties get XOR shares of the mask of the sign, at one more bit dealt.
    let sharesHeld: Bool
    private let chains: CarryChains

    init(bits: Int, thresholds: Int = 1, equality: Bool = false, sharesHeld: Bool = false) {
        precondition((2...64).contains(bits), "the sign of \(bits) bits")
        precondition(!equality || thresholds == 1, "equality is of one value")
        self.bits = bits
        self.thresholds = thresholds
        self.equality = equality
        self.sharesHeld = sharesHeld
        chains = CarryChains([
            CarryLevelOne.Section(
                low: 0,
                width: bits - 1,
                reading: equality ? .all : .sign,
                instances: thresholds
            )
        ])
    }

    var openings: Int {
        chains.openings
    }

    func dealtPlanes(_ level: Int) -> Int {
        chains.dealtPlanes(level) + (level == 0 && sharesHeld ? 1 : 0)
    }

    func openedPlanes(_ level: Int) -> Int {
        chains.openedPlanes(level)
    }

    // MARK: The masks

    /// The first stage, of a slab of so many elements with this mask (either one, of a truncation read in place).
    func deal<Stage: DealStage>(_ wire: WireMask<Stage.Words>, count: Int, _ context: Stage) throws {
        try chains.deal(wire, top: bits - 1, dealsTop: sharesHeld, count: count, context)
    }

    func deal(level: Int, _ context: some DealStage) throws {
        try chains.deal(level: level, context)
    }

    /// The last level of the slab that comes next, for `share`.
    func dealLast(_ context: some DealStage) throws {
        try chains.dealLast(context)
    }

    func finish<Stage: DealStage>(_ context: Stage) -> (negative: [Stage.Bits], zero: Stage.Bits?) {
        let (pairs, state) = chains.finish(context)
        let negative = pairs.map { context.xor([$0[0].generate!, state.topMask!], count: state.count) }
        return (negative, equality ? pairs[0][0].propagate : nil)
    }

    // MARK: A party

    /// The first stage, of a slab of a public `hat`, less each threshold.
    func evaluate(_ hat: RingTensor, thresholds: [UInt64], _ context: PartyStage) throws {
        let kernels = context.kernels
        let hat = try context.bitwise(hat)
        let values = thresholds.map { $0 == 0 ? hat : kernels.add(hat, scalar: 0 &- $0) }
        let tops = kernels.bundle(values.map { kernels.planes(of: $0, from: bits - 1, count: 1) })
        try chains.evaluate([values], count: hat.count, known: tops, dealsTop: sharesHeld, context)
    }

    func evaluate(level: Int, _ context: PartyStage) throws {
        try chains.evaluate(level: level, context)
    }

    /// This party's XOR share of the sign by the one threshold, out of the last level, which isn't opened.
    func share(_ context: PartyStage) throws -> BitPlanes {
        let (borrow, state) = try chains.lastShares(context)
        let share = context.kernels.xor(borrow, state.topMask!)
        return context.isFirst ? context.kernels.xor(share, state.known!) : share
    }

    func finish(_ context: PartyStage) throws -> (negative: [MaskedBits], zero: MaskedBits?) {
        let (pairs, state) = try chains.finish(context)
        let negative = pairs.enumerated().map { index, chain in
            let borrow = chain[0].generate!
            return MaskedBits(
                hat: context.kernels.xor(borrow.hat, state.known![index]),
                maskShare: state.topMask.map { context.kernels.xor(borrow.maskShare!, $0) }
            )
        }
        return (negative, equality ? pairs[0][0].propagate : nil)
    }
}
