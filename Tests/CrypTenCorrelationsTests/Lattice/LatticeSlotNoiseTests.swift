import CrypTenCorrelations
import CrypTenRing
import Foundation
import Testing

@Suite("The noise of products in slots")
struct LatticeSlotNoiseTests {
    static let degree = LatticeParameters.degree

    /// Words whose polynomials modulo the first pair have this number, modulo M, in every coefficient.
    static func words(everyCoefficient number: UInt64, _ kernels: LatticeKernels) -> RingTensor {
        let rows = LatticeResidues(zeros: 2 * degree)
        let (t, u) = (UInt64(LatticeSlots.primes[0]), UInt64(LatticeSlots.primes[1]))
        for (prime, modulus) in [t, u].enumerated() {
            let row = rows.elements + prime * degree
            row.update(repeating: UInt32(number % modulus), count: degree)
            kernels.coefficientsToSlots(row, prime: prime)
        }
        let inverse = TestNumber.power(t % u, u - 2, u)
        return RingTensor(
            (0..<degree).map { i in
                let (a, b) = (UInt64(rows.elements[i]), UInt64(rows.elements[degree + i]))
                return a + t * ((b + u - a % u) % u * inverse % u)
            },
            shape: [degree]
        )
    }

    /// |V − q′ m / M| of all coefficients of the first pair, where nothing masks V: M V modulo q′ is M times that.
    static func noise(_ terms: [(held: RingTensor, others: RingTensor)]) throws -> [Double] {
        let streams = LatticeStreams(ExpansionKey(low: 521, high: 9), bestLatticeKernels.native)
        let pair = try LatticePair(seed: 520, other: MaskedWith(base: streams, residue: 0))
        let run = try LatticeSlotRun(pair, terms)
        let rows = LatticeSlotPrivacyTests.decrypted(run.answer, pair)
        let primes = Array(LatticeParameters.primes.prefix(4))
        let modulus = LatticeSlotArithmeticTests.modulus(0)
        let half = LatticeArithmeticTests.half(4)
        return (0..<degree).map { i in
            let residues = (0..<4).map { limb in
                let p = UInt64(primes[limb])
                let scaled = UInt64(rows.elements[limb * degree + i]) * (modulus % p) % p
                return UInt32((scaled + half.divided(by: p).remainder) % p)
            }
            // Shifted by a half of q′: where the difference is small it is exact, for its leading bits are.
            let shifted = TestNumber(residues: residues, primes: primes)
            var difference = 0.0
            for place in (0..<max(shifted.words.count, half.words.count)).reversed() {
                func word(_ number: TestNumber) -> Double {
                    place < number.words.count ? Double(number.words[place]) : 0
                }
                difference = difference * 0x1p32 + word(shifted) - word(half)
            }
            return abs(difference) / Double(modulus)
        }
    }

    @Test(
        "is below its bound at the worst words, which are as bad as they are said to be",
        arguments: [1, LatticeSlots.mostTerms]
    )
    func worst(terms: Int) throws {
        let modulus = LatticeSlotArithmeticTests.modulus(0)
        // m with q m = (M − 1) / 2 modulo M, by either prime: encodings are off by a half then.
        func coefficient(_ prime: UInt64) -> UInt64 {
            let q = LatticeParameters.primes.reduce(UInt64(1)) { $0 * (UInt64($1) % prime) % prime }
            return (modulus / 2) % prime * TestNumber.power(q, prime - 2, prime) % prime
        }
        let (t, u) = (UInt64(LatticeSlots.primes[0]), UInt64(LatticeSlots.primes[1]))
        let (a, b) = (coefficient(t), coefficient(u))
        let message = a + t * ((b + u - a % u) % u * TestNumber.power(t % u, u - 2, u) % u)
        let x = Self.words(everyCoefficient: message, bestLatticeKernels)
        let y = Self.words(everyCoefficient: modulus / 2, bestLatticeKernels)
        let noise = try Self.noise(Array(repeating: (x, y), count: terms))
        let bound = exp2(LatticeSlots.noiseBits(terms: terms))
        print("noise of \(terms) products in slots at the worst words: 2^\(log2(noise.max()!)), bound 2^\(log2(bound))")
        // The coefficient X^8191 has every rounding with the same sign: terms · 8192 · 2^56 over the primes that are dropped.
        #expect(noise.max()! < bound && noise[8_191] > 64 * Double(terms))
    }

    @Test("of uniform words is what coins and roundings make of it", arguments: [1, 2, LatticeSlots.mostTerms])
    func uniform(terms: Int) throws {
        var generator = LatticeTestWords(seed: UInt64(terms))
        func words() -> RingTensor { RingTensor((0..<Self.degree).map { _ in generator.next() }, shape: [Self.degree]) }
        let noise = try Self.noise((0..<terms).map { _ in (words(), words()) })
        // 8192 coefficients with variance M²/12, of which each meets coins and a rounding; over the two primes. Roundings of both halves, one of them times s.
        let products = Double(terms * Self.degree) * (10.5 + 1.0 / 12) * exp2(116) / 12
        let dropped = LatticeParameters.primes.suffix(2).reduce(1.0) { $0 * Double($1) }
        let variance = products / dropped / dropped + (1 + Double(Self.degree) * 2 / 3) / 12
        let measured = noise.reduce(0) { $0 + $1 * $1 } / Double(Self.degree)
        // A mean of 8192 squares is off by 1.6 %, and M isn't quite 2^58.
        #expect(abs(measured / variance - 1) < 0.08)
        #expect(noise.max()! < exp2(LatticeSlots.noiseBits(terms: terms)))
    }

    @Test("what may go wrong does so below once in 2^40 elements: of words, and of sines")
    func failure() {
        // Of all coefficients that an element's slots depend on, so many pairs of primes.
        func rounding(_ slots: LatticeSlots, _ bits: Double) -> Double {
            Double(slots.pairs * Self.degree) * exp2(1 + bits) * exp2(58) / exp2(123.99)
        }
        func modulus(_ slots: LatticeSlots) -> Double {
            LatticeSlots.primes.prefix(2 * slots.pairs).reduce(1) { $0 * Double($1) }
        }
        let wrap = Double(LatticeSlots.mostTerms) * exp2(126) / modulus(.words)
        #expect(rounding(.words, LatticeSlots.noiseBits(terms: LatticeSlots.mostTerms)) + wrap < exp2(-40))
        #expect(rounding(.words, 5) + wrap / 4 < exp2(-45))
        // Either part, as large as a product of sines is, and they are never more than 7 units larger than one.
        let parts = 2 * (exp2(30) + 7) * (exp2(30) + 7) / modulus(.complex)
        #expect(parts < exp2(-54.99))
        #expect(rounding(.complex, LatticeSlots.noiseBits(terms: 1)) + parts < exp2(-41.6))
        #expect(rounding(.complex, 4.75) + parts < exp2(-46))
        #expect(exp2(60) / modulus(.real) < exp2(-55.99))
        #expect(
            rounding(.real, LatticeSlots.noiseBits(terms: 1)) == rounding(.complex, LatticeSlots.noiseBits(terms: 1))
        )
    }
}
