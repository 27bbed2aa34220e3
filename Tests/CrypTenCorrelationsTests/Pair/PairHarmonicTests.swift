import CrypTenCorrelations
import CrypTenGates
import CrypTenRing
import Foundation
import Testing
import _CrypTenTestSupport

/// Cosines and sines of shared angles, so many that they are made in slots.
@Suite("Harmonics of two parties in slots")
struct PairHarmonicTests {
    /// The product of what both parties compute of their parts, at scale 2^60.
    private struct Exact {
        var cosine, sine: Int128

        init(_ a: UInt64, _ b: UInt64) {
            func number(_ word: UInt64) -> Int128 { Int128(Int64(bitPattern: integerSine(word))) }
            let quarter: UInt64 = 1 << 62
            let (c, s, d, t) = (number(a &+ quarter), number(a), number(b &+ quarter), number(b))
            (cosine, sine) = (c * d - s * t, s * d + c * t)
        }
    }

    private static func parts(_ count: Int, seed: UInt64, edges: Bool = true) -> [RingTensor] {
        (0..<2).map { party in
            var words = LatticeTestWords(seed: seed &* 2 &+ UInt64(party))
            let all = LatticeComplexTests.edges
            return RingTensor(
                (0..<count).map { i in
                    edges && i % 3 == 0 ? all[(party == 0 ? i / 3 : i / 3 / all.count) % all.count] : words.next()
                },
                shape: [count]
            )
        }
    }

    private static func made(
        _ parts: [RingTensor],
        _ numbers: [Int],
        knownTo known: Int? = nil,
        limit: Int = PairRun.usualLimit
    ) throws -> [PairSlotTests.Made] {
        try PairSlotTests.made(limit: limit) { run in
            try numbers.flatMap { try run.harmonics(PairSlotTests.words(parts, run, knownTo: known), number: $0) }
        }
    }

    /// Chunks of 4096, and what is left where that is too few for another one.
    @Test("are those of the sum, and cost what is counted", arguments: [4_096, 2_000, 8_192 + 100, 40_000])
    func harmonics(count: Int) throws {
        let parts = Self.parts(count, seed: 1)
        let made = try Self.made(parts, [1, 2])
        let inSlots = count % 4_096 < 200 ? count - count % 4_096 : count
        let (a, b) = (parts[0].elements, parts[1].elements)
        for number in 1...2 {
            let sums = [0, 1].map { PairSlotTests.total(made, 2 * number - 2 + $0) }
            for at in 0..<count {
                let exact = Exact(a[at] &* UInt64(number), b[at] &* UInt64(number))
                for (sum, exact) in [(sums[0][at], exact.cosine), (sums[1][at], exact.sine)] {
                    let off = (Int128(Int64(bitPattern: sum)) << 30) - exact
                    guard at < inSlots ? off.magnitude < 1 << 30 : off.magnitude < 28 << 30 else {
                        Issue.record("number \(number), element \(at) is off by \(off) units of 2^-60")
                        return
                    }
                }
            }
        }
        let cost = made[0].cost
        let chunks = (inSlots + 4_095) / 4_096
        #expect(cost == made[1].cost && cost.exchanges == 2)
        #expect(cost.ciphertexts == 2 * 2 * chunks && cost.answers == 2 * 2 * chunks)
        #expect(cost.transfers == 2 * 56 * (count - inSlots) && cost.messageBits == 2 * 7_168 * (count - inSlots))
        #expect((0..<2).allSatisfy { made[$0].sent * 8 == cost.sentBytes[$0] })
        #expect(made[0].transfers == cost.weighed)
        // Who counts needs no words.
        let counting = PairRun(counting: Pair(counting: .two), slabs: Slabs(bits: 12))
        for number in 1...2 {
            _ = try counting.harmonics(PairWords(count: count, part: .unread()), number: number)
        }
        try counting.exchange()
        #expect(counting.pair.cost == cost)
    }

