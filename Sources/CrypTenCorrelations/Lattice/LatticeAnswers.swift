internal import CrypTenBase
package import CrypTenRing
private import Synchronization

extension LatticeAccumulators {
    /// Makes of the sums what may be sent, and this party's share of the results.
    ///
    /// Adds an encryption of zero under the other party's key (else the second half would be a known polynomial times the plaintext); drops two
    /// primes, rounding; and takes a uniform r modulo q′ off the first half's results. What the other party decrypts is uniform, noise and all.
    ///
    /// - Parameters:
    ///   - share: Where round(r · 2^64 / q′) is written, element by element of the result; other elements stay.
    /// - Returns: For each answer the results' coefficients and the whole second half: 126,976 bytes an answer and 15.5 a result, each in groups of 32.
    /// - Complexity: 18 transforms an answer.
    package func answer(
        _ key: LatticePublicKey,
        _ randomness: any LatticeRandomness,
        _ kernels: LatticeKernels,
        share: inout RingTensor
    ) -> [UInt8] {
        precondition(
            share.shape == packing.form.outputShape,
            "a share of \(share.shape) for \(packing.form.outputShape)"
        )
        let (degree, limbs, sent) = (LatticeParameters.degree, LatticeParameters.limbs, LatticeParameters.sentLimbs)
        let results = LatticeResults(packing, outputs: outputs)
        // For each answer: the secret of an encryption of zero, noise for both halves, and r modulo each prime.
        let streams = 3 + sent
        let first = randomness.streams(streams * results.count)
        return LatticeWriter.message(length: results.bytes, kernels) { writer in
            share.withMutableWords { share in
                nonisolated(unsafe) let share = share
                kernels.split(results.count) { range in
                    let scratch = LatticeAnswerScratch()
                    for number in range {
                        let stream = first + UInt64(number * streams)
                        let rows = scratch.rows.elements
                        rows.update(from: values.elements + number * 2 * limbs * degree, count: 2 * limbs * degree)
                        scratch.addZero(key, randomness, stream, kernels)
                        kernels.dropLimbs(rows)
                        kernels.dropLimbs(rows + limbs * degree)
                        let used = results.used(number)
                        scratch.drawMasks(used.count, randomness, stream + 3, kernels)
                        scratch.write(used, to: writer, at: results.offset(number), kernels)
                        kernels.round(
                            scratch.masks.elements,
                            step: degree,
                            count: used.count,
                            to: scratch.words.elements
                        )
                        for (place, result) in used.enumerated() {
                            share[result.element] = scratch.words.elements[place]
                        }
                    }
                }
            }
        }
    }
}

/// Memory that a thread answers in.
private final class LatticeAnswerScratch {
    let rows = LatticeResidues(zeros: 2 * LatticeParameters.limbs * LatticeParameters.degree)
    let words = LatticeWords(zeros: 2 * LatticeParameters.degree)
    let small = LatticeResidues(zeros: LatticeParameters.degree)
    let factor = LatticeResidues(zeros: LatticeParameters.degree)
    let picked = LatticeResidues(zeros: LatticeParameters.degree)
    let masks = LatticeResidues(zeros: LatticeParameters.sentLimbs * LatticeParameters.degree)
    let packed = LatticeResidues(zeros: LatticeParameters.degree)

    /// Draws r for so many results, as residues.
    func drawMasks(_ count: Int, _ randomness: any LatticeRandomness, _ stream: UInt64, _ kernels: LatticeKernels) {
        for limb in 0..<LatticeParameters.sentLimbs {
            randomness.fill(words.elements, count: 2 * count, stream: stream + UInt64(limb), for: .mask)
            kernels.uniform(
                words.elements,
                count: count,
                to: masks.elements + limb * LatticeParameters.degree,
                limb: limb
            )
        }
    }

