internal import CrypTenRing

/// What a packing takes, both parties together; for comparison with transfers of bits.
package struct LatticeCost: Hashable, Sendable {
    /// Multiply-accumulates modulo a prime: 98,304 a block.
    package var multiplyAccumulates: Int
    /// Polynomials that are encrypted and answered.
    package var ciphertexts, answers: Int
    /// Transforms of 8192 points of one prime, shorter ones by their butterflies: both parties'.
    package var transforms: Int
    /// Bytes of ciphertexts, and of answers.
    package var bytesIn, bytesOut: Int
    /// Picoseconds on one processor and a link within a machine: see `picoseconds`.
    package var picoseconds: Int

    package var seconds: Double { Double(picoseconds) * 1e-12 }

    // Measured with AVX2; whole numbers, so that both parties choose the same.
    static let multiplyAccumulatePicoseconds = 100
    static let transformPicoseconds = 11_000_000
    /// What a ciphertext takes beside its transforms, and an answer: seeds, secrets, noise, packing.
    static let ciphertextPicoseconds = 400_000_000
    static let answerPicoseconds = 350_000_000
    /// A value of a plaintext beside its transform: reduced, written and read.
    static let plaintextPicoseconds = 2_000
    static let bytePicoseconds = 500
}

extension LatticePacking {
    /// What the packing takes; the largest number where it is more than that.
    package var cost: LatticeCost {
        let multiplyAccumulates =
            Saturating(form.groups) * rowTiles * terms * outputs
            * (2 * LatticeParameters.limbs * LatticeParameters.degree)
        let ciphertexts = Saturating(form.groups) * rowTiles * terms
        let answers = Saturating(form.groups) * rowTiles * outputs
        // Plaintexts, padded to 16 where they are transformed together, and their values modulo one prime; a transform is n log n butterflies beside
        // 8192 · 13.
        let blocks = Saturating(terms) * outputs
        let padded = sideBySide ? (blocks + 15) / 16 * 16 : blocks
        let values = padded * form.groups * LatticeParameters.limbs * points
        let plain = values * max(points.trailingZeroBitCount, 1) / (LatticeParameters.degree * 13)
        let transforms = plain + ciphertexts * 6 + answers * (18 + 8)
        let bytesIn = ciphertexts * LatticeParameters.ciphertextBytes
        let bytesOut =
            answers * LatticeParameters.answerBytes(used: 0)
            + LatticeParameters.sentLimbs * LatticeParameters.bytes(ofResidues: form.outputShape.count)
        let picoseconds =
            multiplyAccumulates * LatticeCost.multiplyAccumulatePicoseconds + transforms
            * LatticeCost.transformPicoseconds
            + values * LatticeCost.plaintextPicoseconds + ciphertexts * LatticeCost.ciphertextPicoseconds
            + answers * LatticeCost.answerPicoseconds + (bytesIn + bytesOut) * LatticeCost.bytePicoseconds
        return LatticeCost(
            multiplyAccumulates: multiplyAccumulates.value,
            ciphertexts: ciphertexts.value,
            answers: answers.value,
            transforms: transforms.value,
            bytesIn: bytesIn.value,
            bytesOut: bytesOut.value,
            picoseconds: picoseconds.value
        )
    }
}

/// A count that stays at the largest number instead of wrapping: shapes come from others.
private struct Saturating {
    let value: Int

    init(_ value: Int) { self.value = value }

    static func * (a: Saturating, b: Int) -> Saturating {
        let (product, overflows) = a.value.multipliedReportingOverflow(by: b)
        return Saturating(overflows ? .max : product)
    }

    static func / (a: Saturating, b: Int) -> Saturating { Saturating(a.value / b) }

    static func + (a: Saturating, b: Int) -> Saturating {
        let (sum, overflows) = a.value.addingReportingOverflow(b)
        return Saturating(overflows ? .max : sum)
    }

    static func + (a: Saturating, b: Saturating) -> Saturating { a + b.value }
}
