import CrypTenCorrelations
import CrypTenRing
import Testing

@Suite("Arithmetic of words in slots")
struct LatticeSlotArithmeticTests {
    static let degree = LatticeParameters.degree
    static let primes = LatticeSlots.primes
    static let outer = LatticeParameters.primes

    static func elements(_ row: LatticeResidues, _ number: Int = 0) -> [UInt32] {
        (0..<degree).map { row.elements[number * degree + $0] }
    }

    /// M of a pair.
    static func modulus(_ pair: Int) -> UInt64 { UInt64(primes[2 * pair]) * UInt64(primes[2 * pair + 1]) }

    @Test("primes are the largest six below 2^29 that are 1 modulo 16384, and differ from those of ciphertexts")
    func primes() {
        var found: [UInt32] = []
        var candidate: UInt64 = (1 << 29) + 1
        while found.count < 6 {
            candidate -= 16_384
            if (2..<23_171).allSatisfy({ candidate % $0 != 0 }) { found.append(UInt32(candidate)) }
        }
        #expect(found == LatticeSlots.primes)
    }

    @Test("words are residues, and q times that", arguments: allLatticeKernels.indices)
    func residues(index: Int) {
        let kernels = allLatticeKernels[index]
        var words = LatticeTestWords(seed: 31)
        let message = LatticeWords(zeros: Self.degree)
        for i in 0..<Self.degree { message.elements[i] = i < 8 ? LatticeTestWords.edges[i] : words.next() }
        for prime in 0..<6 {
            let t = Int64(Self.primes[prime])
            let q = Self.outer.reduce(UInt64(1)) { $0 * (UInt64($1) % UInt64(t)) % UInt64(t) }
            for timesModulus in [false, true] {
                let row = LatticeResidues(zeros: Self.degree)
                kernels.slots(message.elements, timesModulus: timesModulus, to: row.elements, prime: prime)
                let want = (0..<Self.degree).map { i in
                    let residue = UInt64((Int64(bitPattern: message.elements[i]) % t + t) % t)
                    return UInt32(timesModulus ? residue * q % UInt64(t) : residue)
                }
                #expect(Self.elements(row) == want, "prime \(prime)")
            }
        }
    }

    @Test(
        "a pair's residues are a centred number, whose residues and encoding are exact",
        arguments: allLatticeKernels.indices
    )
    func numbers(index: Int) {
        let kernels = allLatticeKernels[index]
        var words = LatticeTestWords(seed: 32)
        for pair in 0..<3 {
            let modulus = Self.modulus(pair)
            let (t, u) = (UInt64(Self.primes[2 * pair]), UInt64(Self.primes[2 * pair + 1]))
            let edges = [0, 1, modulus - 1, modulus / 2, modulus / 2 + 1, t, u, t - 1]
            let numbers = (0..<Self.degree).map { $0 < 8 ? edges[$0] : words.next() % modulus }
            let rows = LatticeResidues(zeros: 2 * Self.degree)
            let (first, second) = (rows.elements, rows.elements + Self.degree)
            for (i, number) in numbers.enumerated() { (first[i], second[i]) = (UInt32(number % t), UInt32(number % u)) }
            kernels.join(first, second, pair: pair)
            let joined = (0..<Self.degree).map { Int64(first[$0]) + Int64(t) * Int64(Int32(bitPattern: second[$0])) }
            for (number, centred) in zip(numbers, joined) {
                #expect(centred == Int64(number) || centred == Int64(number) - Int64(modulus))
                #expect(centred.magnitude <= (modulus + t) / 2)
            }
            // Those are q m modulo M: and then round(q m / M) is what a ciphertext holds.
            let row = LatticeResidues(zeros: Self.degree)
            for limb in [0, 3, 5] {
                let p = Int64(Self.outer[limb])
                kernels.factors(first, second, pair: pair, to: row.elements, limb: limb)
                for i in 0..<Self.degree {
                    let residue = UInt64((joined[i] % p + p) % p)
                    #expect(UInt64(row.elements[i]) == (residue << 32) % UInt64(p))
                }
                kernels.encode(first, second, pair: pair, to: row.elements, limb: limb)
                for i in 0..<Self.degree {
                    let residue = UInt64((joined[i] % p + p) % p)
                    let over = UInt64(row.elements[i]) * (modulus % UInt64(p)) % UInt64(p)
                    #expect((over + residue) % UInt64(p) == 0)
                }
            }
        }
    }