    /// Writes an answer: results less r, and the whole second half.
    func write(
        _ used: [(coefficient: Int, element: Int)],
        to writer: LatticeWriter,
        at start: Int,
        _ kernels: LatticeKernels
    ) {
        let (degree, limbs) = (LatticeParameters.degree, LatticeParameters.limbs)
        let padded = (used.count + 31) / 32 * 32
        var offset = start
        for limb in 0..<LatticeParameters.sentLimbs {
            let row = picked.elements
            for (place, result) in used.enumerated() { row[place] = rows.elements[limb * degree + result.coefficient] }
            (row + used.count).update(repeating: 0, count: padded - used.count)
            kernels.subtract(masks.elements + limb * degree, from: row, count: used.count, limb: limb)
            writer.write(row, count: padded, at: offset, scratch: packed)
            offset += LatticeParameters.bytes(ofResidues: used.count)
        }
        for limb in 0..<LatticeParameters.sentLimbs {
            writer.write(rows.elements + (limbs + limb) * degree, count: degree, at: offset, scratch: packed)
            offset += LatticeParameters.bytes(ofResidues: degree)
        }
    }

    /// To the rows, values, an encryption of zero: u times both halves of the key, and noise. They are coefficients afterwards.
    func addZero(
        _ key: LatticePublicKey,
        _ randomness: any LatticeRandomness,
        _ stream: UInt64,
        _ kernels: LatticeKernels
    ) {
        let (degree, limbs) = (LatticeParameters.degree, LatticeParameters.limbs)
        randomness.fill(words.elements, count: 2 * degree, stream: stream, for: .ephemeral)
        kernels.ternary(words.elements, to: small.elements)
        for limb in 0..<limbs {
            factor.elements.update(repeating: 0, count: degree)
            kernels.add(small: small.elements, to: factor.elements, limb: limb)
            kernels.forward(factor.elements, limb: limb)
            for component in 0..<2 {
                let row = rows.elements + (component * limbs + limb) * degree
                let half = key.values.elements + (component * limbs + limb) * degree
                kernels.multiplyAdd(row, row, factor.elements, half, limb: limb)
                kernels.backward(row, limb: limb)
            }
        }
        for component in 0..<2 {
            randomness.fill(words.elements, count: degree, stream: stream + 1 + UInt64(component), for: .noise)
            kernels.binomial(words.elements, to: small.elements)
            for limb in 0..<limbs {
                kernels.add(small: small.elements, to: rows.elements + (component * limbs + limb) * degree, limb: limb)
            }
        }
    }
}

extension LatticeSecret {
    /// Decrypts an answer: round((c0 + c1 s) · 2^64 / q′) is this party's share of each result.
    ///
    /// The shares add up to the result but where r lies within the noise of a half, and then to one beside: see `LatticeNoise`.
    ///
    /// - Parameters:
    ///   - outputs: The blocks of outputs that it answers; nil for all.
    ///   - share: Where the results are written; other elements stay.
    /// - Throws: `.malformedFrame` where the answer isn't one of this packing.
    /// - Complexity: eight transforms an answer.
    package func decrypt(
        _ answer: [UInt8],
        _ packing: LatticePacking,
        outputs: Range<Int>? = nil,
        share: inout RingTensor
    ) throws {
        precondition(
            share.shape == packing.form.outputShape,
            "a share of \(share.shape) for \(packing.form.outputShape)"
        )
        let (degree, sent) = (LatticeParameters.degree, LatticeParameters.sentLimbs)
        let results = LatticeResults(packing, outputs: outputs ?? 0..<packing.outputs)
        let invalid = Atomic(false)
        try answer.withUnsafeBytes { bytes in
            let reader = try LatticeReader(bytes, length: results.bytes, what: "a lattice's answers", kernels)
            nonisolated(unsafe) let shared = reader
            share.withMutableWords { share in
                nonisolated(unsafe) let share = share
                kernels.split(results.count) { range in
                    let rows = LatticeResidues(zeros: sent * degree)
                    let row = LatticeResidues(zeros: degree)
                    let zero = LatticeResidues(zeros: degree)
                    let words = LatticeWords(zeros: degree)
                    let scratch = LatticeResidues(zeros: degree)
                    for number in range {
                        let used = results.used(number)
                        let padded = (used.count + 31) / 32 * 32
                        let halves = results.offset(number)
                        let (first, second) = (
                            LatticeParameters.bytes(ofResidues: used.count), LatticeParameters.bytes(ofResidues: degree)
                        )
                        var valid = true
                        for limb in 0..<sent {
                            let out = rows.elements + limb * degree
                            let at = halves + sent * first + limb * second
                            valid =
                                shared.residues(at: at, count: degree, to: row.elements, limb: limb, scratch: scratch)
                                && valid
                            kernels.forward(row.elements, limb: limb)
                            kernels.multiplyAdd(
                                row.elements,
                                zero.elements,
                                row.elements,
                                values.elements + limb * degree,
                                limb: limb
                            )
                            kernels.backward(row.elements, limb: limb)
                            for (place, result) in used.enumerated() { out[place] = row.elements[result.coefficient] }
                            valid =
                                shared.residues(
                                    at: halves + limb * first,
                                    count: padded,
                                    to: row.elements,
                                    limb: limb,
                                    scratch: scratch
                                )
                                && valid
                            kernels.add(row.elements, to: out, count: used.count, limb: limb)
                        }
                        if !valid {
                            invalid.store(true, ordering: .relaxed)
                            continue
                        }
                        kernels.round(rows.elements, step: degree, count: used.count, to: words.elements)
                        for (place, result) in used.enumerated() { share[result.element] = words.elements[place] }
                    }
                }
            }
        }
        if invalid.load(ordering: .relaxed) { throw LatticeReader.notBelowPrime("a lattice's answers") }
    }
}

