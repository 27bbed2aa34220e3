internal import CrypTenBase
package import CrypTenRing
private import Synchronization

extension LatticeSecret {
    /// Decrypts an answer: round((c0 + c1 s) · 2^64 / q′) is this party's share of each result.
    ///
    /// The shares add up to the result but where r lies within the noise of a half, and then to one beside: see `LatticeNoise`.
    ///
    /// - Parameters:
    ///   - answer: The other party's message.
    ///   - packing: What it answers.
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
