import CrypTenCorrelations
import CrypTenRing
import Testing

/// What either party sees of products in slots, whatever the operands are; and what is broken on purpose is seen.
///
/// Hypotheses as in `LatticePrivacyTests`.
@Suite("What answers in slots show")
struct LatticeSlotPrivacyTests {
    static let degree = LatticeParameters.degree
    static let threshold = LatticePrivacyTests.threshold

    /// Rows of an answer's first pair: of the first half, then of the second.
    static func rows(_ message: RingTensor, _ kernels: LatticeKernels) -> LatticeResidues {
        let rows = LatticeResidues(zeros: 8 * degree)
        let packed = LatticeResidues(zeros: degree)
        let bytes = LatticeParameters.bytes(ofResidues: degree)
        let message = Self.bytes(message)
        for row in 0..<8 {
            message.withUnsafeBytes { message in
                for i in 0..<bytes / 4 {
                    let at = row * bytes + 4 * i
                    packed.elements[i] = UInt32(
                        littleEndian: message.loadUnaligned(fromByteOffset: at, as: UInt32.self)
                    )
                }
            }
            let valid = kernels.unpack(packed.elements, count: degree, to: rows.elements + row * degree, limb: row % 4)
            #expect(valid)
        }
        return rows
    }

    static func bytes(_ message: RingTensor) -> [UInt8] {
        message.elements.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } }
    }

    /// V = c0 + c1 s of an answer's first pair, as four rows.
    static func decrypted(_ message: RingTensor, _ pair: LatticePair) -> LatticeResidues {
        let rows = rows(message, pair.kernels)
        let zero = LatticeResidues(zeros: degree)
        for limb in 0..<4 {
            let (first, second) = (rows.elements + limb * degree, rows.elements + (4 + limb) * degree)
            pair.kernels.forward(second, limb: limb)
            let secret = pair.secret.values.elements + limb * degree
            pair.kernels.multiplyAdd(second, zero.elements, second, secret, limb: limb)
            pair.kernels.backward(second, limb: limb)
            pair.kernels.add(second, to: first, count: degree, limb: limb)
        }
        return rows
    }

    static func numbers(_ rows: LatticeResidues, _ count: Int) -> [TestNumber] {
        let primes = Array(LatticeParameters.primes.prefix(4))
        return (0..<count).map { i in
            TestNumber(residues: (0..<4).map { rows.elements[$0 * degree + i] }, primes: primes)
        }
    }

    /// Pearson's statistics of bytes of what is decrypted, modulo q′ and as shares, several times.
    static func statistics(
        _ slots: LatticeSlots,
        _ left: UInt64?,
        _ right: UInt64?,
        other: (any LatticeRandomness)? = nil
    ) throws -> [Double] {
        let pair = try LatticePair(seed: 510, other: other)
        var words = LatticeTestWords(seed: 11)
        var samples = [[UInt8]](repeating: [], count: 4)
        for _ in 0..<3 {
            let x = slots.parts((0..<slots.chunk).map { _ in left ?? words.next() })
            let y = slots.parts((0..<slots.chunk).map { _ in right ?? words.next() })
            let run = try LatticeSlotRun(pair, in: slots, [(x, y)])
            for number in numbers(decrypted(run.answer, pair), degree) {
                samples[0].append(UInt8(truncatingIfNeeded: number.words[0]))
                samples[1].append(UInt8(truncatingIfNeeded: number.words.count > 2 ? number.words[2] : 0))
            }
            samples[2] += run.own.joined().map { UInt8(truncatingIfNeeded: $0) }
            // Numbers of two words are below T, no power of two: the low byte of their high words.
            samples[3] +=
                slots == .real ? run.own[1].map { UInt8($0 & 0xFF) } : run.own.joined().map { UInt8($0 >> 56) }
        }
        return samples.map(LatticePrivacyTests.chiSquare)
    }

    @Test(
        "what is decrypted is uniform whatever the operands are",
        arguments: LatticeSlots.allCases,
        [(0, 0), (nil, nil), (1 << 63, 1 << 63), (UInt64.max, 1), (nil, 0)] as [(UInt64?, UInt64?)]
    )
    func uniform(slots: LatticeSlots, operands: (left: UInt64?, right: UInt64?)) throws {
        for (index, value) in try Self.statistics(slots, operands.left, operands.right).enumerated() {
            #expect(value < Self.threshold, "sample \(index)")
        }
    }

    @Test(
        "mutant: a mask that isn't uniform is seen by the same test",
        arguments: LatticeSlots.allCases,
        [0, 1 << 63] as [UInt64]
    )
    func maskNotUniform(slots: LatticeSlots, word: UInt64) throws {
        let streams = LatticeStreams(ExpansionKey(low: 511, high: 9), bestLatticeKernels.native)
        let values = try Self.statistics(slots, word, 3, other: MaskedWith(base: streams, residue: 5))
        #expect(values.contains { $0 > 10 * Self.threshold })
    }

    @Test(
        "messages of numbers that are all alike are uniform",
        arguments: LatticeSlots.allCases,
        [0, UInt64.max]
    )
    func ciphertexts(slots: LatticeSlots, value: UInt64) throws {
        let pair = try LatticePair(seed: 512)
        let parts = slots.parts([UInt64](repeating: value, count: slots.chunk))
        let message = Self.bytes(pair.secret.encrypt(parts, in: slots))
        let words = stride(from: 16, to: message.count, by: 4)
        #expect(LatticePrivacyTests.chiSquare(words.map { message[$0] }) < Self.threshold)
        #expect(LatticePrivacyTests.chiSquare(words.map { message[$0 + 1] }) < Self.threshold)
    }

    @Test(
        "mutant: without an encryption of zero a guess of the other's numbers is confirmed; with it, none is",
        arguments: LatticeSlots.allCases
    )
    func guess(slots: LatticeSlots) throws {
        let pair = try LatticePair(seed: 513)
        let kernels = pair.kernels
        var words = LatticeTestWords(seed: 12)
        let (x, y) = (
            slots.parts(words.tensor([slots.chunk]).elements), slots.parts(words.tensor([slots.chunk]).elements)
        )
        let noKey = LatticePublicKey(values: LatticeResidues(zeros: 12 * Self.degree))
        for (key, isConfirmed) in [(noKey, true), (pair.publicKey, false)] {
            let run = try LatticeSlotRun(pair, in: slots, [(x, y)], key: key)
            switch slots {
            case .words: #expect(run.sum == LatticeSlotTests.product([(x[0], y[0])]))
            case .complex: #expect(LatticeComplexTests.isProduct(run.sums, x, y))
            case .real: #expect(LatticeRealTests.sums(run) == LatticeRealTests.product(x, y))
            }
            // round(a w / P), of what the encryption's seed and a right guess of y tell.
            let plain = LatticeResidues(zeros: 2 * Self.degree)
            let (first, second) = (plain.elements, plain.elements + Self.degree)
            for (prime, row) in [first, second].enumerated() {
                y[0].withWords { y in
                    if slots != .complex { kernels.slots(y, timesModulus: false, to: row, prime: prime) }
                }
                if slots == .complex { LatticeComplexTests.slots(y[0], y[1], to: row, prime: prime, kernels) }
                kernels.slotsToCoefficients(row, prime: prime)
            }
            kernels.join(first, second, pair: 0)
            let guessed = LatticeResidues(zeros: 6 * Self.degree)
            let factor = LatticeResidues(zeros: Self.degree)
            let zero = LatticeResidues(zeros: Self.degree)
            for limb in 0..<6 {
                let row = guessed.elements + limb * Self.degree
                let known = LatticePrivacyTests.secondHalf(Self.bytes(run.encryptions[0]), limb: limb, kernels)
                kernels.factors(first, second, pair: 0, to: factor.elements, limb: limb)
                kernels.forward(factor.elements, limb: limb)
                kernels.multiplyAdd(row, zero.elements, known.elements, factor.elements, limb: limb)
                kernels.backward(row, limb: limb)
            }
            kernels.dropLimbs(guessed.elements)
            let shown = Self.rows(run.answer, kernels)
            // Noise, some 3 in 2^62, is rounded away where no encryption of zero hides it.
            for limb in 0..<4 {
                let agreeing = (0..<Self.degree).count {
                    guessed.elements[limb * Self.degree + $0] == shown.elements[(4 + limb) * Self.degree + $0]
                }
                #expect(isConfirmed ? agreeing == Self.degree : agreeing < 3)
            }
        }
    }

    @Test("no stream is used twice, and no two messages of one operand are alike", arguments: LatticeSlots.allCases)
    func streams(slots: LatticeSlots) throws {
        let base = LatticeStreams(ExpansionKey(low: 514, high: 9), bestLatticeKernels.native)
        let recorder = RecordingRandomness(base: base)
        let secret = LatticeSecret(recorder, bestLatticeKernels)
        let key = try LatticePublicKey(message: secret.publicKeyMessage(), bestLatticeKernels)
        let x = slots.parts([UInt64](repeating: 7, count: 9_000))
        var messages: Set<[UInt64]> = []
        for _ in 0..<2 {
            let message = secret.encrypt(x, in: slots)
            let terms = [(ciphertexts: message, parts: x)]
            let (answer, _) = try LatticeSlotProducts.answer(
                terms,
                in: slots,
                count: 9_000,
                key: key,
                recorder,
                bestLatticeKernels
            )
            messages.formUnion([Array(message.elements.dropFirst(2)), answer.elements])
        }
        #expect(messages.count == 4)
        let used = recorder.used
        // A secret, the key's seed and noise; and twice a seed, noise of each ciphertext, and seven streams for each answer.
        let units = slots == .real ? 4 : 6
        #expect(Set(used).count == used.count && used.count == 3 + 2 * (1 + units + units * 7))
    }
}

/// A mutant's: masks are the same residue modulo every prime, and so that number.
struct MaskedWith: LatticeRandomness {
    let base: LatticeStreams
    let residue: UInt64

    func streams(_ count: Int) -> UInt64 { base.streams(count) }

    func fill(_ words: UnsafeMutablePointer<UInt64>, count: Int, stream: UInt64, for draw: LatticeDraw) {
        guard case .mask = draw else { return base.fill(words, count: count, stream: stream, for: draw) }
        for i in 0..<count { words[i] = i % 2 == 0 ? residue : 0 }
    }
}
