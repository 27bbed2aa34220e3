import CrypTenGates
import CrypTenRing
import Foundation
import Testing
import _CrypTenTestSupport

/// What a dealer answers to each request, put together of all parties' shares and held against the request's formula in plain arithmetic.
@Suite("Requests")
struct RequestTests {
    static let edges: [UInt64] = [
        0, 1, 2, 1 << 63, 1 << 63 - 1, .max, .max - 1, 1 << 62, 1 << 62 - 1, 0xFFFF, 0x10000, 3 << 58,
    ]

    /// Masks with all edges, of an odd number of elements.
    static func masks(_ seed: UInt64) -> [UInt64] {
        var random = TestRandom(seed: seed)
        return edges + random.words(101 - edges.count)
    }

    private let lambda = RequestTests.masks(1)
    private let mu = Array(RequestTests.masks(2).reversed())

    private func wire(_ mask: [UInt64], sharesHeld: Bool = false) -> WireMask<RingTensor> {
        WireMask(mask: RingTensor(mask, shape: [mask.count]), sharesHeld: sharesHeld)
    }

    private func planes(_ bits: [[Bool]]) -> BitPlanes {
        var words = [UInt64](repeating: 0, count: bits[0].count)
        for (plane, values) in bits.enumerated() {
            for (at, value) in values.enumerated() where value { words[at] |= 1 << UInt64(plane) }
        }
        return PlainKernels().planes(of: RingTensor(words, shape: [words.count]), from: 0, count: bits.count)
    }

    private func bits(_ count: Int, _ seed: UInt64) -> [[Bool]] {
        var random = TestRandom(seed: seed)
        return (0..<count).map { _ in random.words(lambda.count).map { $0 & 1 == 1 } }
    }

    private func top(_ x: UInt64) -> UInt64 {
        x >> 63
    }

    private func power(_ x: UInt64, _ exponent: Int) -> UInt64 {
        (0..<exponent).reduce(1) { power, _ in power &* x }
    }

    // MARK: Products

    @Test("a product is that of the masks, element by element and of matrices", arguments: [2, 3])
    func product(parties: Int) throws {
        let made = try DealtCorrelations(parties: parties) { stage in
            let form = MaskedProduct(operation: .multiply, left: [101], right: [101], leftZeroExcept: 1)
            try stage.dealProduct(form.masks(wire(lambda), wire(mu)))
            let matmul = MaskedProduct(
                operation: .matmul(transposeLeft: false, transposeRight: false),
                left: [10, 10],
                right: [10, 10]
            )
            try stage.dealProduct(matmul.masks(wire(Array(lambda.prefix(100))), wire(Array(mu.prefix(100)))))
        }
        #expect(made.count == 2)
        #expect(made.words(0, 101) == zip(lambda, mu).map { $0 &* $1 })
        var sums = [UInt64](repeating: 0, count: 100)
        for row in 0..<10 {
            for column in 0..<10 {
                for k in 0..<10 { sums[10 * row + column] &+= lambda[10 * row + k] &* mu[10 * k + column] }
            }
        }
        #expect(made.words(1, 100) == sums)
    }

    @Test("an absorbed product is taken off the sum of the parties' words, and nothing is dealt", arguments: [2, 3])
    func absorbed(parties: Int) throws {
        var mask: [UInt64] = []
        let made = try DealtCorrelations(parties: parties) { stage in
            let form = MaskedProduct(operation: .multiply, left: [101], right: [101])
            let products = [form.masks(wire(lambda), wire(mu)), form.masks(wire(mu), wire(mu))]
            mask = stage.openMask([101], absorbing: products).elements
        }
        #expect(made.count == 0)
        var want = made.maskWords(0, 101)
        for at in 0..<101 {
            want[at] &-= lambda[at] &* mu[at]
            want[at] &-= mu[at] &* mu[at]
        }
        #expect(mask == want)
    }

