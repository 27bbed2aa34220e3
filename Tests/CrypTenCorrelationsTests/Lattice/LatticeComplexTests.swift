import CrypTenCorrelations
import CrypTenRing
import Testing

/// Products of cosines and sines, at scale 2^30, against whole numbers of 128 bits.
@Suite("Products of complex numbers in slots")
struct LatticeComplexTests {
    static let degree = LatticeParameters.degree
    static let half = degree / 2
    static let primes = LatticeSlots.primes.prefix(4)
    /// T.
    static let modulus = primes.reduce(UInt128(1)) { $0 * UInt128($1) }
    /// A full turn is 2^64: no angle, quarters, halves, and their neighbours, where sums wrap.
    static let edges: [UInt64] = [
        0, 1, 1 << 62, (1 << 62) - 1, (1 << 62) + 1, 1 << 63, (1 << 63) - 1, (1 << 63) + 1, 3 << 62, (3 << 62) - 1,
        .max,
        1 << 61, 0xFFFF_FFFF,
    ]

    static func slots(
        _ real: RingTensor,
        _ imaginary: RingTensor,
        timesModulus: Bool = false,
        to row: LatticeKernels.Row,
        prime: Int,
        _ kernels: LatticeKernels
    ) {
        real.withWords { real in
            imaginary.withWords { imaginary in
                kernels.slots(real: real, imaginary: imaginary, timesModulus: timesModulus, to: row, prime: prime)
            }
        }
    }

    static func number(_ word: UInt64) -> Int128 { Int128(Int64(bitPattern: word)) }

    /// Whether both parts are the product's at scale 2^30, rounded down or up.
    static func isProduct(_ sums: [[UInt64]], _ x: [RingTensor], _ y: [RingTensor]) -> Bool {
        let (x, y) = (x.map(\.elements), y.map(\.elements))
        return sums[0].indices.allSatisfy { at in
            let (a, b) = (number(x[0][at]), number(x[1][at]))
            let (c, d) = (number(y[0][at]), number(y[1][at]))
            return zip([a * c - b * d, a * d + b * c], sums).allSatisfy { exact, sum in
                let (down, rest) = (exact >> 30, exact & ((1 << 30) - 1))
                return number(sum[at]) == down || (rest > 0 && number(sum[at]) == down + 1)
            }
        }
    }

    @Test("have the slots x + ιy and x − ιy, and q times that, where ι² = −1", arguments: allLatticeKernels.indices)
    func slots(index: Int) {
        let kernels = allLatticeKernels[index]
        var words = LatticeTestWords(seed: 71)
        // As far as parts may go.
        let most = Int64(1 << 30)
        func part(_ i: Int, _ edges: [Int64]) -> UInt64 {
            UInt64(bitPattern: i < 16 ? edges[(i / 4 + i) % 4] : Int64(words.next() % UInt64(2 * most + 1)) - most)
        }
        let real = RingTensor((0..<Self.half).map { part($0, [1, 0, most, -most]) }, shape: [Self.half])
        let imaginary = RingTensor((0..<Self.half).map { part($0, [1, most, -most, -1]) }, shape: [Self.half])
        for prime in 0..<6 {
            let t = Int128(LatticeSlots.primes[prime])
            let q = LatticeParameters.primes.reduce(Int128(1)) { $0 * Int128($1) % t }
            let one = LatticeResidues(zeros: Self.degree)
            Self.slots(
                RingTensor(zeros: [Self.half]),
                RingTensor(repeating: 1, shape: [Self.half]),
                to: one.elements,
                prime: prime,
                kernels
            )
            let unit = Int128(one.elements[0])
            #expect(unit * unit % t == t - 1)
            for timesModulus in [false, true] {
                let row = LatticeResidues(zeros: Self.degree)
                Self.slots(real, imaginary, timesModulus: timesModulus, to: row.elements, prime: prime, kernels)
                let factor = timesModulus ? q : 1
                func residue(_ x: Int128) -> UInt32 { UInt32((x % t + t) % t * factor % t) }
                for i in 0..<Self.half {
                    let (x, y) = (Self.number(real.elements[i]), Self.number(imaginary.elements[i]))
                    guard row.elements[i] == residue(x + unit * y),
                        row.elements[Self.half + i] == residue(x - unit * y)
                    else {
                        Issue.record("\(x) + i \(y) modulo prime \(prime)")
                        return
                    }
                }
            }
        }
    }