/// Which coefficients of which answers are which elements of the result: the same for both parties.
struct LatticeResults {
    private let packing: LatticePacking
    private let outputs: Range<Int>
    private let map: [Int32]
    private let offsets: [Int]

    /// Answers.
    let count: Int

    init(_ packing: LatticePacking, outputs: Range<Int>) {
        self.packing = packing
        self.outputs = outputs
        map = packing.form.resultMap()
        count = packing.form.groups * packing.rowTiles * outputs.count
        var offsets = [0]
        for number in 0..<count {
            var used = 0
            LatticeResults.forEach(packing, outputs, map, number) { _, _ in used += 1 }
            offsets.append(offsets[number] + LatticeParameters.answerBytes(used: used))
        }
        self.offsets = offsets
    }

    /// Bytes of all.
    var bytes: Int { offsets[count] }

    /// Where an answer begins.
    func offset(_ number: Int) -> Int { offsets[number] }

    /// Its coefficients that are results.
    func used(_ number: Int) -> [(coefficient: Int, element: Int)] {
        var used: [(coefficient: Int, element: Int)] = []
        LatticeResults.forEach(packing, outputs, map, number) { used.append(($0, $1)) }
        return used
    }

    private static func forEach(
        _ packing: LatticePacking,
        _ outputs: Range<Int>,
        _ map: [Int32],
        _ number: Int,
        _ body: (_ coefficient: Int, _ element: Int) -> Void
    ) {
        let form = packing.form
        let (tile, block) = number.quotientAndRemainder(dividingBy: outputs.count)
        let (group, first) = (tile / packing.rowTiles, tile % packing.rowTiles * packing.lanes)
        let (rows, plain, positions) = (packing.encryptedSide.rows, packing.plainSide.rows, form.resultOffsets.count)
        let firstOutput = (outputs.lowerBound + block) * packing.blockOutputs
        for o in 0..<min(packing.blockOutputs, plain - firstOutput) {
            for lane in 0..<min(packing.lanes, rows - first) {
                let (left, right) =
                    packing.encrypted == .left ? (first + lane, firstOutput + o) : (firstOutput + o, first + lane)
                let base = ((group * form.left.rows + left) * form.right.rows + right) * positions
                for (position, offset) in form.resultOffsets.enumerated() where map[base + position] >= 0 {
                    let exponent = packing.resultExponent(output: o) + offset
                    body(lane + packing.lanes * exponent, Int(map[base + position]))
                }
            }
        }
    }
}