    @Test(
        "functions of a mask are dealt as they are, and the mask itself where the parties lack it",
        arguments: [2, 3]
    )
    func functions(parties: Int) throws {
        let beta = bits(1, 3)[0]
        let made = try DealtCorrelations(parties: parties) { stage in
            try stage.dealMask(of: wire(lambda, sharesHeld: true))
            try stage.dealMask(of: wire(lambda))
            try stage.dealProduct(of: wire(lambda), times: RingTensor(mu, shape: [101]))
            try stage.dealPowers(of: wire(lambda), exponents: 2...4)
            try stage.dealSelection(planes([beta]), of: wire(lambda))
            try stage.dealNumber(of: planes([beta]))
        }
        #expect(made.count == 7)
        #expect(made.words(0, 101) == lambda)
        #expect(made.words(1, 101) == zip(lambda, mu).map { $0 &* $1 })
        for exponent in 2...4 { #expect(made.words(exponent, 101) == lambda.map { power($0, exponent) }) }
        #expect(made.words(5, 101) == zip(lambda, beta).map { $1 ? $0 : 0 })
        #expect(made.words(6, 101) == beta.map { $0 ? 1 : 0 })
    }

    @Test(
        "of a truncation in place functions of the one mask are dealt, and packed what those of the other are more",
        arguments: [2, 3],
        [1, 16, 30, 62]
    )
    func truncated(parties: Int, shift: Int) throws {
        let beta = bits(1, 4)[0]
        let low = lambda.map { $0 >> UInt64(shift) }
        let high = zip(low, lambda).map { low, mask in
            let part = top(mask) << UInt64(64 - shift)
            return low &- part
        }
        let made = try DealtCorrelations(parties: parties) { stage in
            let truncated = stage.truncated(wire(lambda, sharesHeld: true), by: shift)
            #expect(truncated.mask.elements == low)
            #expect(truncated.alternative?.mask.elements == high)
            #expect(truncated.alternative?.shift == shift && !truncated.isHeld)
            try stage.dealMask(of: truncated)
            try stage.dealProduct(of: truncated, times: RingTensor(mu, shape: [101]))
            try stage.dealPowers(of: truncated, exponents: 2...3)
            try stage.dealSelection(planes([beta]), of: truncated)
        }
        #expect(made.count == 10)
        let functions: [(UInt64, Int) -> UInt64] = [
            { x, _ in x }, { x, at in x &* mu[at] }, { x, _ in x &* x }, { x, _ in x &* x &* x },
            { x, at in beta[at] ? x : 0 },
        ]
        for (index, function) in functions.enumerated() {
            let (base, more) = (made.words(2 * index, 101), made.packed(2 * index + 1, 101, bits: shift))
            for at in 0..<101 {
                #expect(base[at] == function(low[at], at))
                let difference = more[at] << UInt64(64 - shift)
                #expect(base[at] &+ difference == function(high[at], at))
            }
        }
    }

    // MARK: Functions of single bits of a mask

    @Test("bits of a mask are its bits, of a truncation in place those of one of its masks, and nothing is dealt")
    func bits() throws {
        let made = try DealtCorrelations(parties: 2) { stage in
            let read = stage.bits(of: wire(lambda), [0..<63, 63..<64])
            for (place, plane) in (0..<63).map({ (0, $0) }) + [(1, 0)] {
                let bit = UInt64(place == 0 ? plane : 63)
                #expect(read[place].bits(ofPlane: plane) == lambda.map { $0 >> bit & 1 == 1 })
            }
            let truncated = stage.bits(of: stage.truncated(wire(lambda), by: 16), [40..<48])[0]
            for plane in 0..<8 {
                #expect(truncated.bits(ofPlane: plane) == lambda.map { $0 >> UInt64(56 + plane) & 1 == 1 })
            }
        }
        #expect(made.count == 0)
    }

    @Test("a quotient is rounded down, of the mask without a sign", arguments: [2, 3])
    func quotient(parties: Int) throws {
        let factors: [UInt64] = [0, 1, 1 << 61, 1 << 62 - 1, 0x0123_4567_89AB_CDEF]
        let made = try DealtCorrelations(parties: parties) { stage in
            for factor in factors { try stage.dealQuotient(of: RingTensor(lambda, shape: [101]), factor: factor) }
        }
        for (index, factor) in factors.enumerated() {
            let want = lambda.map { x in
                let (high, low) = x.multipliedFullWidth(by: factor)
                return high << 2 | low >> 62
            }
            #expect(made.words(2 * index, 101) == want)
            #expect(made.words(2 * index + 1, 101) == lambda.map(top))
        }
    }

    @Test(
        "octaves are powers of two, of each entry where the bit is 1 and where it is 0",
        arguments: [2, 3],
        [4, 8, 16]
    )
    func octaves(parties: Int, entries: Int) throws {
        let (beta, fractionBits) = (bits(1, 5)[0], 17)
        let made = try DealtCorrelations(parties: parties) { stage in
            let mask = RingTensor(lambda, shape: [101])
            let bits = planes([beta])
            try stage.dealOctaves(of: mask, where: bits, entries: entries, octaves: 29, fractionBits: fractionBits)
        }
        #expect(made.count == 2 * entries)
        for entry in 0..<entries {
            let (on, off) = (made.words(2 * entry, 101), made.words(2 * entry + 1, 101))
            for at in 0..<101 {
                var exponent = (Double(entry * 64 / entries) - Double(lambda[at]) * 0x1p-58)
                while exponent < -Double(fractionBits) - 1 { exponent += 64 }
                let want = exp2(exponent + Double(fractionBits))
                let (got, other) = beta[at] ? (on[at], off[at]) : (off[at], on[at])
                // Where a mask lies at the seam, rounding may put its power to either end.
                guard exponent < 62 - Double(fractionBits) - 1e-9, exponent > -Double(fractionBits) - 1 + 1e-9 else {
                    continue
                }
                #expect(other == 0)
                #expect(abs(Double(got) - want) <= 0.5 + want * 3e-8, "entry \(entry) of mask \(lambda[at])")
            }
        }
    }

    @Test("harmonics are the cosine and the sine of multiples of a mask in turns", arguments: [2, 3])
    func harmonics(parties: Int) throws {
        let made = try DealtCorrelations(parties: parties) { stage in
            try stage.dealHarmonics(of: RingTensor(lambda, shape: [101]), numbers: 1...5)
        }
        #expect(made.count == 10)
        for number in 1...5 {
            let (cosines, sines) = (made.words(2 * number - 2, 101), made.words(2 * number - 1, 101))
            for at in 0..<101 {
                let angle = Double(Int64(bitPattern: lambda[at] &* UInt64(number))) * 0x1p-63 * Double.pi
                let (cosine, sine) = (Int64(bitPattern: cosines[at]), Int64(bitPattern: sines[at]))
                #expect(abs(Double(cosine) * 0x1p-30 - cos(angle)) < 1.5e-8)
                #expect(abs(Double(sine) * 0x1p-30 - sin(angle)) < 1.5e-8)
            }
        }
    }

    // MARK: Functions of bits

    @Test("products of bits are ANDs, of groups' subsets and of any sets of planes", arguments: [2, 3])
    func bitProducts(parties: Int) throws {
        let values = bits(9, 6)
        let places = [[(0, 0)], [(0, 1), (2, 0)], [(0, 0), (0, 1), (0, 2), (2, 3)], [(2, 1), (0, 2)]].map { set in
            set.map { BitProducts.Place(block: $0.0, plane: $0.1) }
        }
        let made = try DealtCorrelations(parties: parties) { stage in
            let all = planes(values)
            try stage.dealBits(all[2..<5])
            for size in 1...4 { try stage.dealSubsetProducts(of: all, starts: [0, 5], size: size) }
            let products = BitProducts(blocks: [3, 0, 4], products: places)
            try stage.dealProducts(products, of: [all[0..<3], BitPlanes(zeros: 0, count: 101), all[3..<7]])
        }
        #expect(made.count == 6)
        #expect(made.bits(0, planes: 3, 101) == Array(values[2..<5]))
        func and(_ planes: [Int]) -> [Bool] {
            (0..<101).map { at in planes.allSatisfy { values[$0][at] } }
        }
        for size in 1...4 {
            var want: [[Bool]] = []
            for subset in 1..<1 << size {
                let planes = (0..<size).filter { subset >> $0 & 1 == 1 }
                for start in [0, 5] { want.append(and(planes.map { start + $0 })) }
            }
            #expect(made.bits(size, planes: want.count, 101) == want)
        }
        let ands = places.map { set -> [Bool] in
            let planes = set.map { place -> Int in place.block == 0 ? place.plane : 3 + place.plane }
            return and(planes)
        }
        #expect(made.bits(5, planes: 4, 101) == ands)
    }

    // MARK: Random numbers and orders

    @Test("random numbers are made of the sum of the parties' words", arguments: [2, 3])
    func random(parties: Int) throws {
        var event = BitPlanes(zeros: 0, count: 0)
        let made = try DealtCorrelations(parties: parties) { stage in
            try stage.dealLowBits(1, count: 101)
            try stage.dealLowBits(63, count: 101)
            event = try stage.dealEvent(numerator: 0x1999A, bits: 20, count: 101)
            _ = try stage.dealEvent(numerator: 0, bits: 62, count: 101)
            _ = try stage.dealEvent(numerator: 1 << 62, bits: 62, count: 101)
        }
        #expect(made.words(0, 101) == made.maskWords(0, 101).map { $0 & 1 })
        #expect(made.words(1, 101) == made.maskWords(1, 101).map { $0 & (1 << 63 - 1) })
        let below = made.maskWords(2, 101).map { $0 & (1 << 20 - 1) < 0x1999A }
        #expect(made.bits(2, planes: 1, 101) == [below] && event.bits(ofPlane: 0) == below)
        #expect(made.bits(3, planes: 1, 101) == [[Bool](repeating: false, count: 101)])
        #expect(made.bits(4, planes: 1, 101) == [[Bool](repeating: true, count: 101)])
    }

    @Test("rows come in the order of a party's keys, in all masks alike", arguments: [2, 3])
    func rows(parties: Int) throws {
        let rows = 20
        let made = try DealtCorrelations(parties: parties) { stage in
            let masks = [
                RingTensor(lambda.prefix(rows * 5), shape: [rows, 5]), RingTensor(mu.prefix(rows), shape: [rows]),
            ]
            try stage.dealRows(of: masks, inOrderOf: 1, rows: rows)
        }
        let order = made.order(of: 1, 0, rows: rows)
        #expect(order.sorted() == Array(0..<rows) && order != Array(0..<rows))
        #expect(made.words(0, rows * 5) == order.flatMap { lambda[$0 * 5..<$0 * 5 + 5] })
        #expect(made.words(1, rows) == order.map { mu[$0] })
    }

    // MARK: What is linear

    @Test("linear operations are those of the masks, and deal nothing")
    func linear() throws {
        let made = try DealtCorrelations(parties: 2) { stage in
            let (x, y) = (RingTensor(lambda, shape: [101]), RingTensor(mu, shape: [101]))
            #expect(stage.subtract(x, y).elements == zip(lambda, mu).map { $0 &- $1 })
            #expect(stage.slab(x, 7..<30).elements == Array(lambda[7..<30]))
            #expect(stage.zeros([3]).elements == [0, 0, 0])
            #expect(stage.apply(.concatenate(axis: 0), to: [x, y]).elements == lambda + mu)
            #expect(
                stage.apply(.combine(factors: [3, .max]), to: [x, y]).elements == zip(lambda, mu).map { 3 &* $0 &- $1 }
            )
            let values = bits(3, 7)
            let parts = values.map { planes([$0]) }
            #expect(stage.xor([], count: 101).bits(ofPlane: 0) == [Bool](repeating: false, count: 101))
            #expect(stage.xor(Array(parts.prefix(1)), count: 101).bits(ofPlane: 0) == values[0])
            let sum = (0..<101).map { at in values.count { $0[at] } % 2 == 1 }
            #expect(stage.xor(parts, count: 101).bits(ofPlane: 0) == sum)
            #expect(parts.map { $0.bits(ofPlane: 0) } == values)
            let turned = stage.apply(.permute(axes: [1, 0]), to: [stage.slab(parts[0], 0..<100)], shapes: [[10, 10]])
            var want: [Bool] = []
            for row in 0..<10 {
                for column in 0..<10 { want.append(values[0][10 * column + row]) }
            }
            #expect(turned.bits(ofPlane: 0) == want)
        }
        #expect(made.count == 0)
    }
}

