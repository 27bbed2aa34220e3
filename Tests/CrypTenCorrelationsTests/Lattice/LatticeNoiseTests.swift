import CrypTenCorrelations
import CrypTenRing
import Testing

@Suite("The noise of sums")
struct LatticeNoiseTests {
    static let matrix = BilinearOperation.matmul(transposeLeft: false, transposeRight: false)
    static let degree = LatticeParameters.degree

    /// How far coefficients of the sums are from round(q m / 2^64), of the words m that they encode: magnitudes.
    static func noise(
        _ sums: LatticeAccumulators,
        answer: Int,
        _ pair: LatticePair,
        coefficients: [Int],
        words: [UInt64]
    ) -> [UInt128] {
        let kernels = pair.kernels
        let limbs = 6
        // As residues modulo the first three primes, whose product is larger than any noise that is admitted, and by the others.
        let differences = (0..<limbs).map { limb in
            let rows = sums.values.elements + answer * 2 * limbs * degree
            let row = LatticeResidues(zeros: degree)
            let secret = pair.secret.values.elements + limb * degree
            kernels.multiplyAdd(row.elements, rows + limb * degree, rows + (limbs + limb) * degree, secret, limb: limb)
            kernels.backward(row.elements, limb: limb)
            let scaled = LatticeWords(zeros: words.count)
            let encoded = LatticeResidues(zeros: words.count)
            for (i, word) in words.enumerated() { scaled.elements[i] = LatticeKernels.modulus &* word }
            kernels.encode(scaled.elements, count: words.count, to: encoded.elements, limb: limb)
            let p = LatticeParameters.primes[limb]
            return coefficients.indices.map { (row.elements[coefficients[$0]] + (p - encoded.elements[$0])) % p }
        }
        let primes = LatticeParameters.primes.map { UInt128($0) }
        let modulus = primes[0] * primes[1] * primes[2]
        return coefficients.indices.map { i in
            let number = TestNumber(
                residues: (0..<3).map { differences[$0][i] },
                primes: Array(LatticeParameters.primes.prefix(3))
            )
            let value = number.words.reversed().reduce(UInt128(0)) { $0 << 32 | UInt128($1) }
            let negative = value > modulus / 2
            let magnitude = negative ? modulus - value : value
            for limb in 3..<limbs {
                let residue = magnitude % primes[limb]
                let expected = negative ? (primes[limb] - residue) % primes[limb] : residue
                #expect(UInt128(differences[limb][i]) == expected, "the noise is no small number")
            }
            return magnitude
        }
    }

    @Test("the longest sum's is below its bound, at the worst words and at random", arguments: [true, false])
    func longest(worst: Bool) throws {
        let length = 28 * 8_192
        let pair = try LatticePair(seed: 300)
        var words = LatticeTestWords(seed: 3)
        let form = try LatticePlanner.matrix(Self.matrix, [1, length], [length, 1])
        let packing = LatticePacking(form, encrypted: .left, lanes: 1, blockChannels: 8_192, blockOutputs: 1)
        #expect(packing.summedProducts == length && length > LatticeNoise.mostTerms * 98 / 100)
        func tensor(_ shape: Shape) -> RingTensor {
            worst
                ? RingTensor(repeating: 1 << 63, shape: shape)
                : RingTensor((0..<length).map { _ in words.next() }, shape: shape)
        }
        let (x, y) = (tensor(form.leftShape), tensor(form.rightShape))
        let product = try ringProduct(Self.matrix, x, y)
        let ciphertexts = try LatticeCiphertexts(message: pair.secret.encrypt(x, packing), packing, pair.kernels)
        let sums = try LatticeAccumulators(
            ciphertexts,
            times: LatticePlaintexts(y, packing, pair.kernels),
            pair.kernels
        )
        let noise = Self.noise(sums, answer: 0, pair, coefficients: [8_191], words: product)[0]
        let bits = 128 - noise.leadingZeroBitCount
        print("noise of a sum of \(length) products: \(bits) bits, admitted 80")
        #expect(noise < 1 << 80)
        // Roundings of words that are 2^63 are a half each, and their sum is nearly all of the bound.
        #expect(worst ? bits == 80 : bits < 78)
        #expect(try pair.run(packing, x, y).sum == product)
    }

    @Test("of many sums is below the bound for their length, and near what coins make of it")
    func many() throws {
        let pair = try LatticePair(seed: 301)
        var words = LatticeTestWords(seed: 4)
        let form = try LatticePlanner.matrix(Self.matrix, [64, 256], [256, 2])
        let packing = LatticePacking(form, encrypted: .left, lanes: 64, blockChannels: 64, blockOutputs: 2)
        let x = RingTensor((0..<64 * 256).map { _ in words.next() }, shape: [64, 256])
        let y = RingTensor((0..<512).map { _ in words.next() }, shape: [256, 2])
        let product = try ringProduct(Self.matrix, x, y)
        let ciphertexts = try LatticeCiphertexts(message: pair.secret.encrypt(x, packing), packing, pair.kernels)
        let sums = try LatticeAccumulators(
            ciphertexts,
            times: LatticePlaintexts(y, packing, pair.kernels),
            pair.kernels
        )
        let coefficients = (0..<64).flatMap { i in (0..<2).map { i + 64 * (63 + 64 * $0) } }
        let noise = Self.noise(sums, answer: 0, pair, coefficients: coefficients, words: product).map { Double($0) }
        let bound = LatticeNoise.bits(terms: packing.summedProducts)
        #expect(noise.allSatisfy { $0 < Double(sign: .plus, exponent: Int(bound.rounded(.up)), significand: 1) })
        // Each of 512 terms: variance 10.5 + 1/12 of the ciphertext times 2^126 / 3 of the word.
        let deviation = (512 * (10.5 + 1.0 / 12) / 3).squareRoot() * Double(sign: .plus, exponent: 63, significand: 1)
        let measured = (noise.reduce(0) { $0 + $1 * $1 } / 128).squareRoot()
        // A mean of 128 squares is within 45 % of its expectation but for 3 in 10^4 seeds; this one is fixed.
        #expect(abs(measured * measured / (deviation * deviation) - 1) < 0.45)
    }
}
