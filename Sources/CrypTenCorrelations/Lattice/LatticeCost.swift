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
    static let ciphertextPicoseconds = 150_000_000
    static let answerPicoseconds = 250_000_000
    static let bytePicoseconds = 500
}

extension LatticePacking {
    /// What the packing takes.
    package var cost: LatticeCost {
        let blocks = form.groups * rowTiles * terms * outputs
        let ciphertexts = ciphertextCount, answers = answerCount
        let multiplyAccumulates = blocks * 2 * LatticeParameters.limbs * LatticeParameters.degree
        // A plaintext's transforms: n log n butterflies beside 8192 · 13; at most 512 points are padded to 16 polynomials.
        let plain = form.groups * (sideBySide ? (terms * outputs + 15) / 16 * 16 : terms * outputs)
        let butterflies = plain * LatticeParameters.limbs * points * max(points.trailingZeroBitCount, 1)
        let transforms = butterflies / (LatticeParameters.degree * 13) + 6 * ciphertexts + (18 + 8) * answers
        let bytesIn = ciphertexts * LatticeParameters.ciphertextBytes
        let bytesOut =
            answers * LatticeParameters.answerBytes(used: 0)
            + LatticeParameters.sentLimbs * LatticeParameters.bytes(ofResidues: form.outputShape.count)
        return LatticeCost(
            multiplyAccumulates: multiplyAccumulates,
            ciphertexts: ciphertexts,
            answers: answers,
            transforms: transforms,
            bytesIn: bytesIn,
            bytesOut: bytesOut,
            picoseconds: LatticeCost.multiplyAccumulatePicoseconds * multiplyAccumulates
                + LatticeCost.transformPicoseconds * transforms
                + LatticeCost.ciphertextPicoseconds * ciphertexts + LatticeCost.answerPicoseconds * answers
                + LatticeCost.bytePicoseconds * (bytesIn + bytesOut)
        )
    }
}
