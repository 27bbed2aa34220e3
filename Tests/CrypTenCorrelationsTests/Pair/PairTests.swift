import CrypTenBase
import CrypTenCorrelations
import CrypTenGates
import CrypTenRing
import Foundation
import Testing
import _CrypTenTestSupport

/// Words at which shares wrap, then random ones.
private func edges(_ count: Int, seed: UInt64) -> [UInt64] {
    var numbers = Numbers(seed: seed)
    let edges: [UInt64] = [0, 1, 1 << 63, 1 << 63 - 1, .max, 1 << 62, 0xFFFF, 0x10000]
    return Array((edges.shuffled(using: &numbers) + numbers.words(count)).prefix(count))
}

@Suite("Correlations of two parties")
struct PairTests {
    private static let count = 300
    private let x = [edges(PairTests.count, seed: 1), edges(PairTests.count, seed: 2)]
    private let y = [edges(PairTests.count, seed: 3), edges(PairTests.count, seed: 4)]

    private func total(_ shares: [[UInt64]]) -> [UInt64] { zip(shares[0], shares[1]).map { $0 &+ $1 } }
    private var xs: [UInt64] { total(x) }
    private var ys: [UInt64] { total(y) }

    private static func words(_ values: [UInt64], knownTo: Int? = nil) -> PairWords {
        PairWords(count: values.count, part: Later(RingTensor(values, shape: [values.count])), knownTo: knownTo)
    }

    /// What both parties' parts of some words are, in order.
    private func made(
        _ request: @escaping @Sendable (Pair, PairWords, PairWords) throws -> [PairWords]
    ) throws -> [[[UInt64]]] {
        let (x, y) = (x, y)
        let results = try PairOfThreads().run { pair, channel in
            let words = try request(pair, PairTests.words(x[pair.party]), PairTests.words(y[pair.party]))
            try pair.run(over: channel)
            return try words.map { try $0.part.value().elements }
        }
        return results[0].indices.map { [results[0][$0], results[1][$0]] }
    }

    @Test("a product is that of the masks")
    func product() throws {
        let made = try made { pair, x, y in [pair.product(x, y)] }
        #expect(total(made[0]) == zip(xs, ys).map { $0 &* $1 })
    }

    @Test("powers are those of the mask")
    func powers() throws {
        let made = try made { pair, x, _ in pair.powers(x, degree: 4) }
        for (index, shares) in made.enumerated() {
            #expect(total(shares) == xs.map { x in (0...index).reduce(x) { power, _ in power &* x } })
        }
    }

    @Test(
        "a bitwise mask's shares, those of its high bits and of its top are those of its bits",
        arguments: [1, 16, 30, 62]
    )
    func bitwise(shift: Int) throws {
        let x = x
        let parts = try PairOfThreads().run { pair, channel -> [[UInt64]] in
            let seeds = Later(RingTensor(x[pair.party], shape: [x[pair.party].count]))
            let mask = BitwiseMask(pair, count: x[pair.party].count, seeds: seeds)
            let words = [
                mask.shifted(by: shift), mask.shifted(by: 0), mask.top(modulo: shift),
                mask.quotient(factor: (1 << 62) / 7),
            ]
            let opened = mask.difference(from: PairTests.words(x[1 - pair.party]))
            try pair.run(over: channel)
            return try words.map { try $0.part.value().elements } + [try opened.value().elements]
        }
        let r = zip(x[0], x[1]).map { $0 ^ $1 }
        #expect(total([parts[0][0], parts[1][0]]) == r.map { $0 >> UInt64(shift) })
        #expect(total([parts[0][1], parts[1][1]]) == r)
        let low = (UInt64(1) << UInt64(shift)) - 1
        #expect(total([parts[0][2], parts[1][2]]).map { $0 & low } == r.map { $0 >> 63 & low })
        for (got, r) in zip(total([parts[0][3], parts[1][3]]), r) {
            let exact = UInt64((UInt128(r) * (UInt128(1 << 62) / 7)) >> 62)
            let off = Int64(bitPattern: got &- exact)
            #expect(abs(off) <= 1, "\(r)")
        }
        // d = λ − r, where λ's shares are the parties' words the other way round.
        let difference = zip(xs, r).map { $0 &- $1 }
        #expect(parts[0][4] == difference && parts[1][4] == difference)
    }

