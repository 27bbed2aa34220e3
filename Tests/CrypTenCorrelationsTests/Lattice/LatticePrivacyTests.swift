import CrypTenCorrelations
import CrypTenRing
import Synchronization
import Testing

/// What either party sees is uniform or pseudorandom whatever the operands are; and what is broken on purpose is seen.
///
/// Hypothesis of each χ²: bytes are uniform, 255 degrees of freedom. 391 is passed by chance with probability 10^-7, so some 40 comparisons raise a
/// false alarm with 4 · 10^-6; seeds are fixed.
@Suite("What answers show")
struct LatticePrivacyTests {
    static let matrix = BilinearOperation.matmul(transposeLeft: false, transposeRight: false)
    static let degree = LatticeParameters.degree
    static let threshold = 391.0

    static func chiSquare(_ bytes: [UInt8]) -> Double {
        var counts = [Double](repeating: 0, count: 256)
        for byte in bytes { counts[Int(byte)] += 1 }
        let expected = Double(bytes.count) / 256
        return counts.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
    }

    /// What the encrypting party decrypts: numbers modulo q′, of the results of one answer.
    static func decrypted(_ message: [UInt8], used: [Int], _ pair: LatticePair) -> [TestNumber] {
        let (degree, first) = (degree, (used.count + 31) / 32 * 124)
        let residues = (0..<4).map { limb in
            let row = LatticeResidues(zeros: degree)
            let packed = LatticeResidues(zeros: degree)
            let zero = LatticeResidues(zeros: degree)
            func read(_ offset: Int, _ count: Int) {
                message.withUnsafeBytes { bytes in
                    for i in 0..<count / 32 * 31 {
                        packed.elements[i] = UInt32(
                            littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 4 * i, as: UInt32.self)
                        )
                    }
                }
                #expect(pair.kernels.unpack(packed.elements, count: count, to: row.elements, limb: limb))
            }
            read(4 * first + limb * LatticeParameters.bytes(ofResidues: degree), degree)
            pair.kernels.forward(row.elements, limb: limb)
            let secret = pair.secret.values.elements + limb * degree
            pair.kernels.multiplyAdd(row.elements, zero.elements, row.elements, secret, limb: limb)
            pair.kernels.backward(row.elements, limb: limb)
            let product = used.map { row.elements[$0] }
            read(limb * first, (used.count + 31) / 32 * 32)
            return used.indices.map { (product[$0] + row.elements[$0]) % LatticeParameters.primes[limb] }
        }
        let primes = Array(LatticeParameters.primes.prefix(4))
        return used.indices.map { i in TestNumber(residues: residues.map { $0[i] }, primes: primes) }
    }

    /// Bytes of what is decrypted in a product of 128 × 4 and 4 × 16 words, several times: of the numbers modulo q′ and of the shares.
    static func statistics(_ left: UInt64?, _ right: UInt64?, mutant: Bool = false) throws -> [Double] {
        let kernels = bestLatticeKernels
        let streams = LatticeStreams(ExpansionKey(low: 400, high: 9), kernels.native)
        let pair = try LatticePair(seed: 400, other: mutant ? MaskedWith(base: streams, residue: 5) : streams)
        var words = LatticeTestWords(seed: 5)
        func tensor(_ value: UInt64?, _ shape: Shape) -> RingTensor {
            RingTensor((0..<shape.count).map { _ in value ?? words.next() }, shape: shape)
        }
        let form = try LatticePlanner.matrix(Self.matrix, [128, 4], [4, 16])
        let packing = LatticePacking(form, encrypted: .left, lanes: 128, blockChannels: 4, blockOutputs: 16)
        let used = (0..<16).flatMap { j in (0..<128).map { $0 + 128 * (3 + 4 * j) } }
        var samples = [[UInt8]](repeating: [], count: 4)
        for _ in 0..<16 {
            let result = try pair.run(packing, tensor(left, [128, 4]), tensor(right, [4, 16]))
            // Fractions of 2^116 of a number below q′ are uniform bytes.
            for number in decrypted(result.answer, used: used, pair) {
                samples[0].append(UInt8(truncatingIfNeeded: number.words[0]))
                samples[1].append(UInt8(truncatingIfNeeded: number.words.count > 2 ? number.words[2] : 0))
            }
            for word in result.own.elements {
                samples[2].append(UInt8(truncatingIfNeeded: word))
                samples[3].append(UInt8(word >> 56))
            }
        }
        return samples.map(chiSquare)
    }

    @Test(
        "what is decrypted is uniform whatever the operands are",
        arguments: [(0, 0), (nil, nil), (1 << 63, 1 << 63), (UInt64.max, 1), (nil, 0)] as [(UInt64?, UInt64?)]
    )
    func uniform(left: UInt64?, right: UInt64?) throws {
        for (index, value) in try Self.statistics(left, right).enumerated() {
            #expect(value < Self.threshold, "sample \(index)")
        }
    }

    @Test("mutant: a mask that isn't uniform is seen by the same test")
    func maskNotUniform() throws {
        let values = try Self.statistics(1 << 63, 3, mutant: true)
        #expect(values.contains { $0 > 10 * Self.threshold })
    }

    @Test("messages of masks that are all zeros or all ones are uniform words", arguments: [0, UInt64.max])
    func ciphertexts(value: UInt64) throws {
        let pair = try LatticePair(seed: 401)
        let form = try LatticePlanner.matrix(Self.matrix, [512, 16], [16, 1])
        let packing = LatticePacking(form, encrypted: .left, lanes: 512, blockChannels: 16, blockOutputs: 1)
        let message = try pair.secret.encrypt(RingTensor(repeating: value, shape: [512, 16]), packing)
        let words = stride(from: 16, to: message.count, by: 4)
        // The lowest bytes of residues: a prime isn't a multiple of 256, which shows in a part of 2^-23.
        #expect(Self.chiSquare(words.map { message[$0] }) < Self.threshold)
        #expect(Self.chiSquare(words.map { message[$0 + 1] }) < Self.threshold)
    }

    @Test(
        "mutant: without an encryption of zero the second half of a sum, divided by what its owner knows, is the plaintext"
    )
    func withoutZero() throws {
        let pair = try LatticePair(seed: 402)
        var words = LatticeTestWords(seed: 6)
        let kernels = pair.kernels
        let degree = Self.degree
        let form = try LatticePlanner.matrix(Self.matrix, [16, 8], [8, 5])
        let packing = LatticePacking(form, encrypted: .left, lanes: 16, blockChannels: 8, blockOutputs: 5)
        let (x, y) = (words.tensor([16, 8]), words.tensor([8, 5]))
        let message = try pair.secret.encrypt(x, packing)
        let ciphertexts = try LatticeCiphertexts(message: message, packing, kernels)
        let sums = try LatticeAccumulators(ciphertexts, times: LatticePlaintexts(y, packing, kernels), kernels)
        for limb in [0, 4] {
            let p = UInt64(LatticeParameters.primes[limb])
            let known = Self.secondHalf(message, limb: limb, kernels)
            let quotient = LatticeResidues(zeros: degree)
            for i in 0..<degree {
                let value = UInt64(sums.values.elements[(6 + limb) * degree + i])
                quotient.elements[i] = UInt32(value * TestNumber.power(UInt64(known.elements[i]), p - 2, p) % p)
            }
            kernels.backward(quotient.elements, limb: limb)
            for k in 0..<8 {
                for j in 0..<5 {
                    let word = Int64(bitPattern: y.elements[k * 5 + j])
                    let residue = UInt32((word % Int64(p) + Int64(p)) % Int64(p))
                    #expect(quotient.elements[16 * (7 - k + 8 * j)] == residue)
                }
            }
        }
    }

    @Test("mutant: an answer without an encryption of zero confirms a guess of the plaintext; one with it doesn't")
    func guess() throws {
        let pair = try LatticePair(seed: 403)
        let kernels = pair.kernels
        let degree = Self.degree
        let form = try LatticePlanner.matrix(Self.matrix, [1, 1], [1, 1])
        let packing = LatticePacking(form, encrypted: .left, lanes: 16, blockChannels: 1, blockOutputs: 1)
        let secret: UInt64 = 4_711
        let (x, y) = (RingTensor(repeating: 99, shape: [1, 1]), RingTensor(repeating: secret, shape: [1, 1]))
        let noKey = LatticePublicKey(values: LatticeResidues(zeros: 12 * degree))
        for (key, found) in [(noKey, [Int(secret)]), (pair.publicKey, [])] {
            let result = try pair.run(packing, x, y, key: key)
            #expect(result.sum == [99 * secret])
            // round(a₀ · guess / P) for 8,192 guesses at once, and the answer's first coefficient of the second half.
            let rows = LatticeResidues(zeros: 6 * degree)
            for limb in 0..<6 {
                let known = Self.secondHalf(result.encryption, limb: limb, kernels)
                kernels.backward(known.elements, limb: limb)
                for guess in 0..<degree {
                    let product = UInt64(known.elements[0]) * UInt64(guess) % UInt64(LatticeParameters.primes[limb])
                    rows.elements[limb * degree + guess] = UInt32(product)
                }
            }
            kernels.dropLimbs(rows.elements)
            let shown = (0..<4).map { limb in
                let offset = 4 * 124 + limb * LatticeParameters.bytes(ofResidues: degree)
                return result.answer.withUnsafeBytes {
                    UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) & 0x7FFF_FFFF
                }
            }
            let confirmed = (0..<degree).filter { guess in
                (0..<4).allSatisfy { rows.elements[$0 * degree + guess] == shown[$0] }
            }
            #expect(confirmed == found)
        }
    }

    /// Values of the second half of a message's first ciphertext: everybody knows them.
    static func secondHalf(_ message: [UInt8], limb: Int, _ kernels: LatticeKernels) -> LatticeResidues {
        let seed = message.withUnsafeBytes { bytes in
            ExpansionKey(
                low: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                high: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        let row = LatticeResidues(zeros: degree)
        let scratch = LatticeWords(zeros: LatticeKernels.publicWords)
        kernels.uniformPublic(
            seed,
            number: LatticePublicKey.stream(0, limb: limb),
            to: row.elements,
            limb: limb,
            scratch: scratch
        )
        return row
    }

    @Test("no stream is used twice, and no two messages of one operand are alike")
    func streams() throws {
        let recorder = RecordingRandomness(
            base: LatticeStreams(ExpansionKey(low: 404, high: 9), bestLatticeKernels.native)
        )
        let kernels = bestLatticeKernels
        let secret = LatticeSecret(recorder, kernels)
        let key = try LatticePublicKey(message: secret.publicKeyMessage(), kernels)
        var words = LatticeTestWords(seed: 8)
        let (x, y) = (words.tensor([40, 30]), words.tensor([30, 20]))
        let form = try LatticePlanner.matrix(Self.matrix, x.shape, y.shape)
        let packing = LatticePacking(form, encrypted: .left, lanes: 16, blockChannels: 7, blockOutputs: 3)
        var messages: Set<[UInt8]> = []
        for _ in 0..<3 {
            let message = try secret.encrypt(x, packing)
            let ciphertexts = try LatticeCiphertexts(message: message, packing, kernels)
            let sums = try LatticeAccumulators(ciphertexts, times: LatticePlaintexts(y, packing, kernels), kernels)
            var share = RingTensor(zeros: [40, 20])
            messages.formUnion([Array(message.dropFirst(16)), sums.answer(key, recorder, kernels, share: &share)])
        }
        #expect(messages.count == 6)
        let used = recorder.used
        #expect(Set(used).count == used.count && used.count > 300)
    }

    @Test("secrets are overwritten")
    func wiped() {
        let memory = LatticeResidues(zeros: 1_000)
        memory.elements.update(repeating: 0xDEAD_BEEF, count: 1_000)
        memory.wipe()
        #expect((0..<1_000).allSatisfy { memory.elements[$0] == 0 })
    }
}

/// Remembers which streams were used.
final class RecordingRandomness: LatticeRandomness {
    private let base: LatticeStreams
    private let lock = Mutex<[UInt64]>([])

    init(base: LatticeStreams) { self.base = base }

    var used: [UInt64] { lock.withLock { $0 } }

    func streams(_ count: Int) -> UInt64 { base.streams(count) }

    func fill(_ words: UnsafeMutablePointer<UInt64>, count: Int, stream: UInt64, for draw: LatticeDraw) {
        lock.withLock { $0.append(stream) }
        base.fill(words, count: count, stream: stream, for: draw)
    }
}