    /// 4096 elements: 2 ciphertexts of 190,464 bytes, 2 answers of 253,952, a seed, and once the public key of who encrypts.
    @Test("take 217 bytes an element")
    func bytes() throws {
        let made = try Self.made(Self.parts(1 << 16, seed: 2), [1])
        let key = (LatticePublicKey.bytes + 7) / 8 * 8
        let sent = made[0].cost.sentBytes.reduce(0, +)
        // Pieces of eight chunks, which parties encrypt in turns.
        #expect(sent == 16 * 2 * (190_464 + 253_952) + 2 * (16 + key))
        #expect((sent - 2 * key) / (1 << 16) == 217)
        // What one party encrypts the other answers.
        let pieces = [8 * 380_928 + 16 + key, 8 * 507_904]
        #expect(made[0].cost.exchangeBytes == [[pieces[0], pieces[0]], [pieces[1], pieces[1]]])
    }

    /// The parties' own sines are within 7 units each: `integerSine(_:)`.
    @Test(
        "are within 21 units of 2^-30 of the cosine and the sine, up to the largest number of any gate",
        arguments: [1, 7, 19, 64]
    )
    func bound(number: Int) throws {
        let count = 1 << 17
        let parts = Self.parts(count, seed: UInt64(number), edges: false)
        let made = try Self.made(parts, [number])
        #expect(made[0].cost.transfers == 0)
        let angles = PairSlotTests.mask(parts).map { Double($0 &* UInt64(number)) / 0x1p64 * 2 * .pi }
        var largest = 0.0
        let functions: [(Double) -> Double] = [{ Foundation.cos($0) }, { Foundation.sin($0) }]
        for (index, function) in functions.enumerated() {
            for (got, angle) in zip(PairSlotTests.total(made, index), angles) {
                largest = max(largest, abs(Double(Int64(bitPattern: got)) - function(angle) * 0x1p30))
            }
        }
        print("harmonic \(number) of \(count) elements: off by \(largest) units of 2^-30 at the most")
        #expect(largest < 21)
    }

    @Test("of what one party knows alone are local", arguments: [0, 1])
    func local(known: Int) throws {
        let count = 5_000
        var parts = Self.parts(count, seed: 3)
        parts[1 - known] = RingTensor(zeros: [count])
        let made = try Self.made(parts, [3], knownTo: known)
        #expect(made[0].cost.sentBytes == [0, 0])
        let angles = PairSlotTests.mask(parts).map { $0 &* 3 }
        #expect(PairSlotTests.total(made, 0) == angles.map { integerSine($0 &+ 1 << 62) })
        #expect(PairSlotTests.total(made, 1) == angles.map { integerSine($0) })
    }

    @Test("where little may wait they go in turns, and come out as well")
    func turns() throws {
        let count = 17 * 4_096
        let parts = Self.parts(count, seed: 4)
        let made = try Self.made(parts, [1], limit: 1 << 20)
        #expect(made[0].cost.turns > 1 && made[0].cost == made[1].cost)
        let (a, b) = (parts[0].elements, parts[1].elements)
        let sums = [0, 1].map { PairSlotTests.total(made, $0) }
        #expect(
            (0..<count).allSatisfy { at in
                let exact = Exact(a[at], b[at])
                return zip([exact.cosine, exact.sine], sums).allSatisfy {
                    ((Int128(Int64(bitPattern: $1[at])) << 30) - $0).magnitude < 1 << 30
                }
            }
        )
    }

    @Test("few elements, and few that are left, are made by transfers")
    func rule() {
        let work = ElementwiseWork.harmonic
        #expect(work.inSlots(of: 1_024) == 0)
        #expect(work.inSlots(of: 2_048) == 2_048)
        #expect(work.inSlots(of: 4_096 + 500) == 4_096)
        #expect(work.inSlots(of: 2 * 4_096 + 1_500) == 2 * 4_096 + 1_500)
    }

    /// Hypothesis as in `PairMessageTests`; three comparisons of each party.
    @Test("messages are as long, and as distributed, whatever the masks are")
    func messages() throws {
        let count = 4_096
        let bound = chiSquareBound(degrees: 255, falseAlarm: 1e-10)
        func sent(_ word: UInt64, _ keys: UInt64) throws -> [PairSlotTests.Made] {
            let part = RingTensor(repeating: word, shape: [count])
            return try PairSlotTests.made(records: true, keys: keys) { run in
                try run.harmonics(PairWords(count: count, part: Later(part)), number: 1)
            }
        }
        let all = try [sent(0, 1), sent(1 << 61, 2), sent(0x0101_0101_0101_0101, 3)]
        PairSlotTests.expectAlike(all, bound: bound)
    }
}