    @Test(
        "shares are rounded towards 0 as whole numbers, before they are reduced",
        arguments: allLatticeKernels.indices
    )
    func collecting(index: Int) {
        let kernels = allLatticeKernels[index]
        var words = LatticeTestWords(seed: 72)
        let units = (0..<4).map { prime in
            let row = LatticeResidues(zeros: Self.degree)
            Self.slots(
                RingTensor(zeros: [Self.half]),
                RingTensor(repeating: 1, shape: [Self.half]),
                to: row.elements,
                prime: prime,
                kernels
            )
            return UInt64(row.elements[0])
        }
        let edges: [UInt128] = [
            0, 1, (1 << 30) - 1, 1 << 30, 1 << 94, Self.modulus - 1, Self.modulus - (1 << 30), Self.modulus / 2,
        ]
        func number() -> UInt128 { (UInt128(words.next()) << 64 | UInt128(words.next())) % Self.modulus }
        let numbers: [[UInt128]] = [
            (0..<Self.half).map { $0 < 64 ? edges[$0 % 8] : number() },
            (0..<Self.half).map { $0 < 64 ? edges[$0 / 8] : number() },
        ]
        let rows = LatticeResidues(zeros: 4 * Self.degree)
        for (k, prime) in Self.primes.enumerated() {
            let t = UInt64(prime)
            for i in 0..<Self.half {
                let x = UInt64(numbers[0][i] % UInt128(t))
                let y = UInt64(numbers[1][i] % UInt128(t)) * units[k] % t
                rows.elements[k * Self.degree + i] = UInt32((x + y) % t)
                rows.elements[k * Self.degree + Self.half + i] = UInt32((x + t - y) % t)
            }
        }
        for count in [0, 1, 15, 16, 17, 4_095, 4_096] {
            for negative in [false, true] {
                let out = [LatticeWords(zeros: Self.half + 1), LatticeWords(zeros: Self.half + 1)]
                kernels.collect(
                    complex: rows.elements,
                    count: count,
                    negative: negative,
                    real: out[0].elements,
                    imaginary: out[1].elements
                )
                for part in 0..<2 {
                    let want = numbers[part].prefix(count).map { number in
                        negative
                            ? 0 &- UInt64(truncatingIfNeeded: (Self.modulus - number) >> 30)
                            : UInt64(truncatingIfNeeded: number >> 30)
                    }
                    #expect((0..<count).map { out[part].elements[$0] } == want)
                    #expect(out[part].elements[count] == 0, "what follows stays")
                }
            }
        }
    }

    @Test("are those of whole numbers, rounded, with every instruction set", arguments: allLatticeKernels.indices)
    func products(index: Int) throws {
        let pair = try LatticePair(seed: 600, allLatticeKernels[index])
        var words = LatticeTestWords(seed: 61)
        let angles = (0..<2).map { _ in (0..<Self.half).map { _ in words.next() } }
        let (x, y) = (LatticeSlots.complex.parts(angles[0]), LatticeSlots.complex.parts(angles[1]))
        #expect(Self.isProduct(try LatticeSlotRun(pair, in: .complex, [(x, y)]).sums, x, y))
    }

    @Test("are right for every pair of edges: no angle, quarters, halves, sums that wrap")
    func edgesOfAngles() throws {
        let pair = try LatticePair(seed: 601)
        let count = Self.edges.count
        let x = LatticeSlots.complex.parts((0..<count * count).map { Self.edges[$0 / count] })
        let y = LatticeSlots.complex.parts((0..<count * count).map { Self.edges[$0 % count] })
        #expect(Self.isProduct(try LatticeSlotRun(pair, in: .complex, [(x, y)]).sums, x, y))
    }

    @Test("any number of elements takes whole chunks of 4096", arguments: [1, 4_095, 4_096, 4_097, 10_000])
    func counts(count: Int) throws {
        let pair = try LatticePair(seed: 602)
        var words = LatticeTestWords(seed: 62)
        let x = LatticeSlots.complex.parts((0..<count).map { _ in words.next() })
        let y = LatticeSlots.complex.parts((0..<count).map { _ in words.next() })
        let run = try LatticeSlotRun(pair, in: .complex, [(x, y)])
        #expect(Self.isProduct(run.sums, x, y))
        let chunks = (count + 4_095) / 4_096
        #expect(8 * run.encryptions[0].count == 16 + 380_928 * chunks && 8 * run.answer.count == 507_904 * chunks)
    }

    /// The error of an element with fraction r is r or r − 1, with mean 0 and variance r (1 − r), a sixth on average: a mean of 2^19 of them has the deviation 5.6·10^-4,
    /// and is off by six of these once in 10^8.6 runs.
    @Test("are rounded up as often as their fractions say")
    func rounding() throws {
        let pair = try LatticePair(seed: 603)
        var words = LatticeTestWords(seed: 63)
        let count = 1 << 18
        let x = LatticeSlots.complex.parts((0..<count).map { _ in words.next() })
        let y = LatticeSlots.complex.parts((0..<count).map { _ in words.next() })
        let sums = try LatticeSlotRun(pair, in: .complex, [(x, y)]).sums
        #expect(Self.isProduct(sums, x, y))
        let (xs, ys) = (x.map(\.elements), y.map(\.elements))
        var total: Int128 = 0
        for at in 0..<count {
            let (a, b, c, d) = (xs[0][at], xs[1][at], ys[0][at], ys[1][at])
            let real = Self.number(a) * Self.number(c) - Self.number(b) * Self.number(d)
            let imaginary = Self.number(a) * Self.number(d) + Self.number(b) * Self.number(c)
            total += (Self.number(sums[0][at]) << 30) - real + (Self.number(sums[1][at]) << 30) - imaginary
        }
        #expect(abs(Double(total) / 0x1p30 / 0x1p19) < 6 * 5.64e-4)
    }
}
