internal import CrypTenBase
package import CrypTenRing
private import Synchronization

extension LatticeSecret {
    /// Encrypts numbers in slots, once for all sums of products that read them.
    ///
    /// - Parameters:
    ///   - parts: Of all elements, as many as `slots` says: words, or real and imaginary parts.
    ///   - slots: What they are.
    /// - Returns: The message for the other party, of `LatticeSlots.encryptionBytes`.
    /// - Complexity: 8 transforms a ciphertext.
    package func encrypt(_ parts: [RingTensor], in slots: LatticeSlots) -> RingTensor {
        let (degree, count) = (LatticeParameters.degree, parts[0].count)
        let units = slots.pairs * slots.chunks(count)
        let noise = randomness.streams(units)
        return LatticeWriter.words(length: slots.encryptionBytes(count), kernels) { writer in
            let seed = makeSeed(writer)
            kernels.split(units) { units in
                let scratch = LatticeEncryptionScratch()
                let rows = LatticePlaintextSlots(slots)
                for unit in units {
                    rows.fill(parts, unit, timesModulus: true, kernels)
                    let start = LatticeParameters.seedBytes + unit * LatticeParameters.ciphertextBytes
                    encrypt(scratch, seed: seed, number: unit, noise: noise + UInt64(unit)) { row, limb in
                        kernels.encode(rows.first, rows.second, pair: unit % slots.pairs, to: row, limb: limb)
                    } _: { row, limb in
                        let offset = start + limb * LatticeParameters.bytes(ofResidues: degree)
                        writer.write(row, count: degree, at: offset, scratch: scratch.packed)
                    }
                }
            }
        }
    }

    /// Decrypts an answer: this party's share of each sum of products.
    ///
    /// - Parameters:
    ///   - answer: The other party's message.
    ///   - slots: What was encrypted.
    ///   - count: How many sums there are.
    /// - Returns: Shares of as many elements, in as many tensors as `LatticeSlots.shares`.
    /// - Throws: `.malformedFrame` where the message isn't one.
    /// - Complexity: 10 transforms an answer.
    package func decrypt(_ answer: RingTensor, in slots: LatticeSlots, count: Int) throws -> [RingTensor] {
        let (degree, sent) = (LatticeParameters.degree, LatticeParameters.sentLimbs)
        let units = slots.pairs * slots.chunks(count)
        let residues = LatticeResidues(uninitialized: units * 2 * degree)
        let invalid = Atomic(false)
        try answer.withBytes { bytes in
            let length = slots.answerBytes(count)
            let reader = try LatticeReader(bytes, length: length, what: "a lattice's answers in slots", kernels)
            nonisolated(unsafe) let shared = reader
            kernels.split(units) { units in
                let rows = LatticeResidues(zeros: sent * degree)
                let row = LatticeResidues(zeros: degree)
                let zero = LatticeResidues(zeros: degree)
                let scratch = LatticeResidues(zeros: degree)
                let rowBytes = LatticeParameters.bytes(ofResidues: degree)
                for unit in units {
                    let start = unit * LatticeSlots.pairBytes
                    var valid = true
                    func read(_ number: Int, to row: LatticeKernels.Row, _ limb: Int) {
                        let at = start + number * rowBytes
                        let read = shared.residues(at: at, count: degree, to: row, limb: limb, scratch: scratch)
                        valid = read && valid
                    }
                    for limb in 0..<sent {
                        let out = rows.elements + limb * degree
                        read(sent + limb, to: out, limb)
                        kernels.forward(out, limb: limb)
                        let secret = values.elements + limb * degree
                        kernels.multiplyAdd(out, zero.elements, out, secret, limb: limb)
                        kernels.backward(out, limb: limb)
                        read(limb, to: row.elements, limb)
                        kernels.add(row.elements, to: out, count: degree, limb: limb)
                    }
                    if !valid { invalid.store(true, ordering: .relaxed) }
                    kernels.share(rows.elements, of: unit, in: slots, to: residues)
                }
            }
        }
        if invalid.load(ordering: .relaxed) { throw LatticeReader.notBelowPrime("a lattice's answers in slots") }
        return kernels.collect(residues, in: slots, count: count, negative: false)
    }
}

