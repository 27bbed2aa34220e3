package import CrypTenRing

/// The maximum of two to four wires element by element, and what belongs to the winner; of equal ones the first wins.
///
/// All pairs are compared at once, `[x_i < x_j]` for i < j. Of two wires the bit selects at once; else operand k wins where it
/// beats every other one, an AND of fan-in operands − 1, which is opened for all but the last. With the bits w_k a selection
/// gives `x_last + Σ w_k·(x_k − x_last)`, and the payload in the same way.
///
/// Operands: the wires, all of one shape and with shares of their masks or all without; then the payload's wires, where it
/// has them. Yields a share of the maximum and, with a payload, a share of the winner's; where `yieldsWinners` then the masked bits w_k for
/// all operands but the last, with XOR shares of their masks: the last one wins where no other does.
/// - Complexity: 3 rounds for two, 39 bits opened and 57 bytes dealt an element; 4 rounds for more, 119 bits and 237 bits for
///   three and four, and 156.6 and 296.25 bytes. Without shares of the masks 8 bytes more are dealt an operand. Public
///   payloads cost nothing, wires 8 bytes for each operand but one.
/// > Note: exact where the difference of any two operands fits in 63 bits: |x| < 2^62.
/// > Security: Semi-honest, up to all parties but one; shows nothing but the shape.
package struct MaximumGate: Gate {
    package static let name = "maximum"

    /// What the winner brings along.
    package enum Payload: Hashable, Sendable, Codable {
        case none
        /// A public number for each operand, as an index.
        case constants([UInt64])
        /// A further wire for each operand.
        case wires(sharesHeld: Bool)
    }

    package let shape: Shape
    package let operands: Int
    package let sharesHeld: Bool
    package let payload: Payload
    package let yieldsWinners: Bool

    package init(
        shape: Shape,
        operands: Int,
        sharesHeld: Bool,
        payload: Payload = .none,
        yieldsWinners: Bool = false
    ) {
        self.shape = shape
        self.operands = operands
        self.sharesHeld = sharesHeld
        self.payload = payload
        self.yieldsWinners = yieldsWinners
        trapUnlessValid()
    }

    package func check() throws {
        try require((2...4).contains(operands), "the maximum of \(operands) operands")
        if case .constants(let numbers) = payload {
            try require(numbers.count == operands, "\(numbers.count) numbers for \(operands) operands")
        }
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: wires)
        for index in 0..<wires {
            var held = sharesHeld
            if index >= self.operands, case .wires(let payloadHeld) = payload { held = payloadHeld }
            try operands.wire(index, count: shape.count, form: WireForm(sharesHeld: held))
        }
        let winners = OperandType.bits(count: shape.count, sharesHeld: true)
        return [OperandType](repeating: .share(shape), count: shares)
            + [OperandType](repeating: winners, count: yieldsWinners ? self.operands - 1 : 0)
    }

    /// How many shares it yields.
    package var shares: Int {
        payload == .none ? 1 : 2
    }

    /// Of two operands the sign decides who wins; of more, a bit that is opened for it.
    private var signs: SignProtocol {
        SignProtocol(bits: 64, sharesHeld: yieldsWinners && operands == 2)
    }

    /// All pairs of a slab are compared as one, so that few calls do much: with three pairs half as many elements make as much
    /// work as a sign's slab, with six a quarter.
    private func parts(of slabs: Slabs) -> Slabs {
        slabs.divided(by: 1 << (operands - 2))
    }

    /// (0, 1), (0, 2), …: variable p of the ANDs is `[x_i < x_j]` of pair p.
    private var pairs: [(Int, Int)] {
        (0..<operands).flatMap { i in (i + 1..<operands).map { (i, $0) } }
    }

    /// The pairs that decide whether operand k wins, for all but the last; of two operands, no AND is needed.
    private var terms: [UInt64] {
        guard operands > 2 else { return [] }
        return (0..<operands - 1).map { k in
            pairs.enumerated().reduce(0) { $1.element.0 == k || $1.element.1 == k ? $0 | 1 << UInt64($1.offset) : $0 }
        }
    }

    private var products: SubsetProducts {
        SubsetProducts(terms: terms, held: 0)
    }

    private var wires: Int {
        if case .wires = payload { 2 * operands } else { operands }
    }

    package var stages: Int {
        signs.openings + (operands > 2 ? 2 : 1)
    }

    /// The difference of each pair, one after the other, each filled up with zeros to whole words of bits.
    private func differences(_ values: [RingTensor], _ kernels: any Kernels) -> RingTensor {
        let gap = (64 - values[0].count % 64) % 64
        let padding = gap == 0 ? [] : [RingTensor(zeros: [gap])]
        return kernels.concatenate(
            pairs.flatMap { [kernels.subtract(values[$0.0], values[$0.1])] + padding },
            axis: 0
        )
    }

    /// Where the bits of each pair are among those of `differences`.
    private func parts(_ count: Int) -> [Range<Int>] {
        let step = BitPlanes.words(for: count) * 64
        return pairs.indices.map { $0 * step..<$0 * step + count }
    }

    // MARK: The masks

    package func deal<Stage: DealStage>(stage: Int, _ context: Stage) throws {
        let signs = signs
        if stage == 0 {
            context.memory.wireMasks = (0..<wires).map { context.wire($0) }
            precondition(
                context.memory.wireMasks.allSatisfy { $0.alternative == nil },
                "a maximum is of ordinary wires"
            )
        }
        var won: [Stage.Bits] = []
        for slab in parts(of: context.slabs).of(shape.count) {
            switch stage {
            case 0:
                let masks = context.memory.wireMasks.map { context.slab($0.mask, slab) }
                let differences = WireMask(mask: differences(masks, slab.count, context), sharesHeld: sharesHeld)
                let compared = BitPlanes.words(for: slab.count) * 64 * pairs.count
                try signs.deal(differences, count: compared, context)
            case 1..<signs.openings:
                try signs.deal(level: stage, context)
            case signs.openings:
                let negative = signs.finish(context).negative[0]
                let less = parts(slab.count).map { context.slab(negative, $0) }
                if operands > 2 {
                    try context.dealProducts(winnersMasks, of: less)
                    context.memory.bits.append(context.openBitMask(planes: operands - 1, count: slab.count))
                } else {
                    won.append(less[0])
                    try dealSelections(less[0], slab, context)
                }
            default:
                won.append(context.memory.bits.removeFirst())
                try dealSelections(won[won.count - 1], slab, context)
            }
        }
        guard stage == stages - 1 else { return }
        for _ in 0..<shares { context.yield(.nothing) }
        guard yieldsWinners else { return }
        for k in 0..<operands - 1 {
            context.yield(.bits(context.join(won.map { context.plane($0, k) }, count: shape.count)))
        }
    }

    /// The differences of pairs of masks, laid out as those of the public parts.
    private func differences<Stage: DealStage>(_ masks: [Stage.Words], _ count: Int, _ context: Stage) -> Stage.Words {
        let gap = (64 - count % 64) % 64
        let padding = gap == 0 ? [] : [context.zeros([gap])]
        let parts = pairs.flatMap { [context.subtract(masks[$0.0], masks[$0.1])] + padding }
        return context.apply(.concatenate(axis: 0), to: parts)
    }

    /// What the selection by the masks of the winners' bits needs.
    private func dealSelections<Stage: DealStage>(
        _ won: Stage.Bits,
        _ slab: Range<Int>,
        _ context: Stage
    ) throws {
        let values = context.memory.wireMasks.map { context.slab($0, slab) }
        for value in values { try context.dealMask(of: value) }
        for k in 0..<operands - 1 {
            let bit = context.plane(won, k)
            try context.dealNumber(of: bit)
            for first in stride(from: 0, to: wires, by: operands) {
                let difference = context.subtract(values[first + k].mask, values[first + operands - 1].mask)
                try context.dealSelection(bit, of: WireMask(mask: difference, sharesHeld: values[first + k].sharesHeld))
            }
        }
    }

    // MARK: A party

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let (signs, kernels) = (signs, context.kernels)
        if stage == 0 { context.memory.wires = (0..<wires).map { context.wire($0) } }
        var done: [[RingTensor]] = []
        var won: [MaskedBits] = []
        for slab in parts(of: context.slabs).of(shape.count) {
            switch stage {
            case 0:
                let hats = differences(context.memory.wires.map { $0.hat.flat(slab) }, kernels)
                try signs.evaluate(hats, thresholds: [0], context)
            case 1..<signs.openings:
                try signs.evaluate(level: stage, context)
            case signs.openings:
                let negative = try signs.finish(context).negative[0]
                let hats = parts(slab.count).map { kernels.slab(negative.hat, $0) }
                if operands > 2 {
                    try openWinners(hats, context)
                } else {
                    let masks = negative.maskShare.map { kernels.slab($0, parts(slab.count)[0]) }
                    won.append(MaskedBits(hat: kernels.not(hats[0]), maskShare: masks))
                    done.append(try select(won[won.count - 1].hat, slab, context))
                }
            default:
                won.append(try context.openedBits())
                done.append(try select(won[won.count - 1].hat, slab, context))
            }
        }
        guard stage == stages - 1 else { return }
        for output in 0..<shares {
            context.yield(.share(kernels.join(done.map { $0[output] }, shape: shape)))
        }
        guard yieldsWinners else { return }
        for k in 0..<operands - 1 { context.yield(.bits(kernels.join(won.map { $0[k] }, count: shape.count))) }
    }

    /// Opens whether operand k beats all others, for all but the last.
    private func openWinners(_ less: [BitPlanes], _ context: PartyStage) throws {
        let dealt = try context.correlationBits(planes: products.dealt.count, count: less[0].count)
        let program = winners(context.isFirst ? .firstParty : .party)
        try context.open(context.kernels.run(program, on: less + [dealt]))
    }

    private struct ProgramName: Hashable {
        var operands: Int
        var role: LevelRole
    }

    private static let programs = Memo<ProgramName, BitProgram>()

    private static let maskProducts = Memo<Int, BitProducts>()

    /// What is dealt of the masks of the pairs' bits, a block each.
    private var winnersMasks: BitProducts {
        MaximumGate.maskProducts.value(operands) { _ in
            let variables = pairs.indices.map { ($0, BitProducts.Place(block: $0, plane: 0)) }
            return BitProducts(
                blocks: pairs.map { _ in 1 },
                products: products.masks(Dictionary(uniqueKeysWithValues: variables))
            )
        }
    }

    /// What a party computes of the winners: of the public parts of the pairs' bits and what is dealt.
    private func winners(_ role: LevelRole) -> BitProgram {
        MaximumGate.programs.value(ProgramName(operands: operands, role: role)) { _ in
            var program = BitProgram.Builder()
            let less = pairs.indices.map { _ in program.input(planes: 1)[0] }
            let products = products
            let dealt = program.input(planes: products.dealt.count)
            let won = terms.enumerated().map { k, term in
                // k beats a later operand where it isn't less, and an earlier one where that is less.
                let beats = pairs.enumerated().map { index, pair in
                    (index, pair.0 == k ? program.not(less[index]) : less[index])
                }
                let shares = products.shares(
                    hats: Dictionary(uniqueKeysWithValues: beats),
                    held: [:],
                    dealt: dealt,
                    first: role == .firstParty
                )
                return shares.sum([(term, nil)], &program)
            }
            return program.program(won)
        }
    }

    /// The maximum and the payload of a slab, by the public parts of the winners' bits.
    private func select(_ won: BitPlanes, _ slab: Range<Int>, _ context: PartyStage) throws -> [RingTensor] {
        let kernels = context.kernels
        let values = context.memory.wires.map { $0.slab(slab, kernels) }
        let masks = try values.map { try context.mask(of: $0) }
        let lasts = stride(from: operands - 1, to: wires, by: operands)
        var out = lasts.map { context.unmasked(values[$0], mask: masks[$0]) }
        if case .constants(let numbers) = payload {
            out.append(context.first(RingTensor(repeating: numbers[operands - 1], shape: [slab.count])))
        }
        for k in 0..<operands - 1 {
            let beta = try context.correlation([slab.count])
            for (output, last) in lasts.enumerated() {
                let index = last - (operands - 1) + k
                let difference = MaskedWire(hat: kernels.subtract(values[index].hat, values[last].hat), maskShare: nil)
                let mask = kernels.subtract(masks[index], masks[last])
                let gain = try context.selection(won[k], beta: beta, of: difference, mask: mask)
                kernels.accumulate(&out[output], adding: gain)
            }
            if case .constants(let numbers) = payload {
                let bit = context.arithmetic(won[k], mask: beta)
                kernels.accumulate(&out[1], adding: bit, times: numbers[k] &- numbers[operands - 1])
            }
        }
        return out
    }

    // MARK: Cost

    package func streams(slabs: Slabs) -> Int {
        parts(of: slabs).count(of: shape.count) * (wires + (operands - 1) * (1 + wires / operands))
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        let (signs, pairs, slabs) = (signs, pairs, parts(of: slabs))
        var cost = signs.cost(shape.count, slabs: slabs)
        for level in 0..<signs.openings {
            for index in cost[level].openings.indices { cost[level].openings[index].words *= pairs.count }
            cost[level].correctionWords *= pairs.count
        }
        let products = products
        if operands > 2 {
            cost[signs.openings] = slabs.cost(of: shape.count, openedPlanes: operands - 1) {
                Slabs.bitWords(planes: products.dealt.count, count: $0)
            }
            cost.append(StageCost())
        }
        var words = sharesHeld ? 0 : operands
        if case .wires(let payloadHeld) = payload { words += payloadHeld ? 0 : operands }
        words += (operands - 1) * (1 + wires / operands)
        cost[cost.count - 1] = slabs.cost(of: shape.count) { words * $0 }
        return cost
    }

    package var redacted: MaximumGate {
        guard case .constants(let numbers) = payload else { return self }
        return MaximumGate(
            shape: shape,
            operands: operands,
            sharesHeld: sharesHeld,
            payload: .constants([UInt64](repeating: 0, count: numbers.count)),
            yieldsWinners: yieldsWinners
        )
    }
}
