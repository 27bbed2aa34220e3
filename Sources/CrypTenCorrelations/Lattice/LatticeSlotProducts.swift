internal import CrypTenBase
package import CrypTenRing
private import Synchronization

extension LatticeSecret {
    /// Encrypts words in slots, once for all sums of products that read them.
    ///
    /// - Returns: The message for the other party, of `LatticeSlots.encryptionBytes`.
    /// - Complexity: 24 transforms for 8192 words.
    package func encrypt(slots words: RingTensor) -> RingTensor {
        let (degree, pairs) = (LatticeParameters.degree, LatticeSlots.pairs)
        let count = words.count
        let units = pairs * LatticeSlots.chunks(count)
        let noise = randomness.streams(units)
        return LatticeWriter.words(length: LatticeSlots.encryptionBytes(count), kernels) { writer in
            let seed = makeSeed(writer)
            words.withWords { words in
                nonisolated(unsafe) let words = words
                kernels.split(units) { units in
                    let scratch = LatticeEncryptionScratch()
                    let rows = LatticePlaintextSlots()
                    for unit in units {
                        let (chunk, pair) = unit.quotientAndRemainder(dividingBy: pairs)
                        rows.fill(words, count: count, chunk, pair, timesModulus: true, kernels)
                        let start = LatticeParameters.seedBytes + unit * LatticeParameters.ciphertextBytes
                        encrypt(scratch, seed: seed, number: unit, noise: noise + UInt64(unit)) { row, limb in
                            kernels.encode(rows.first, rows.second, pair: pair, to: row, limb: limb)
                        } _: { row, limb in
                            let offset = start + limb * LatticeParameters.bytes(ofResidues: degree)
                            writer.write(row, count: degree, at: offset, scratch: scratch.packed)
                        }
                    }
                }
            }
        }
    }

    /// Decrypts an answer: this party's share of each sum of products.
    ///
    /// - Parameters:
    ///   - answer: The other party's message.
    ///   - count: How many sums there are.
    /// - Returns: As many words.
    /// - Throws: `.malformedFrame` where the message isn't one.
    /// - Complexity: 30 transforms for 8192 words.
    package func decrypt(slots answer: RingTensor, count: Int) throws -> RingTensor {
        let (degree, sent, pairs) = (LatticeParameters.degree, LatticeParameters.sentLimbs, LatticeSlots.pairs)
        let chunks = LatticeSlots.chunks(count)
        let residues = LatticeResidues(uninitialized: chunks * 2 * pairs * degree)
        let invalid = Atomic(false)
        try answer.withBytes { bytes in
            let length = LatticeSlots.answerBytes(count)
            let reader = try LatticeReader(bytes, length: length, what: "a lattice's answers in slots", kernels)
            nonisolated(unsafe) let shared = reader
            kernels.split(chunks * pairs) { units in
                let rows = LatticeResidues(zeros: sent * degree)
                let row = LatticeResidues(zeros: degree)
                let zero = LatticeResidues(zeros: degree)
                let scratch = LatticeResidues(zeros: degree)
                let rowBytes = LatticeParameters.bytes(ofResidues: degree)
                for unit in units {
                    let start = unit * LatticeSlots.chunkBytes
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
                    kernels.shareOfSlots(rows.elements, unit, to: residues)
                }
            }
        }
        if invalid.load(ordering: .relaxed) { throw LatticeReader.notBelowPrime("a lattice's answers in slots") }
        return kernels.collect(residues, count: count, negative: false)
    }
}

/// Sums of products of words in slots, at the party that multiplies.
package enum LatticeSlotProducts {
    /// Multiplies another party's words by this one's, sums up, and makes of the sums what may be sent and this party's shares.
    ///
    /// - Parameters:
    ///   - terms: Messages of `LatticeSecret.encrypt(slots:)`, and words to multiply by: at most `LatticeSlots.mostTerms`, all of as many words.
    ///   - count: How many words.
    ///   - key: The other party's.
    ///   - randomness: This party's, of this run.
    ///   - kernels: What computes.
    /// - Returns: The message, of `LatticeSlots.answerBytes`, and shares of the sums.
    /// - Throws: `.malformedFrame` where a message isn't one.
    /// - Complexity: 60 transforms for 8192 words, and 24 a term.
    package static func answer(
        _ terms: [(ciphertexts: RingTensor, words: RingTensor)],
        count: Int,
        key: LatticePublicKey,
        _ randomness: any LatticeRandomness,
        _ kernels: LatticeKernels
    ) throws -> (message: RingTensor, share: RingTensor) {
        precondition((1...LatticeSlots.mostTerms).contains(terms.count), "a sum of \(terms.count) products")
        precondition(terms.allSatisfy { $0.words.count == count }, "\(count) words of each factor")
        let (degree, sent, pairs) = (LatticeParameters.degree, LatticeParameters.sentLimbs, LatticeSlots.pairs)
        let units = pairs * LatticeSlots.chunks(count)
        let residues = LatticeResidues(uninitialized: units * 2 * degree)
        let invalid = Atomic(false)
        for (ciphertexts, _) in terms {
            try ciphertexts.withBytes {
                let length = LatticeSlots.encryptionBytes(count)
                _ = try LatticeReader($0, length: length, what: "a lattice's words in slots", kernels)
            }
        }
        // For each answer: the secret of an encryption of zero, noise for both halves, and ρ modulo each prime.
        let streams = 3 + sent
        let first = randomness.streams(streams * units)
        let message = LatticeWriter.words(length: LatticeSlots.answerBytes(count), kernels) { writer in
            kernels.split(units) { units in
                let scratch = LatticeAnswerScratch()
                let sums = LatticeSlotSums(kernels)
                for unit in units {
                    let stream = first + UInt64(unit * streams)
                    scratch.rows.elements.update(repeating: 0, count: scratch.rows.count)
                    for (ciphertexts, words) in terms {
                        let valid = sums.add(ciphertexts, words, unit, to: scratch.rows.elements)
                        if !valid { invalid.store(true, ordering: .relaxed) }
                    }
                    scratch.addZero(key, randomness, stream, kernels)
                    scratch.finish(randomness, stream + 3, to: writer, at: unit * LatticeSlots.chunkBytes, kernels)
                    kernels.shareOfSlots(scratch.masks.elements, unit, to: residues)
                }
            }
        }
        if invalid.load(ordering: .relaxed) { throw LatticeReader.notBelowPrime("a lattice's words in slots") }
        return (message, kernels.collect(residues, count: count, negative: true))
    }
}

