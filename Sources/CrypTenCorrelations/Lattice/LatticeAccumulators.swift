internal import CrypTenBase
internal import CrypTenRing

/// Sums of products of ciphertexts and plaintexts: encryptions of results, as values, not fit to be sent.
package final class LatticeAccumulators: Sendable {
    package let packing: LatticePacking
    /// The blocks of outputs that these are, of each tile of rows.
    package let outputs: Range<Int>
    /// [group, tile of rows, output, component, prime, 8192].
    package let values: LatticeResidues

    /// Multiplies and sums over channels.
    ///
    /// - Parameters:
    ///   - ciphertexts: The other party's operand.
    ///   - plaintexts: This party's, in the same packing.
    ///   - outputs: Blocks of outputs to compute, of those that the plaintexts are; nil for all of these. Whoever has little memory takes some at a
    ///     time: 393 kB each.
    ///   - kernels: What computes.
    /// - Throws: `.shapeMismatch` where the two are of different packings.
    /// - Complexity: 98,304 modular multiply-accumulates a block; no transform.
    package init(
        _ ciphertexts: LatticeCiphertexts,
        times plaintexts: LatticePlaintexts,
        outputs: Range<Int>? = nil,
        _ kernels: LatticeKernels
    ) throws {
        let packing = plaintexts.packing
        guard ciphertexts.packing == packing else {
            throw CrypTenError(
                .shapeMismatch,
                "ciphertexts and plaintexts of \(packing.form.operation.name) are of different packings"
            )
        }
        let outputs = outputs ?? plaintexts.outputs
        precondition(
            outputs.lowerBound >= plaintexts.outputs.lowerBound && outputs.upperBound <= plaintexts.outputs.upperBound,
            "blocks \(outputs) of \(plaintexts.outputs)"
        )
        self.packing = packing
        self.outputs = outputs
        let (degree, limbs, chunk) = (LatticeParameters.degree, LatticeParameters.limbs, LatticeParameters.chunk)
        let (terms, tiles) = (packing.terms, packing.rowTiles)
        values = LatticeResidues(zeros: packing.form.groups * tiles * outputs.count * 2 * limbs * degree)
        // Parts of an eighth of a row.
        let parts = 8
        let values = values
        kernels.split(packing.form.groups * tiles * limbs * parts) { range in
            for index in range {
                let (whole, part) = index.quotientAndRemainder(dividingBy: parts)
                let (tile, limb) = whole.quotientAndRemainder(dividingBy: limbs)
                let group = tile / tiles
                let products = LatticeKernels.Products(
                    sums: values.elements + (tile * outputs.count * 2 * limbs + limb) * degree,
                    sumStep: 2 * limbs * degree,
                    sumComponentStep: limbs * degree,
                    left: ciphertexts.values.elements + (tile * limbs + limb) * degree * terms * 2,
                    right: plaintexts.values.elements + (group * limbs + limb) * plaintexts.step,
                    rightStep: plaintexts.outputs.count,
                    firstOutput: outputs.lowerBound - plaintexts.outputs.lowerBound,
                    points: packing.points,
                    terms: terms,
                    outputs: outputs.count
                )
                let chunks = degree / chunk / parts
                kernels.accumulate(products, chunks: part * chunks..<(part + 1) * chunks, limb: limb)
            }
        }
    }
}
