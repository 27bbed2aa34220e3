import CrypTenCorrelations
import CrypTenRing
import Testing

@Suite("Transforms modulo primes below 2^31")
struct LatticeTransformTests {
    static let degree = LatticeParameters.degree

    static func row(_ words: inout LatticeTestWords, limb: Int) -> LatticeResidues {
        let p = UInt64(LatticeParameters.primes[limb])
        let row = LatticeResidues(zeros: degree)
        for i in 0..<degree { row.elements[i] = UInt32(i % 7 == 0 ? [0, 1, p - 1][i % 3] : words.next() % p) }
        return row
    }

    static func elements(_ row: LatticeResidues) -> [UInt32] {
        (0..<row.count).map { row.elements[$0] }
    }

    @Test("primes are the largest six that are 1 modulo 16384")
    func primes() {
        var found: [UInt32] = []
        var candidate: UInt64 = (1 << 31) + 1
        while found.count < 6 {
            candidate -= 16_384
            if (2..<46_341).allSatisfy({ candidate % $0 != 0 }) { found.append(UInt32(candidate)) }
        }
        #expect(found == LatticeParameters.primes)
    }

    @Test("values are those at the odd powers of a root, as the layout says", arguments: 0..<6)
    func values(limb: Int) {
        var words = LatticeTestWords(seed: 11 + UInt64(limb))
        let p = UInt64(LatticeParameters.primes[limb])
        let row = Self.row(&words, limb: limb)
        let coefficients = Self.elements(row)
        bestLatticeKernels.forward(row.elements, limb: limb)
        let root = (2...).lazy.map { TestNumber.power(UInt64($0), (p - 1) / 16_384, p) }
            .first { TestNumber.power($0, 8_192, p) == p - 1 }!
        for leaf in [0, 1, 2, 15, 16, 17, 255, 256, 4_097, 8_191] + (0..<30).map({ _ in Int(words.next() % 8_192) }) {
            var reversed = 0
            for bit in 0..<13 where leaf >> bit & 1 == 1 { reversed |= 1 << (12 - bit) }
            let point = TestNumber.power(root, UInt64(2 * reversed + 1), p)
            let value = coefficients.reversed().reduce(UInt64(0)) { ($0 * point + UInt64($1)) % p }
            // 16 vectors of 16 in a chunk, transposed.
            let place = leaf / 256 * 256 + leaf % 16 * 16 + leaf / 16 % 16
            #expect(UInt64(row.elements[place]) == value, "leaf \(leaf)")
        }
    }

    @Test(
        "products of values are negacyclic products of coefficients, with every instruction set",
        arguments: allLatticeKernels.indices
    )
    func products(index: Int) {
        let kernels = allLatticeKernels[index]
        for limb in [0, 5] {
            var words = LatticeTestWords(seed: 5)
            let p = UInt64(LatticeParameters.primes[limb])
            let a = Self.row(&words, limb: limb)
            let b = Self.row(&words, limb: limb)
            let (left, right) = (Self.elements(a).map(UInt64.init), Self.elements(b).map(UInt64.init))
            var expected = [UInt64](repeating: 0, count: 2 * Self.degree)
            for i in 0..<Self.degree {
                for j in 0..<Self.degree { expected[i + j] = (expected[i + j] + left[i] * right[j]) % p }
            }
            kernels.forward(a.elements, limb: limb)
            kernels.forward(b.elements, limb: limb)
            kernels.makeFactor(b.elements, limb: limb)
            let zero = LatticeResidues(zeros: Self.degree)
            kernels.multiplyAdd(a.elements, zero.elements, a.elements, b.elements, limb: limb)
            kernels.backward(a.elements, limb: limb)
            let folded = (0..<Self.degree).map { UInt32((expected[$0] + p - expected[Self.degree + $0]) % p) }
            #expect(Self.elements(a) == folded, "\(kernels.native.name), prime \(limb)")
        }
    }

    @Test("both ways give the coefficients back, and all instruction sets the same values")
    func roundTrip() {
        for limb in 0..<6 {
            var words = LatticeTestWords(seed: 77 + UInt64(limb))
            let original = Self.elements(Self.row(&words, limb: limb))
            var values: [[UInt32]] = []
            for kernels in allLatticeKernels {
                let row = LatticeResidues(zeros: Self.degree)
                for i in 0..<Self.degree { row.elements[i] = original[i] }
                kernels.forward(row.elements, limb: limb)
                values.append(Self.elements(row))
                kernels.backward(row.elements, limb: limb)
                #expect(Self.elements(row) == original, "\(kernels.native.name), prime \(limb)")
            }
            #expect(values.allSatisfy { $0 == values[0] })
        }
    }

    @Test(
        "sixteen polynomials in X^lanes side by side have the values of the whole transform",
        arguments: allLatticeKernels.indices
    )
    func sideBySide(index: Int) {
        let kernels = allLatticeKernels[index]
        let limb = 3
        let p = UInt64(LatticeParameters.primes[limb])
        for points in [1, 2, 8, 32, 512, 1_024, 2_048, 4_096] {
            var words = LatticeTestWords(seed: UInt64(points))
            let lanes = Self.degree / points
            let rows = LatticeResidues(zeros: 16 * points)
            for i in 0..<16 * points { rows.elements[i] = UInt32(words.next() % p) }
            let whole = LatticeResidues(zeros: Self.degree)
            let number = 11
            for c in 0..<points { whole.elements[c * lanes] = rows.elements[c * 16 + number] }
            kernels.forward(whole.elements, limb: limb)
            kernels.forwardMany(rows.elements, points: points, limb: limb)
            let apart = LatticeResidues(zeros: 16 * points)
            if points > 512 { kernels.apart(rows.elements, points: points, count: 16, to: apart.elements) }
            for leaf in 0..<Self.degree {
                let place = leaf / 256 * 256 + leaf % 16 * 16 + leaf / 16 % 16
                if points > 512 {
                    let vector = leaf / 256 * (points / 512) + leaf % 16 / lanes
                    #expect(whole.elements[place] == apart.elements[number * points + vector * 16 + leaf / 16 % 16])
                }
                guard whole.elements[place] != rows.elements[leaf / lanes * 16 + number] else { continue }
                Issue.record("\(points) points, leaf \(leaf), \(kernels.native.name)")
                return
            }
        }
    }
}