/// What one stage of a dealer's deals, as its parties see it together.
private struct DealtCorrelations {
    /// How many correlations were dealt.
    let count: Int
    private let keys: [RunKeys]
    private let corrections: [[UInt64]]
    private let kernels = PlainKernels()

    init(parties: Int, _ body: (DealerStage) throws -> Void) throws {
        var random = TestRandom(seed: 0xDEA1)
        func key() -> ExpansionKey { ExpansionKey(low: random.next(), high: random.next()) }
        keys = (0..<parties).map { _ in
            RunKeys(masks: key(), bitMasks: key(), correlations: key(), orders: key())
        }
        let sink = Sink()
        let stage = DealerStage(
            kernels: NativeKernels(threads: 1),
            slabs: .usual,
            inputs: [],
            memory: MaskMemory(),
            keys: keys,
            numbers: StreamNumbers(),
            sink: sink
        )
        try body(stage)
        corrections = sink.sent
        count = corrections.count
    }

    private final class Sink: CorrectionSink {
        var sent: [[UInt64]] = []

        func send(_ count: Int, _ write: (Range<Int>, UnsafeMutablePointer<UInt64>) -> Void) throws {
            var words = RingTensor(uninitialized: [count])
            words.withMutableWords { write(0..<count, $0) }
            sent.append(words.elements)
        }

