package import CrypTenRing

extension LatticeAccumulators {
    /// Makes of the sums what may be sent, and this party's share of the results.
    ///
    /// Adds an encryption of zero under the other party's key (else the second half would be a known polynomial times the plaintext); drops two
    /// primes, rounding; and takes a uniform r modulo q′ off the first half's results. What the other party decrypts is uniform, noise and all.
    ///
    /// - Parameters:
    ///   - key: The other party's.
    ///   - randomness: This party's, of this run.
    ///   - kernels: What computes.
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
final class LatticeAnswerScratch {
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

    /// Adds an encryption of zero to the rows, u times both halves of the key, and noise: values before, coefficients afterwards.
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
