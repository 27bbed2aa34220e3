internal import CrypTenBase
package import CrypTenRing

/// An operand that is multiplied by ciphertexts: values of its polynomials, centred.
///
/// May be kept where the operand stays.
package final class LatticePlaintexts: Sendable {
    package let packing: LatticePacking
    /// The blocks of outputs that these are.
    package let outputs: Range<Int>
    /// Of 512 points or fewer side by side: [group, prime, sixteen, point, 16]; else [group, prime, number, point].
    ///
    /// Number is term · outputs + output.
    let values: LatticeResidues
    /// Values of one group and prime.
    let step: Int

    /// Bytes of the values of all blocks of an operand.
    static func bytes(_ packing: LatticePacking) -> Int {
        4 * packing.form.groups * LatticeParameters.limbs * step(packing, blocks: packing.terms * packing.outputs)
    }

    private static func step(_ packing: LatticePacking, blocks: Int) -> Int {
        let points = packing.points
        guard points <= LatticeParameters.mostPointsKeptSideBySide else { return blocks * points }
        let together = packing.sideBySide ? 16 : 1
        return (blocks + together - 1) / together * 16 * points
    }

    /// - Parameters:
    ///   - operand: Of the shape that the packing's other operand has.
    ///   - packing: How it lies in polynomials.
    ///   - outputs: Blocks of outputs to take; nil for all.
    ///   - kernels: What computes.
    /// - Throws: `.shapeMismatch`; `.invalidArgument` where the packing's noise may exceed what is admitted.
    /// - Complexity: six transforms of 8192 / lanes points a block, and 24 bytes a point.
    package init(
        _ operand: RingTensor,
        _ packing: LatticePacking,
        outputs: Range<Int>? = nil,
        _ kernels: LatticeKernels
    ) throws {
        try packing.checkNoise()
        try packing.check(operand, packing.encrypted.other)
        let outputs = outputs ?? 0..<packing.outputs
        precondition(
            outputs.lowerBound >= 0 && outputs.upperBound <= packing.outputs,
            "blocks \(outputs) of \(packing.outputs)"
        )
        self.packing = packing
        self.outputs = outputs
        let (limbs, points) = (LatticeParameters.limbs, packing.points)
        let together = packing.sideBySide ? 16 : 1
        let staysTogether = points <= LatticeParameters.mostPointsKeptSideBySide
        let blocks = packing.terms * outputs.count
        let units = (blocks + together - 1) / together
        let step = LatticePlaintexts.step(packing, blocks: blocks)
        let values = LatticeResidues(uninitialized: packing.form.groups * limbs * step)
        (self.step, self.values) = (step, values)
        let map = packing.form.map(of: packing.encrypted.other)
        operand.withWords { words in
            nonisolated(unsafe) let words = words
            kernels.split(packing.form.groups * units) { range in
                let coefficients = LatticeWords(zeros: together * points)
                let rows = LatticeResidues(zeros: together * points)
                for index in range {
                    let (group, unit) = index.quotientAndRemainder(dividingBy: units)
                    let numbers = unit * together..<min(blocks, (unit + 1) * together)
                    coefficients.wipe()
                    for number in numbers {
                        let (term, output) = number.quotientAndRemainder(dividingBy: outputs.count)
                        packing.forEachCoefficient(group, term, outputs.lowerBound + output, map) { exponent, element in
                            coefficients.elements[exponent * together + number % together] = words[element]
                        }
                    }
                    for limb in 0..<limbs {
                        let out = values.elements + (group * limbs + limb) * step + unit * together * points
                        let row = staysTogether || together == 1 ? out : rows.elements
                        kernels.residues(coefficients.elements, count: together * points, to: row, limb: limb)
                        if together == 1 {
                            kernels.forward(row, limb: limb)
                        } else {
                            kernels.forwardMany(row, points: points, limb: limb)
                        }
                        kernels.centre(row, count: together * points, limb: limb)
                        if row != out { kernels.apart(row, points: points, count: numbers.count, to: out) }
                    }
                }
            }
        }
    }
}

extension LatticePacking {
    /// Exponents, over lanes, and elements of a block of the other operand.
    fileprivate func forEachCoefficient(
        _ group: Int,
        _ term: Int,
        _ block: Int,
        _ map: [Int32],
        _ body: (_ exponent: Int, _ element: Int) -> Void
    ) {
        let (rows, offsets, area) = (plainSide.rows, plainSide.offsets, form.area)
        for o in 0..<min(blockOutputs, rows - block * blockOutputs) {
            for c in 0..<min(blockChannels, form.channels - term * blockChannels) {
                let channel = term * blockChannels + c
                let base = ((group * rows + block * blockOutputs + o) * form.channels + channel) * offsets.count
                let exponent = (blockChannels - 1 - c + o * blockChannels) * area
                for (position, offset) in offsets.enumerated() where map[base + position] >= 0 {
                    body(exponent + offset, Int(map[base + position]))
                }
            }
        }
    }
}