/// Sums of products of numbers in slots, at the party that multiplies.
package enum LatticeSlotProducts {
    /// Multiplies another party's numbers by this one's, sums up, and makes of the sums what may be sent and this party's shares.
    ///
    /// - Parameters:
    ///   - terms: Messages of `LatticeSecret.encrypt(_:in:)`, and parts of the numbers to multiply by: at most `LatticeSlots.mostTerms`, all of as many elements.
    ///   - slots: What they are.
    ///   - count: How many elements.
    ///   - key: The other party's.
    ///   - randomness: This party's, of this run.
    ///   - kernels: What computes.
    /// - Returns: The message, of `LatticeSlots.answerBytes`, and shares of the sums, in as many tensors as `LatticeSlots.shares`.
    /// - Throws: `.malformedFrame` where a message isn't one.
    /// - Complexity: 20 transforms an answer, and 8 a term of it.
    package static func answer(
        _ terms: [(ciphertexts: RingTensor, parts: [RingTensor])],
        in slots: LatticeSlots,
        count: Int,
        key: LatticePublicKey,
        _ randomness: any LatticeRandomness,
        _ kernels: LatticeKernels
    ) throws -> (message: RingTensor, shares: [RingTensor]) {
        precondition((1...LatticeSlots.mostTerms).contains(terms.count), "a sum of \(terms.count) products")
        precondition(terms.allSatisfy { $0.parts.allSatisfy { $0.count == count } }, "\(count) elements of each factor")
        let (degree, sent) = (LatticeParameters.degree, LatticeParameters.sentLimbs)
        let units = slots.pairs * slots.chunks(count)
        let residues = LatticeResidues(uninitialized: units * 2 * degree)
        let invalid = Atomic(false)
        for (ciphertexts, _) in terms {
            try ciphertexts.withBytes {
                let length = slots.encryptionBytes(count)
                _ = try LatticeReader($0, length: length, what: "a lattice's numbers in slots", kernels)
            }
        }
        // For each answer: the secret of an encryption of zero, noise for both halves, and ρ modulo each prime.
        let streams = 3 + sent
        let first = randomness.streams(streams * units)
        let message = LatticeWriter.words(length: slots.answerBytes(count), kernels) { writer in
            kernels.split(units) { units in
                let scratch = LatticeAnswerScratch()
                let sums = LatticeSlotSums(slots, kernels)
                for unit in units {
                    let stream = first + UInt64(unit * streams)
                    scratch.rows.elements.update(repeating: 0, count: scratch.rows.count)
                    for (ciphertexts, parts) in terms {
                        let valid = sums.add(ciphertexts, parts, unit, to: scratch.rows.elements)
                        if !valid { invalid.store(true, ordering: .relaxed) }
                    }
                    scratch.addZero(key, randomness, stream, kernels)
                    scratch.finish(randomness, stream + 3, to: writer, at: unit * LatticeSlots.pairBytes, kernels)
                    kernels.share(scratch.masks.elements, of: unit, in: slots, to: residues)
                }
            }
        }
        if invalid.load(ordering: .relaxed) { throw LatticeReader.notBelowPrime("a lattice's numbers in slots") }
        return (message, kernels.collect(residues, in: slots, count: count, negative: true))
    }
}

/// Memory that a thread multiplies in.
private final class LatticeSlotSums {
    private let kernels: LatticeKernels
    private let plain: LatticePlaintextSlots
    private let factor = LatticeResidues(zeros: LatticeParameters.degree)
    private let row = LatticeResidues(zeros: LatticeParameters.degree)
    private let scratch = LatticeResidues(zeros: LatticeParameters.degree)
    private let publicWords = LatticeWords(zeros: LatticeKernels.publicWords)

    init(_ slots: LatticeSlots, _ kernels: LatticeKernels) {
        self.kernels = kernels
        plain = LatticePlaintextSlots(slots)
    }

    /// Adds a ciphertext times numbers to the rows of both halves, as values; false where the message holds what is no residue.
    func add(_ ciphertexts: RingTensor, _ parts: [RingTensor], _ unit: Int, to rows: LatticeKernels.Row) -> Bool {
        let (degree, limbs) = (LatticeParameters.degree, LatticeParameters.limbs)
        let pair = unit % plain.slots.pairs
        plain.fill(parts, unit, timesModulus: false, kernels)
        return ciphertexts.withBytes { bytes in
            let reader = LatticeReader(bytes, kernels)
            let seed = reader.seed
            var valid = true
            for limb in 0..<limbs {
                kernels.factors(plain.first, plain.second, pair: pair, to: factor.elements, limb: limb)
                kernels.forward(factor.elements, limb: limb)
                let rowBytes = LatticeParameters.bytes(ofResidues: degree)
                let at = LatticeParameters.seedBytes + (unit * limbs + limb) * rowBytes
                let read = reader.residues(at: at, count: degree, to: row.elements, limb: limb, scratch: scratch)
                valid = read && valid
                let (first, second) = (rows + limb * degree, rows + (limbs + limb) * degree)
                kernels.multiplyAdd(first, first, row.elements, factor.elements, limb: limb)
                let stream = LatticePublicKey.stream(unit, limb: limb)
                kernels.uniformPublic(seed, number: stream, to: row.elements, limb: limb, scratch: publicWords)
                kernels.multiplyAdd(second, second, row.elements, factor.elements, limb: limb)
            }
            return valid
        }
    }
}

extension LatticeAnswerScratch {
    /// Drops two primes, takes a uniform ρ off the first half, and writes all of both halves.
    fileprivate func finish(
        _ randomness: any LatticeRandomness,
        _ stream: UInt64,
        to writer: LatticeWriter,
        at start: Int,
        _ kernels: LatticeKernels
    ) {
        let (degree, limbs, sent) = (LatticeParameters.degree, LatticeParameters.limbs, LatticeParameters.sentLimbs)
        kernels.dropLimbs(rows.elements)
        kernels.dropLimbs(rows.elements + limbs * degree)
        drawMasks(degree, randomness, stream, kernels)
        for limb in 0..<2 * sent {
            let (half, limb) = limb.quotientAndRemainder(dividingBy: sent)
            let row = rows.elements + (half * limbs + limb) * degree
            if half == 0 {
                kernels.subtract(masks.elements + limb * degree, from: row, count: degree, limb: limb)
            }
            let at = start + (half * sent + limb) * LatticeParameters.bytes(ofResidues: degree)
            writer.write(row, count: degree, at: at, scratch: packed)
        }
    }
}

extension RingTensor {
    /// A message's bytes.
    fileprivate func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withWords { try body(UnsafeRawBufferPointer(start: $0, count: 8 * count)) }
    }
}
