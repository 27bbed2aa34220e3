internal import CrypTenBase
package import CrypTenRing

/// An operand that is multiplied by ciphertexts: values of its polynomials, centred. May be kept where the operand stays.
package final class LatticePlaintexts: Sendable {
    package let packing: LatticePacking
    /// Polynomials side by side: [group, prime, sixteen, point, 16], number s of a block being term · outputs + output; else
    /// [group, prime, term, output, 8192].
    let values: LatticeResidues
    /// Values of one group and prime.
    let step: Int

    /// - Parameter operand: Of the shape that the packing's other operand has.
    /// - Throws: `.shapeMismatch`; `.invalidArgument` where the packing's noise may exceed what is admitted.
    /// - Complexity: six transforms of 8192 / lanes points a block, and 24 bytes a point.
    package init(_ operand: RingTensor, _ packing: LatticePacking, _ kernels: LatticeKernels) throws {
        try packing.checkNoise()
        try packing.check(operand, packing.encrypted.other)
        self.packing = packing
        let limbs = LatticeParameters.limbs, degree = LatticeParameters.degree
        // Sixteen polynomials of `points` coefficients, or one with all of its coefficients, zeros but for every lanes-th.
        let together = packing.sideBySide ? 16 : 1
        let length = packing.sideBySide ? packing.points : degree
        let spread = packing.sideBySide ? 1 : packing.lanes
        let blocks = packing.terms * packing.outputs
        let units = (blocks + together - 1) / together
        step = units * together * length
        values = LatticeResidues(zeros: packing.form.groups * limbs * step)
        let map = packing.form.map(of: packing.encrypted.other)
        let step = step, values = values
        operand.withWords { words in
            nonisolated(unsafe) let words = words
            kernels.split(packing.form.groups * units) { range in
                let coefficients = LatticeWords(zeros: together * length)
                for index in range {
                    let (group, unit) = index.quotientAndRemainder(dividingBy: units)
                    coefficients.wipe()
                    for number in unit * together..<min(blocks, (unit + 1) * together) {
                        packing.forEachCoefficient(ofBlock: number, group: group, map) { exponent, element in
                            coefficients.elements[exponent * spread * together + number % together] = words[element]
                        }
                    }
                    for limb in 0..<limbs {
                        let out = values.elements + (group * limbs + limb) * step + unit * together * length
                        kernels.residues(coefficients.elements, count: together * length, to: out, limb: limb)
                        if packing.sideBySide {
                            kernels.forwardMany(out, points: length, limb: limb)
                        } else {
                            kernels.forward(out, limb: limb)
                        }
                        kernels.centre(out, count: together * length, limb: limb)
                    }
                }
            }
        }
    }
}

extension LatticePacking {
    /// Exponents, over lanes, and elements of a block of the other operand; number is term · outputs + output.
    fileprivate func forEachCoefficient(
        ofBlock number: Int,
        group: Int,
        _ map: [Int32],
        _ body: (_ exponent: Int, _ element: Int) -> Void
    ) {
        let (term, block) = number.quotientAndRemainder(dividingBy: outputs)
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