/// A pair's polynomial of 8192 words in slots: the residues modulo its first prime, and the digit beside them.
final class LatticePlaintextSlots {
    private let rows = LatticeResidues(zeros: 2 * LatticeParameters.degree)
    private let words = LatticeWords(zeros: LatticeParameters.degree)

    var first: LatticeKernels.Row { rows.elements }
    var second: LatticeKernels.Row { rows.elements + LatticeParameters.degree }

    /// - Parameters:
    ///   - all: Words, of which a chunk is taken; zeros follow the last.
    ///   - count: How many there are.
    ///   - chunk: The chunk's number.
    ///   - pair: The pair of primes.
    ///   - timesModulus: Whether the polynomial is multiplied by q.
    ///   - kernels: What computes.
    func fill(
        _ all: UnsafePointer<UInt64>,
        count: Int,
        _ chunk: Int,
        _ pair: Int,
        timesModulus: Bool,
        _ kernels: LatticeKernels
    ) {
        let degree = LatticeParameters.degree
        let start = chunk * degree
        let length = min(degree, count - start)
        var from = all + start
        if length < degree {
            words.elements.update(from: from, count: length)
            (words.elements + length).update(repeating: 0, count: degree - length)
            from = UnsafePointer(words.elements)
        }
        for (place, row) in [first, second].enumerated() {
            let prime = 2 * pair + place
            kernels.slots(from, timesModulus: timesModulus, to: row, prime: prime)
            kernels.slotsToCoefficients(row, prime: prime)
        }
        kernels.join(first, second, pair: pair)
    }
}

/// Memory that a thread multiplies in.
private final class LatticeSlotSums {
    private let kernels: LatticeKernels
    private let plain = LatticePlaintextSlots()
    private let factor = LatticeResidues(zeros: LatticeParameters.degree)
    private let row = LatticeResidues(zeros: LatticeParameters.degree)
    private let scratch = LatticeResidues(zeros: LatticeParameters.degree)
    private let publicWords = LatticeWords(zeros: LatticeKernels.publicWords)

    init(_ kernels: LatticeKernels) {
        self.kernels = kernels
    }

    /// Adds a ciphertext times words to the rows of both halves, as values; false where the message holds what is no residue.
    func add(_ ciphertexts: RingTensor, _ words: RingTensor, _ unit: Int, to rows: LatticeKernels.Row) -> Bool {
        let (degree, limbs) = (LatticeParameters.degree, LatticeParameters.limbs)
        let (chunk, pair) = unit.quotientAndRemainder(dividingBy: LatticeSlots.pairs)
        words.withWords { plain.fill($0, count: words.count, chunk, pair, timesModulus: false, kernels) }
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

extension LatticeKernels {
    /// From numbers modulo q′ to slots modulo the two primes of a pair, as residues of [chunk, prime of slots].
    fileprivate func shareOfSlots(_ rows: ConstantRow, _ unit: Int, to residues: LatticeResidues) {
        let pair = unit % LatticeSlots.pairs
        let first = residues.elements + 2 * unit * LatticeParameters.degree
        let second = first + LatticeParameters.degree
        lower(rows, pair: pair, first: first, second: second)
        coefficientsToSlots(first, prime: 2 * pair)
        coefficientsToSlots(second, prime: 2 * pair + 1)
    }

    /// Words of residues in [chunk, prime of slots].
    fileprivate func collect(_ residues: LatticeResidues, count: Int, negative: Bool) -> RingTensor {
        var share = RingTensor(uninitialized: [count])
        let degree = LatticeParameters.degree
        share.withMutableWords { share in
            nonisolated(unsafe) let share = share
            split(LatticeSlots.chunks(count)) { chunks in
                for chunk in chunks {
                    let rows = residues.elements + chunk * 2 * LatticeSlots.pairs * degree
                    let length = min(degree, count - chunk * degree)
                    collect(rows, count: length, negative: negative, to: share + chunk * degree)
                }
            }
        }
        return share
    }
}

extension RingTensor {
    /// A message's bytes.
    fileprivate func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withWords { try body(UnsafeRawBufferPointer(start: $0, count: 8 * count)) }
    }
}
