import CrypTenBase
import CrypTenCorrelations
import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// Elementwise products and powers of so many elements that they are made in slots.
@Suite("Products of two parties in slots")
struct PairSlotTests {
    /// More than a piece of 65,536, whole chunks and some, and few.
    static let counts = [70_000, 2 * 8_192 + 100, 8_192, 5_000]

    private static let edges: [UInt64] = [0, 1, 1 << 63, 1 << 63 - 1, .max, 1 << 62, 0xFFFF, 0x10000]

    /// By party: its part of a mask, or zeros where the other one knows it alone.
    static func parts(_ count: Int, seed: UInt64, knownTo known: Int? = nil) -> [RingTensor] {
        (0..<2).map { party in
            guard known ?? party == party else { return RingTensor(zeros: [count]) }
            var numbers = Numbers(seed: seed &* 2 &+ UInt64(party))
            let words = numbers.words(count).enumerated().map { i, word in
                i % 3 == 0 ? edges[(i / 3 + party * (i / 24)) % 8] : word
            }
            return RingTensor(words, shape: [count])
        }
    }

    struct Made: Sendable {
        var words: [[UInt64]]
        var cost: PairCost
        var sent: Int
        var transfers: [TransferCounters]
        var messages: [[UInt64]]
    }

    /// What both parties have made of requests for words.
    static func made(
        limit: Int = PairRun.usualLimit,
        records: Bool = false,
        keys: UInt64 = 7,
        _ request: @escaping @Sendable (PairRun) throws -> [PairWords]
    ) throws -> [Made] {
        try PairOfThreads(records: records).run { pair, channel in
            let none = ExpansionKey(low: 1, high: UInt64(pair.party))
            let run = PairRun(
                pair: pair,
                slabs: Slabs(bits: 12),
                keys: RunKeys(masks: none, bitMasks: none, correlations: none, orders: none),
                seeds: none,
                lattice: ExpansionKey(low: keys, high: UInt64(pair.party)),
                channel: channel,
                sink: NoSink(),
                limit: limit
            )
            let words = try request(run)
            try run.exchange()
            return Made(
                words: try words.map { try $0.part.value().elements },
                cost: pair.cost,
                sent: channel.sent,
                transfers: [pair.counters.sending, pair.counters.choosing],
                messages: channel.messages
            )
        }
    }

    private final class NoSink: PairSink {
        func correlation(_ words: RingTensor) throws {}
        func difference(_ words: RingTensor?) throws {}
    }

    static func words(_ parts: [RingTensor], _ run: PairRun, knownTo: Int? = nil) -> PairWords {
        let part = parts[run.pair.party]
        return PairWords(count: part.count, part: Later(part), knownTo: knownTo)
    }

    static func total(_ made: [Made], _ index: Int = 0) -> [UInt64] {
        zip(made[0].words[index], made[1].words[index]).map { $0 &+ $1 }
    }

    static func mask(_ parts: [RingTensor]) -> [UInt64] { zip(parts[0].elements, parts[1].elements).map { $0 &+ $1 } }