    @Test("numbers modulo q′ become round(M x / q′), exactly, next to halves too", arguments: allLatticeKernels.indices)
    func lowering(index: Int) {
        let kernels = allLatticeKernels[index]
        var words = LatticeTestWords(seed: 33)
        let sent = Array(Self.outer.prefix(4))
        let whole = sent.reduce(TestNumber(1)) { $0.times(UInt64($1)) }
        for pair in 0..<3 {
            let (t, u) = (UInt64(Self.primes[2 * pair]), UInt64(Self.primes[2 * pair + 1]))
            let rows = LatticeResidues(zeros: 4 * Self.degree)
            var want: [UInt64] = []
            for i in 0..<Self.degree {
                var x = TestNumber(residues: sent.map { UInt32(words.next() % UInt64($0)) }, primes: sent)
                if i < 200 {
                    // ⌊q′ (2k + 1) / (2 M)⌋ and the number after it.
                    let odd = 2 * (words.next() % (1 << 29)) + 1
                    let quotient = whole.times(odd).divided(by: t).quotient.divided(by: u).quotient
                    x = quotient.divided(by: 2).quotient.plus(TestNumber(UInt64(i % 2)))
                }
                if i < 4 { x = TestNumber(UInt64(i)) }
                for limb in 0..<4 {
                    rows.elements[limb * Self.degree + i] = UInt32(x.divided(by: UInt64(sent[limb])).remainder)
                }
                let sum = x.times(t).times(u).plus(LatticeArithmeticTests.half(4))
                want.append(sent.reduce(sum) { $0.divided(by: UInt64($1)).quotient }.low)
            }
            let out = LatticeResidues(zeros: 2 * Self.degree)
            kernels.lower(rows.elements, pair: pair, first: out.elements, second: out.elements + Self.degree)
            #expect(Self.elements(out) == want.map { UInt32($0 % t) })
            #expect(Self.elements(out, 1) == want.map { UInt32($0 % u) })
        }
    }

    @Test("residues modulo all six primes become words, any number of them", arguments: allLatticeKernels.indices)
    func collecting(index: Int) {
        let kernels = allLatticeKernels[index]
        var words = LatticeTestWords(seed: 34)
        let whole = Self.primes.reduce(UInt64(1)) { $0 &* UInt64($1) }
        let rows = LatticeResidues(zeros: 6 * Self.degree)
        var want: [UInt64] = []
        for i in 0..<Self.degree {
            let residues = Self.primes.map { i == 0 ? 0 : i == 1 ? $0 - 1 : UInt32(words.next() % UInt64($0)) }
            for (k, residue) in residues.enumerated() { rows.elements[k * Self.degree + i] = residue }
            want.append(TestNumber(residues: residues, primes: Self.primes).low)
        }
        for count in [0, 1, 15, 16, 17, 8_191, 8_192] {
            let out = LatticeWords(zeros: Self.degree + 1)
            kernels.collect(rows.elements, count: count, negative: false, to: out.elements)
            #expect((0..<count).map { out.elements[$0] } == Array(want.prefix(count)))
            #expect(out.elements[count] == 0, "what follows stays")
            kernels.collect(rows.elements, count: count, negative: true, to: out.elements)
            #expect((0..<count).map { out.elements[$0] } == want.prefix(count).map { $0 &- whole })
        }
    }
}