    @Test("products of bits are the ANDs of what is shared")
    func bits() throws {
        let count = 100
        var numbers = Numbers(seed: 9)
        let planes = [numbers.planes(9, count: count), numbers.planes(9, count: count)]
        let sets: [[Int]] = [
            [0], [0, 1], [2, 3], [0, 1, 2], [1, 2, 3], [0, 1, 2, 3], [4, 5, 6, 7], [0, 8], [3, 5], [5, 6, 7],
            [2, 4, 6, 8],
        ]
        let parts = try PairOfThreads().run { pair, channel in
            let bits = PairBits(planes: 9, count: count, part: Later(planes[pair.party]))
            let made = pair.products(of: [PairPlanes(bits)], sets) { (Array($0.suffix(2)), Array($0.dropLast(2))) }
            try pair.run(over: channel)
            return (try made.part.value(), made.moment)
        }
        #expect(parts[0].1 == 4)
        for (index, set) in sets.enumerated() {
            let got = zip(parts[0].0.bits(ofPlane: index), parts[1].0.bits(ofPlane: index)).map { $0 != $1 }
            let want = (0..<count).map { at in
                set.allSatisfy { planes[0].bits(ofPlane: $0)[at] != planes[1].bits(ofPlane: $0)[at] }
            }
            #expect(got == want, "\(set)")
        }
    }

    @Test("a bit as a number, and words that it selects", arguments: [64, 16])
    func selection(width: Int) throws {
        let count = PairTests.count
        var numbers = Numbers(seed: 10)
        let planes = [numbers.planes(2, count: count), numbers.planes(2, count: count)]
        let made = try made { pair, x, y in
            let bits = PairBits(planes: 2, count: count, part: Later(planes[pair.party]))
            return [pair.number(of: bits, plane: 1, width: width)] + pair.select(bits, plane: 1, [x, y], width: width)
        }
        let bits = zip(planes[0].bits(ofPlane: 1), planes[1].bits(ofPlane: 1)).map { $0 != $1 }
        let low = width == 64 ? UInt64.max : 1 << UInt64(width) - 1
        #expect(total(made[0]).map { $0 & low } == bits.map { $0 ? 1 : 0 })
        #expect(total(made[1]).map { $0 & low } == zip(bits, xs).map { $0 ? $1 & low : 0 })
        #expect(total(made[2]).map { $0 & low } == zip(bits, ys).map { $0 ? $1 & low : 0 })
    }

    @Test("cosine and sine of the sum, within 32 units of 2^-30", arguments: [1, 5])
    func harmonics(number: Int) throws {
        let made = try made { pair, x, _ in pair.harmonics(x, number: number) }
        let functions: [(Double) -> Double] = [{ Foundation.cos($0) }, { Foundation.sin($0) }]
        for (index, function) in functions.enumerated() {
            for (got, x) in zip(total(made[index]), xs) {
                let angle = Double(x &* UInt64(number)) / 0x1p64 * 2 * .pi
                #expect(abs(Double(Int64(bitPattern: got)) - function(angle) * 0x1p30) < 32)
            }
        }
    }

    @Test("random numbers lie where they should, and events are what their numbers say", arguments: [1, 5, 20])
    func random(bits: Int) throws {
        let count = 1000
        var random = Numbers(seed: 11)
        let planes = [random.planes(bits, count: count), random.planes(bits, count: count)]
        let whole = UInt64(1) << UInt64(bits)
        let thresholds: [UInt64] = [0, 1, whole - 1, whole, whole / 10, 5 * (whole / 8)]
        let parts = try PairOfThreads().run { pair, channel in
            let bits = PairBits(planes: bits, count: count, part: Later(planes[pair.party]))
            let number = pair.number(ofRandom: bits)
            let events = thresholds.map { pair.isLess(bits, than: $0) }
            try pair.run(over: channel)
            return (try number.part.value().elements, try events.map { try $0.source.part.value() })
        }
        let numbers = (0..<count).map { at in
            (0..<bits).reduce(UInt64(0)) {
                $0 | (planes[0].bits(ofPlane: $1)[at] != planes[1].bits(ofPlane: $1)[at] ? 1 << UInt64($1) : 0)
            }
        }
        #expect(total([parts[0].0, parts[1].0]) == numbers)
        for (index, threshold) in thresholds.enumerated() {
            let got = zip(parts[0].1[index].bits(ofPlane: 0), parts[1].1[index].bits(ofPlane: 0)).map { $0 != $1 }
            #expect(got == numbers.map { $0 < threshold }, "below \(threshold)")
        }
    }
}