    @Test("a product is that of the masks, whoever knows them, and costs what is counted", arguments: counts)
    func products(count: Int) throws {
        for (x, y) in [(nil, nil), (0, nil), (nil, 1), (1, 0), (0, 0)] as [(Int?, Int?)] {
            let left = Self.parts(count, seed: 1, knownTo: x)
            let right = Self.parts(count, seed: 2, knownTo: y)
            let form = MaskedProduct(
                operation: .multiply,
                left: [count],
                right: [count],
                leftZeroExcept: x,
                rightZeroExcept: y
            )
            let made = try Self.made { run in
                [try run.products.product(form, Self.words(left, run), Self.words(right, run), in: run)]
            }
            #expect(Self.total(made) == zip(Self.mask(left), Self.mask(right)).map { $0 &* $1 })
            let hasCrossTerms = x == nil || x != y
            let chunks = LatticeSlots.words.chunks(count % 8_192 < 200 ? count - count % 8_192 : count)
            let (cost, terms) = (made[0].cost, x == nil && y == nil ? 2 : 1)
            #expect(cost == made[1].cost)
            #expect(cost.ciphertexts == (hasCrossTerms ? 3 * chunks * terms : 0))
            #expect(cost.answers == (hasCrossTerms ? 3 * chunks : 0))
            #expect(cost.exchanges == (hasCrossTerms ? 2 : 0))
            #expect((0..<2).allSatisfy { made[$0].sent * 8 == cost.sentBytes[$0] })
            #expect(
                made[0].transfers == cost.weighed
                    && cost.transfers == 64 * terms * (hasCrossTerms ? max(0, count - 8_192 * chunks) : 0)
            )
            // Who counts needs no words.
            let counting = PairRun(counting: Pair(counting: .two), slabs: Slabs(bits: 12))
            let unread = { (known: Int?) in PairWords(count: count, part: Later<RingTensor>.unread(), knownTo: known) }
            _ = try counting.products.product(form, unread(nil), unread(nil), in: counting)
            try counting.exchange()
            #expect(counting.pair.cost == cost)
        }
    }

    @Test("operands are broadcast where that takes least", arguments: [(nil, nil), (0, 1)] as [(Int?, Int?)])
    func broadcast(x: Int?, y: Int?) throws {
        let (left, right) = (Self.parts(9_000, seed: 8, knownTo: x), Self.parts(90, seed: 9, knownTo: y))
        let form = MaskedProduct(
            operation: .multiply,
            left: [100, 90],
            right: [90],
            leftZeroExcept: x,
            rightZeroExcept: y
        )
        let made = try Self.made { run in
            [try run.products.product(form, Self.words(left, run), Self.words(right, run), in: run)]
        }
        let row = Self.mask(right)
        #expect(Self.total(made) == Self.mask(left).enumerated().map { $1 &* row[$0 % 90] })
        // A chunk, and 808 elements by transfers.
        let terms = x == nil ? 2 : 1
        #expect(made[0].cost.ciphertexts == 3 * terms && made[0].cost.answers == 3)
        #expect(made[0].cost.transfers == 64 * terms * 808)
    }

    @Test("what is known first is encrypted, so that the product comes an exchange earlier")
    func first() throws {
        let count = 8_192
        let (x, y) = (Self.parts(count, seed: 10), Self.parts(count, seed: 11, knownTo: 1))
        for isRight in [false, true] {
            let made = try Self.made { run in
                let square = try run.product(Self.words(x, run), Self.words(x, run))
                let other = Self.words(y, run, knownTo: 1)
                return [try isRight ? run.product(square, other) : run.product(other, square)]
            }
            #expect(Self.total(made) == zip(Self.mask(x), Self.mask(y)).map { $0 &* $0 &* $1 })
            #expect(made[0].cost.exchanges == 3)
        }
    }

    @Test("powers are those of the mask", arguments: [2, 3, 5, 6])
    func powers(degree: Int) throws {
        let count = 2 * 8_192 + 40
        let parts = Self.parts(count, seed: 3)
        let made = try Self.made { run in try run.powers(Self.words(parts, run), degree: degree) }
        for index in 0..<degree - 1 {
            let want = Self.mask(parts).map { x in (0...index).reduce(x) { power, _ in power &* x } }
            #expect(Self.total(made, index) == want)
        }
        // A sum of five products would be more than an answer may have.
        #expect(made[0].cost.ciphertexts == (degree <= 5 ? 6 * (degree - 1) : 0))
        #expect(made[0].cost == made[1].cost)
    }

    @Test(
        "products of what is known after an exchange come after it, and the key before all",
        arguments: [false, true]
    )
    func later(byTransfers: Bool) throws {
        let count = 8_192
        let (x, y) = (Self.parts(count, seed: 4), Self.parts(count, seed: 5))
        let made = try Self.made { run in
            let product = { try run.product(Self.words(x, run), Self.words(y, run)) }
            // By transfers, so that nobody has encrypted anything when the cube waits for it.
            let square = byTransfers ? run.pair.product(Self.words(x, run), Self.words(y, run)) : try product()
            let cube = try run.product(square, Self.words(y, run))
            return [cube, try product(), try product()]
        }
        let (xs, ys) = (Self.mask(x), Self.mask(y))
        #expect(Self.total(made) == zip(xs, ys).map { $0 &* $1 &* $1 })
        for index in 1...2 { #expect(Self.total(made, index) == zip(xs, ys).map { $0 &* $1 }) }
        #expect(made[0].cost.exchanges == 4)
    }

    @Test("where little may wait, products go in turns")
    func turns() throws {
        let count = 70_000
        let (x, y) = (Self.parts(count, seed: 6), Self.parts(count, seed: 7))
        let made = try Self.made(limit: 1 << 20) { run in [try run.product(Self.words(x, run), Self.words(y, run))] }
        #expect(Self.total(made) == zip(Self.mask(x), Self.mask(y)).map { $0 &* $1 })
        #expect(made[0].cost.turns > 1 && made[0].cost == made[1].cost)
    }

    @Test("small products, and what is left of large ones, are made by transfers")
    func rule() {
        let product = ElementwiseWork.product(crossTerms: 1)
        #expect(product.inSlots(of: 1_024) == 0)
        #expect(product.inSlots(of: 8_191) == 8_191)
        #expect(product.inSlots(of: 8_192 + 10) == 8_192)
        #expect(product.inSlots(of: 3 * 8_192 - 10) == 3 * 8_192 - 10)
        #expect(ElementwiseWork.product(crossTerms: 0).inSlots(of: 1 << 20) == 0)
        #expect(ElementwiseWork.powers(degree: 6).inSlots(of: 1 << 20) == 0)
    }

    /// Hypothesis as in `PairMessageTests`; three comparisons of each party.
    @Test("messages are as long, and as distributed, whatever the masks are")
    func messages() throws {
        let count = 8_192
        let bound = chiSquareBound(degrees: 255, falseAlarm: 1e-10)
        func sent(_ word: UInt64, _ keys: UInt64) throws -> [Made] {
            let part = RingTensor(repeating: word, shape: [count])
            return try Self.made(records: true, keys: keys) { run in
                let words = PairWords(count: count, part: Later(part))
                return [try run.product(words, words)]
            }
        }
        let all = try [sent(0, 1), sent(.max, 2), sent(0x0101_0101_0101_0101, 3)]
        Self.expectAlike(all, bound: bound)
    }

    /// Expects that each party's messages are as long, and their bytes as distributed, in all runs.
    static func expectAlike(_ all: [[Made]], bound: Double) {
        for party in 0..<2 {
            let lengths = all.map { $0[party].messages.map(\.count) }
            #expect(lengths.allSatisfy { $0 == lengths[0] })
            for exchange in all[0][party].messages.indices where lengths[0][exchange] > 0 {
                for (a, b) in [(0, 1), (0, 2), (1, 2)] {
                    let statistic = chiSquareOfBytes(
                        all[a][party].messages[exchange],
                        against: all[b][party].messages[exchange]
                    )
                    #expect(statistic < bound, "party \(party), exchange \(exchange + 1)")
                }
            }
        }
    }
}
