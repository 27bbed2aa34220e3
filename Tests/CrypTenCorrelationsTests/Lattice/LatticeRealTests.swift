import CrypTenCorrelations
import CrypTenRing
import Testing

/// Products of real numbers at scale 2^30, as whole numbers of 128 bits.
@Suite("Products of real numbers in slots")
struct LatticeRealTests {
    static let degree = LatticeParameters.degree

    static func wide(_ words: [[UInt64]]) -> [Int128] {
        zip(words[0], words[1]).map { Int128(bitPattern: UInt128($1) << 64 | UInt128($0)) }
    }

    /// What both shares add up to.
    static func sums(_ run: LatticeSlotRun) -> [Int128] {
        zip(wide(run.own), wide(run.others)).map { $0 &+ $1 }
    }

    static func product(_ x: [RingTensor], _ y: [RingTensor]) -> [Int128] {
        zip(x[0].elements, y[0].elements).map { LatticeComplexTests.number($0) * LatticeComplexTests.number($1) }
    }

    @Test("are those of whole numbers, exactly, and shares are below and above 0", arguments: allLatticeKernels.indices)
    func products(index: Int) throws {
        let pair = try LatticePair(seed: 610, allLatticeKernels[index])
        var words = LatticeTestWords(seed: 64)
        // As large as they may be, and as small.
        let edges: [UInt64] = [0, 1, .max, 1 << 30, 0 &- (1 << 30), 1 << 29, 0 &- (1 << 29), (1 << 30) - 1]
        let count = Self.degree + 100
        func numbers(_ step: Int) -> [RingTensor] {
            let drawn = LatticeSlots.real.parts((0..<count).map { _ in words.next() })[0].elements
            return [RingTensor((0..<count).map { $0 < 64 ? edges[$0 / step % 8] : drawn[$0] }, shape: [count])]
        }
        let (x, y) = (numbers(1), numbers(8))
        let run = try LatticeSlotRun(pair, in: .real, [(x, y)])
        #expect(Self.sums(run) == Self.product(x, y))
        #expect(Self.wide(run.own).allSatisfy { $0 >= 0 } && Self.wide(run.others).allSatisfy { $0 < 0 })
        #expect(8 * run.encryptions[0].count == 16 + 2 * 380_928 && 8 * run.answer.count == 2 * 507_904)
    }

    @Test("residues modulo four primes become numbers of two words", arguments: allLatticeKernels.indices)
    func collecting(index: Int) {
        let kernels = allLatticeKernels[index]
        var words = LatticeTestWords(seed: 65)
        let modulus = LatticeComplexTests.modulus
        let edges: [UInt128] = [0, 1, modulus - 1, modulus / 2, 1 << 64, (1 << 64) - 1]
        let rows = LatticeResidues(zeros: 4 * Self.degree)
        let numbers = (0..<Self.degree).map { i -> UInt128 in
            if i < edges.count { return edges[i] }
            return (UInt128(words.next()) << 64 | UInt128(words.next())) % modulus
        }
        for (k, prime) in LatticeComplexTests.primes.enumerated() {
            for (i, number) in numbers.enumerated() {
                rows.elements[k * Self.degree + i] = UInt32(number % UInt128(prime))
            }
        }
        for count in [0, 1, 15, 16, 17, 8_191, 8_192] {
            for negative in [false, true] {
                let (low, high) = (LatticeWords(zeros: Self.degree + 1), LatticeWords(zeros: Self.degree + 1))
                kernels.collect(
                    real: rows.elements,
                    count: count,
                    negative: negative,
                    low: low.elements,
                    high: high.elements
                )
                let got = (0..<count).map { UInt128(high.elements[$0]) << 64 | UInt128(low.elements[$0]) }
                #expect(got == numbers.prefix(count).map { negative ? $0 &- modulus : $0 })
                #expect(low.elements[count] == 0 && high.elements[count] == 0, "what follows stays")
            }
        }
    }
}
