import CrypTenCorrelations
import CrypTenRing
import Testing

@Suite("Encoding, rounding and packing of the lattice")
struct LatticeArithmeticTests {
    static let degree = LatticeParameters.degree
    static let primes = LatticeParameters.primes

    /// q / 2 rounded down, of the first primes.
    static func half(_ limbs: Int) -> TestNumber {
        primes.prefix(limbs).reduce(TestNumber(1)) { $0.times(UInt64($1)) }.divided(by: 2).quotient
    }

    @Test("a word is encoded as round(q m / 2^64), exactly", arguments: allLatticeKernels.indices)
    func encoding(index: Int) {
        let kernels = allLatticeKernels[index]
        var words = LatticeTestWords(seed: 21)
        let message = LatticeTestWords.edges + (0..<500).map { _ in words.next() }
        let scaled = LatticeWords(zeros: message.count)
        for (i, word) in message.enumerated() { scaled.elements[i] = LatticeKernels.modulus &* word }
        let rounded = message.map { word in
            let product = Self.primes.reduce(TestNumber(word)) { $0.times(UInt64($1)) }
            return product.plus(TestNumber(1 << 63)).dropping(words: 2)
        }
        for limb in 0..<6 {
            let row = LatticeResidues(zeros: message.count)
            kernels.encode(scaled.elements, count: message.count, to: row.elements, limb: limb)
            for i in message.indices {
                #expect(
                    UInt64(row.elements[i]) == rounded[i].divided(by: UInt64(Self.primes[limb])).remainder,
                    "word \(i)"
                )
            }
        }
    }

    @Test("two primes are dropped by rounding, exactly", arguments: allLatticeKernels.indices)
    func dropping(index: Int) {
        let kernels = allLatticeKernels[index]
        var words = LatticeTestWords(seed: 22)
        let rows = LatticeResidues(zeros: 6 * Self.degree)
        for i in 0..<Self.degree {
            for limb in 0..<6 {
                let p = UInt64(Self.primes[limb])
                // Zero, q − 1, and numbers around multiples of P and of halves of it.
                let value = [0, p - 1, 1, p / 2, p / 2 + 1][i % 5]
                rows.elements[limb * Self.degree + i] = UInt32(i < 200 ? value : words.next() % p)
            }
        }
        let before = (0..<Self.degree).map { i in (0..<6).map { rows.elements[$0 * Self.degree + i] } }
        kernels.dropLimbs(rows.elements)
        let half = TestNumber((UInt64(Self.primes[4]) * UInt64(Self.primes[5]) - 1) / 2)
        for i in 0..<1_000 {
            let sum = TestNumber(residues: before[i], primes: Self.primes).plus(half)
            let rounded = sum.divided(by: UInt64(Self.primes[4])).quotient.divided(by: UInt64(Self.primes[5])).quotient
            for limb in 0..<4 {
                let residue = rounded.divided(by: UInt64(Self.primes[limb])).remainder
                #expect(UInt64(rows.elements[limb * Self.degree + i]) == residue, "element \(i), prime \(limb)")
            }
        }
    }

    @Test("residues become round(2^64 x / q′), exactly, next to halves too")
    func rounding() {
        var words = LatticeTestWords(seed: 23)
        let count = 2_000
        let primes = Array(Self.primes.prefix(4))
        let rows = LatticeResidues(zeros: 4 * count)
        let out = LatticeWords(zeros: count)
        var expected: [UInt64] = []
        // q′ (2 k + 1) / 2^65 and its neighbours are where the quotient is next to a half.
        let modulus = primes.reduce(TestNumber(1)) { $0.times(UInt64($1)) }
        for i in 0..<count {
            var x = TestNumber(residues: primes.map { UInt32(words.next() % UInt64($0)) }, primes: primes)
            if i < 1_000 {
                // ⌊q′ (2k + 1) / 2^65⌋ + 0 or 1
                let odd = (words.next() >> 33) | 1
                x = modulus.times(odd).dropping(words: 1).divided(by: 2).quotient.plus(TestNumber(UInt64(i % 2)))
            }
            if i < 4 { x = TestNumber(UInt64(i)) }
            for limb in 0..<4 {
                rows.elements[limb * count + i] = UInt32(x.divided(by: UInt64(primes[limb])).remainder)
            }
            var shifted = x
            shifted.words = [0, 0] + x.words
            let sum = shifted.plus(Self.half(4))
            expected.append(primes.reduce(sum) { $0.divided(by: UInt64($1)).quotient }.low)
        }
        bestLatticeKernels.round(rows.elements, step: count, count: count, to: out.elements)
        #expect((0..<count).map { out.elements[$0] } == expected)
    }

    @Test(
        "31 bits a residue are packed and unpacked, and numbers past the prime are seen",
        arguments: allLatticeKernels.indices
    )
    func packing(index: Int) {
        let kernels = allLatticeKernels[index]
        var words = LatticeTestWords(seed: 24)
        for (limb, count) in [(0, 32), (1, 64), (5, 8_192)] {
            let p = Self.primes[limb]
            let row = LatticeResidues(zeros: count)
            let packed = LatticeResidues(zeros: count)
            let back = LatticeResidues(zeros: count)
            for i in 0..<count { row.elements[i] = i % 5 == 0 ? p - 1 : UInt32(words.next() % UInt64(p)) }
            kernels.pack(row.elements, count: count, to: packed.elements)
            #expect(packed.elements[count - 1] == 0, "31 words of 32")
            #expect(kernels.unpack(packed.elements, count: count, to: back.elements, limb: limb))
            #expect((0..<count).allSatisfy { row.elements[$0] == back.elements[$0] })
            for place in [0, 31, count - 1] {
                let kept = row.elements[place]
                row.elements[place] = p
                kernels.pack(row.elements, count: count, to: packed.elements)
                #expect(!kernels.unpack(packed.elements, count: count, to: back.elements, limb: limb), "place \(place)")
                row.elements[place] = kept
            }
        }
    }

    @Test("samples are the functions of their words that they are said to be", arguments: allLatticeKernels.indices)
    func samples(index: Int) {
        let kernels = allLatticeKernels[index]
        var generator = LatticeTestWords(seed: 25)
        let words = LatticeWords(zeros: 2 * Self.degree)
        let out = LatticeResidues(zeros: Self.degree)
        for i in 0..<words.count { words.elements[i] = generator.next() }
        // Next to a third and two thirds of 2^128.
        let third: UInt64 = 0x5555_5555_5555_5555
        for (i, pair) in [
            (third, third), (third + 1, third), (2 * third, 2 * third), (2 * third + 1, 2 * third), (0, 0),
            (.max, .max),
        ]
        .enumerated() {
            (words.elements[2 * i], words.elements[2 * i + 1]) = pair
        }
        kernels.ternary(words.elements, to: out.elements)
        for i in 0..<Self.degree {
            let whole = UInt128(words.elements[2 * i + 1]) << 64 | UInt128(words.elements[2 * i])
            let third = UInt128.max / 3
            let expected: Int32 = whole <= third ? -1 : whole <= 2 * third ? 0 : 1
            #expect(Int32(bitPattern: out.elements[i]) == expected, "ternary \(i)")
        }
        kernels.binomial(words.elements, to: out.elements)
        for i in 0..<Self.degree {
            let ones = (words.elements[i] << 22).nonzeroBitCount
            #expect(Int32(bitPattern: out.elements[i]) == Int32(ones - 21), "binomial \(i)")
        }
        for limb in 0..<6 {
            let p = UInt128(Self.primes[limb])
            kernels.uniform(words.elements, count: Self.degree, to: out.elements, limb: limb)
            for i in 0..<Self.degree {
                let whole = UInt128(words.elements[2 * i + 1]) << 64 | UInt128(words.elements[2 * i])
                if UInt128(out.elements[i]) != whole % p { Issue.record("uniform \(i) modulo prime \(limb)") }
            }
        }
    }

    @Test("public rows are the words that are below the prime, in order")
    func publicRows() {
        let native = NativeKernels(threads: 1)
        let seed = ExpansionKey(low: 3, high: 4)
        let row = LatticeResidues(zeros: Self.degree)
        let scratch = LatticeWords(zeros: LatticeKernels.publicWords)
        for limb in 0..<6 {
            let p = Self.primes[limb]
            bestLatticeKernels.uniformPublic(seed, number: 9, to: row.elements, limb: limb, scratch: scratch)
            let words = native.expand(seed, number: 9, from: 0, shape: [LatticeKernels.publicWords]).elements
            let halves = words.flatMap {
                [UInt32(truncatingIfNeeded: $0) & 0x7FFF_FFFF, UInt32($0 >> 32) & 0x7FFF_FFFF]
            }
            var spare = halves[Self.degree...].filter { $0 < p }[...]
            let expected = halves[..<Self.degree].map { $0 < p ? $0 : spare.removeFirst() }
            #expect((0..<Self.degree).map { row.elements[$0] } == expected)
            if limb == 5 { #expect(halves[..<Self.degree].contains { $0 >= p }, "some are replaced") }
        }
    }
}