        func send(_ words: RingTensor) throws {
            sent.append(words.elements)
        }
    }

    /// Every party's words of a correlation, the last one's those that were sent.
    private func shares(_ number: Int, _ words: Int) -> [[UInt64]] {
        #expect(corrections[number].count == words)
        return keys.dropLast().map {
            kernels.expand($0.correlations, number: UInt64(number), from: 0, shape: [words]).elements
        } + [corrections[number]]
    }

    /// The sum of the shares.
    func words(_ number: Int, _ count: Int) -> [UInt64] {
        shares(number, count).reduce([UInt64](repeating: 0, count: count)) { zip($0, $1).map { $0 &+ $1 } }
    }

    /// The sum of shares modulo 2^bits, bit after bit out of the words.
    func packed(_ number: Int, _ count: Int, bits: Int) -> [UInt64] {
        let shares = shares(number, (bits * count + 63) / 64)
        return (0..<count).map { at in
            shares.reduce(UInt64(0)) { sum, words in
                sum
                    &+ (0..<bits).reduce(UInt64(0)) { element, bit in
                        let place = at * bits + bit
                        return element | (words[place / 64] >> UInt64(place % 64) & 1) << UInt64(bit)
                    }
            } & (1 << UInt64(bits) - 1)
        }
    }

    /// The XOR of the shares, plane by plane.
    func bits(_ number: Int, planes: Int, _ count: Int) -> [[Bool]] {
        let perPlane = (count + 63) / 64
        let words = shares(number, planes * perPlane).reduce([UInt64](repeating: 0, count: planes * perPlane)) {
            zip($0, $1).map { $0 ^ $1 }
        }
        return (0..<planes).map { plane in
            (0..<count).map { words[plane * perPlane + $0 / 64] >> UInt64($0 % 64) & 1 == 1 }
        }
    }

    /// The sum of the words that the parties draw as masks under a number.
    func maskWords(_ number: UInt64, _ count: Int) -> [UInt64] {
        keys.reduce([UInt64](repeating: 0, count: count)) { sum, key in
            zip(sum, kernels.expand(key.masks, number: number, from: 0, shape: [count]).elements).map { $0 &+ $1 }
        }
    }

    /// Which row comes at each place.
    func order(of party: Int, _ number: UInt64, rows: Int) -> [Int] {
        let words = kernels.expand(keys[party].orders, number: number, from: 0, shape: [rows, RowOrder.wordsOfKey])
            .elements
        return (0..<rows).sorted { (words[2 * $0 + 1], words[2 * $0]) < (words[2 * $1 + 1], words[2 * $1]) }
    }
}
