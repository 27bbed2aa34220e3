import CrypTenCorrelations
import CrypTenGates
import CrypTenRing
import Foundation
import Testing
import _CrypTenTestSupport

/// Powers of two of so many elements that the product of their fractions is made in slots.
@Suite("Powers of two of two parties in slots")
struct PairOctaveTests {
    private struct Made: Sendable {
        var entries: [PairedEntry]
        var cost: PairCost
        var sent: Int
        var transfers: [TransferCounters]
    }

    private static func ask(_ run: PairRun, _ words: RingTensor?, _ bits: BitPlanes?, count: Int) throws {
        let stage = PairStage(run, inputs: [], memory: MaskMemory(), numbers: StreamNumbers())
        let wire =
            words.map { run.wire($0, sharesHeld: true) } ?? run.wire([count], .unread(), sharesHeld: true)
        let selecting = bits.map { run.bits($0) } ?? PairPlanes(PairBits(planes: 1, count: count, part: .unread()))
        try stage.dealOctaves(of: wire.mask, where: selecting, entries: 4, octaves: 16, fractionBits: 20)
        try run.exchange()
    }

    /// Of a chunk or two, and what is left where that is too few for another one.
    @Test("are those of the mask, and cost what is counted", arguments: [8_192, 2 * 8_192 + 100, 5_000])
    func octaves(count: Int) throws {
        var numbers = Numbers(seed: 21)
        let parts = (0..<2).map { _ in RingTensor(numbers.words(count), shape: [count]) }
        let planes = (0..<2).map { _ in numbers.planes(1, count: count) }
        let made = try PairOfThreads(records: false).run { pair, channel -> Made in
            let key = ExpansionKey(low: 5, high: UInt64(pair.party))
            let sink = PairedSink()
            let run = PairRun(
                pair: pair,
                slabs: .usual,
                keys: RunKeys(masks: key, bitMasks: key, correlations: key, orders: key),
                seeds: key,
                lattice: ExpansionKey(low: 6, high: UInt64(pair.party)),
                channel: channel,
                sink: sink
            )
            try Self.ask(run, parts[pair.party], planes[pair.party], count: count)
            return Made(
                entries: sink.entries,
                cost: pair.cost,
                sent: channel.sent,
                transfers: [pair.counters.sending, pair.counters.choosing]
            )
        }
        let cost = made[0].cost
        let left = count % 8_192 < 200 ? count % 8_192 : 0
        let chunks = LatticeSlots.real.chunks(count - left)
        #expect(cost == made[1].cost && cost.ciphertexts == 2 * chunks && cost.answers == 2 * chunks)
        // 25 transfers and 25 · 91 bits less than by transfers.
        #expect(cost.transfers == 27 * count + 25 * left)
        #expect(cost.messageBits == 3_440 * count + 25 * 91 * left)
        #expect((0..<2).allSatisfy { made[$0].sent * 8 == cost.sentBytes[$0] } && made[0].transfers == cost.weighed)
        let counting = PairRun(counting: Pair(counting: .two), slabs: .usual)
        try Self.ask(counting, nil, nil, count: count)
        #expect(counting.pair.cost == cost)

        // d is dealt first, and then for each e what is 2^(16 e − r) where the bit is 1, and what is where it is 0.
        let d = made[0].entries.differences[0]
        let words = made.map { made in
            made.entries.compactMap { entry in if case .correlation(let words) = entry { words.elements } else { nil } }
        }
        let bits = zip(planes[0].bits(ofPlane: 0), planes[1].bits(ofPlane: 0)).map { $0 != $1 }
        #expect(words[0].count == 8)
        var checked = 0
        for at in 0..<count {
            let r = parts[0].elements[at] &+ parts[1].elements[at] &- d[at]
            for e in 0..<4 {
                // Modulo 64, from −16 on: of larger powers than 2^16 nothing is read.
                let octaves = Double((UInt64(e + 1) << 62) &- r) / 0x1p58 - 16
                guard octaves <= 16 else { continue }
                let want = exp2(octaves + 20)
                for (place, isThere) in [(2 * e, bits[at]), (2 * e + 1, !bits[at])] {
                    let got = Double(Int64(bitPattern: words[0][place][at] &+ words[1][place][at]))
                    guard abs(got - (isThere ? want : 0)) < 1.5 + want * 0x1p-18 else {
                        Issue.record("element \(at), entry \(e): \(got) for \(want), bit \(bits[at])")
                        return
                    }
                    checked += 1
                }
            }
        }
        #expect(checked >= 2 * 2 * count)
    }

    /// Hypothesis as in `PairMessageTests`; of each party as many comparisons as there are exchanges in which it sends.
    @Test("messages are as long, and as distributed, whatever the masks and bits are")
    func messages() throws {
        let count = 8_192
        let bound = chiSquareBound(degrees: 255, falseAlarm: 1e-10)
        func sent(_ word: UInt64, _ bits: BitPlanes, _ keys: UInt64) throws -> [[[UInt64]]] {
            try PairOfThreads(records: true).run { pair, channel in
                let key = ExpansionKey(low: keys, high: UInt64(pair.party))
                let run = PairRun(
                    pair: pair,
                    slabs: .usual,
                    keys: RunKeys(masks: key, bitMasks: key, correlations: key, orders: key),
                    seeds: ExpansionKey(low: keys, high: UInt64(pair.party) + 2),
                    lattice: ExpansionKey(low: keys, high: UInt64(pair.party) + 4),
                    channel: channel,
                    sink: PairedSink()
                )
                try Self.ask(run, RingTensor(repeating: word, shape: [count]), bits, count: count)
                return channel.messages
            }
        }
        let zeros = BitPlanes(zeros: 1, count: count)
        var numbers = Numbers(seed: 22)
        let all = try [sent(0, zeros, 1), sent(.max, numbers.planes(1, count: count), 2)]
        for party in 0..<2 {
            #expect(all[0][party].map(\.count) == all[1][party].map(\.count))
            for exchange in all[0][party].indices where !all[0][party][exchange].isEmpty {
                let statistic = chiSquareOfBytes(all[0][party][exchange], against: all[1][party][exchange])
                #expect(statistic < bound, "party \(party), exchange \(exchange + 1)")
            }
        }
    }
}
