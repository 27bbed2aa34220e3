package import CrypTenBase
internal import CrypTenRing

/// How an operation's operands lie in polynomials: what is encrypted, how many lanes, and how many channels and rows a block has.
///
/// Follows from shapes alone, so that both parties have the same. Ciphertexts of one operand serve every product that reads it the same way: see
/// `shares(ciphertextsOf:)`.
package struct LatticePacking: Hashable, Sendable {
    package let form: LatticeForm
    /// The operand whose rows are lanes, and which is encrypted.
    package let encrypted: LatticeForm.Operand
    /// Rows of the encrypted operand that lie side by side: a power of two.
    package let lanes: Int
    /// Channels and rows of the other operand in a block.
    package let blockChannels, blockOutputs: Int

    package init(_ form: LatticeForm, encrypted: LatticeForm.Operand, lanes: Int, blockChannels: Int, blockOutputs: Int)
    {
        precondition(lanes > 0 && lanes & (lanes - 1) == 0 && blockChannels > 0 && blockOutputs > 0)
        precondition(
            lanes * blockChannels * blockOutputs * form.area <= LatticeParameters.degree,
            "a block has 8192 coefficients"
        )
        self.form = form
        self.encrypted = encrypted
        self.lanes = lanes
        (self.blockChannels, self.blockOutputs) = (blockChannels, blockOutputs)
    }

    package var encryptedSide: LatticeForm.Side { form[encrypted] }
    package var plainSide: LatticeForm.Side { form[encrypted.other] }

    /// Tiles of lanes, blocks of channels, blocks of outputs; of each group.
    package var rowTiles: Int { form.isEmpty ? 0 : (encryptedSide.rows + lanes - 1) / lanes }
    package var terms: Int { form.isEmpty ? 0 : (form.channels + blockChannels - 1) / blockChannels }
    package var outputs: Int { form.isEmpty ? 0 : (plainSide.rows + blockOutputs - 1) / blockOutputs }

    package var ciphertextCount: Int { form.groups * rowTiles * terms }
    package var answerCount: Int { form.groups * rowTiles * outputs }

    /// Values of a plaintext, a polynomial in X^lanes.
    package var points: Int { LatticeParameters.degree / lanes }
    /// Whether plaintexts are transformed 16 at a time.
    var sideBySide: Bool { points <= LatticeParameters.mostPointsSideBySide }

    /// Products that the sum of one coefficient has.
    package var summedProducts: Int { terms * blockChannels * blockOutputs * plainSide.offsets.count }

    /// The exponent, over lanes, of the first result of output `output` of a block.
    func resultExponent(output: Int) -> Int {
        ((blockChannels - 1) + output * blockChannels) * form.area
    }

    /// Bytes of the message with ciphertexts.
    package var encryptionBytes: Int {
        LatticeParameters.seedBytes + ciphertextCount * LatticeParameters.ciphertextBytes
    }

    /// - Throws: `.invalidArgument` where a sum's noise may exceed what is admitted.
    package func checkNoise() throws(CrypTenError) {
        guard summedProducts <= LatticeNoise.mostTerms else { throw LatticeNoise.tooLong(form, terms: summedProducts) }
    }

    /// Whether ciphertexts that were made for another packing, of the same operand, are this one's.
    package func shares(ciphertextsOf other: LatticePacking) -> Bool {
        lanes == other.lanes && blockChannels == other.blockChannels && form.area == other.form.area
            && encryptedSide == other.encryptedSide && form.channels == other.form.channels
            && form.groups == other.form.groups
            && form.shape(of: encrypted) == other.form.shape(of: other.encrypted)
            && form.map(of: encrypted) == other.form.map(of: other.encrypted)
    }
}
