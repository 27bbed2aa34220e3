internal import CrypTenBase
package import CrypTenRing
private import Synchronization

extension LatticeSecret {
    /// Encrypts an operand in a packing, once for all products that read it in this packing.
    ///
    /// - Parameters:
    ///   - operand: A mask's share, of the shape that the packing's encrypted operand has.
    ///   - packing: How it lies in polynomials.
    /// - Returns: The message for the other party.
    /// - Throws: `.shapeMismatch`, or `.invalidArgument` where the noise of what the packing sums may exceed what is admitted: before anything is made.
    /// - Complexity: 190,464 bytes a ciphertext, and 16; six transforms each.
    package func encrypt(_ operand: RingTensor, _ packing: LatticePacking) throws -> [UInt8] {
        try packing.checkNoise()
        try packing.check(operand, packing.encrypted)
        let (rows, terms, lanes) = (packing.encryptedSide.rows, packing.terms, packing.lanes)
        let (channels, area, offsets) = (packing.form.channels, packing.form.area, packing.encryptedSide.offsets)
        let map = packing.form.map(of: packing.encrypted)
        let noise = randomness.streams(packing.ciphertextCount)
        let modulus = LatticeKernels.modulus
        return LatticeWriter.message(length: packing.encryptionBytes, kernels) { writer in
            let seed = makeSeed(writer)
            operand.withWords { words in
                nonisolated(unsafe) let words = words
                kernels.split(packing.ciphertextCount) { numbers in
                    let scratch = LatticeEncryptionScratch()
                    for number in numbers {
                        let (tile, term) = number.quotientAndRemainder(dividingBy: terms)
                        let (group, first) = (tile / packing.rowTiles, tile % packing.rowTiles * lanes)
                        let scaled = scratch.scaled.elements
                        scratch.scaled.wipe()
                        for lane in 0..<min(lanes, rows - first) {
                            for c in 0..<min(packing.blockChannels, channels - term * packing.blockChannels) {
                                let channel = term * packing.blockChannels + c
                                let base = ((group * rows + first + lane) * channels + channel) * offsets.count
                                for (position, offset) in offsets.enumerated() where map[base + position] >= 0 {
                                    scaled[lane + lanes * (c * area + offset)] =
                                        modulus &* words[Int(map[base + position])]
                                }
                            }
                        }
                        let start = LatticeParameters.seedBytes + number * LatticeParameters.ciphertextBytes
                        encrypt(scratch, seed: seed, number: number, noise: noise + UInt64(number)) { row, limb in
                            let offset = start + limb * LatticeParameters.bytes(ofResidues: LatticeParameters.degree)
                            writer.write(row, count: LatticeParameters.degree, at: offset, scratch: scratch.packed)
                        }
                    }
                }
            }
        }
    }
}

extension LatticePacking {
    func check(_ tensor: RingTensor, _ operand: LatticeForm.Operand) throws(CrypTenError) {
        guard tensor.shape == form.shape(of: operand) else {
            throw CrypTenError(
                .shapeMismatch,
                "a packing of \(form.operation.name) takes an operand of shape \(form.shape(of: operand)), not \(tensor.shape)"
            )
        }
    }
}

/// The other party's operand, encrypted: values of both halves, centred, in the order in which products read them.
package final class LatticeCiphertexts: Sendable {
    package let packing: LatticePacking
    /// [group, tile of rows, prime, chunk, term, component, 256 values].
    let values: LatticeResidues

    /// Reads the other party's message.
    ///
    /// - Throws: `.malformedFrame` where it isn't one of this packing; `.invalidArgument` where the packing's noise may exceed what is admitted.
    /// - Complexity: 393 kB of memory a ciphertext; no transform, for values are sent.
    package init(message: [UInt8], _ packing: LatticePacking, _ kernels: LatticeKernels) throws {
        try packing.checkNoise()
        self.packing = packing
        let (degree, limbs, chunk) = (LatticeParameters.degree, LatticeParameters.limbs, LatticeParameters.chunk)
        let terms = packing.terms
        let values = LatticeResidues(uninitialized: packing.ciphertextCount * 2 * limbs * degree, isPublic: true)
        let invalid = Atomic(false)
        try message.withUnsafeBytes { bytes in
            let reader = try LatticeReader(
                bytes,
                length: packing.encryptionBytes,
                what: "a lattice's ciphertexts",
                kernels
            )
            let seed = reader.seed
            nonisolated(unsafe) let shared = reader
            kernels.split(packing.ciphertextCount) { numbers in
                let row = LatticeResidues(zeros: degree)
                let scratch = LatticeResidues(zeros: degree)
                let words = LatticeWords(zeros: LatticeKernels.publicWords)
                for number in numbers {
                    let (tile, term) = number.quotientAndRemainder(dividingBy: terms)
                    for limb in 0..<limbs {
                        for component in 0..<2 {
                            if component == 0 {
                                let row31 = LatticeParameters.bytes(ofResidues: degree)
                                let offset =
                                    LatticeParameters.seedBytes + number * LatticeParameters.ciphertextBytes + limb
                                    * row31
                                let read = shared.residues(
                                    at: offset,
                                    count: degree,
                                    to: row.elements,
                                    limb: limb,
                                    scratch: scratch
                                )
                                if !read { invalid.store(true, ordering: .relaxed) }
                            } else {
                                let stream = LatticePublicKey.stream(number, limb: limb)
                                kernels.uniformPublic(
                                    seed,
                                    number: stream,
                                    to: row.elements,
                                    limb: limb,
                                    scratch: words
                                )
                            }
                            kernels.centre(row.elements, count: degree, limb: limb)
                            for place in 0..<degree / chunk {
                                let at =
                                    (((tile * limbs + limb) * (degree / chunk) + place) * terms + term) * 2 + component
                                (values.elements + at * chunk).update(from: row.elements + place * chunk, count: chunk)
                            }
                        }
                    }
                }
            }
        }
        if invalid.load(ordering: .relaxed) { throw LatticeReader.notBelowPrime("a lattice's ciphertexts") }
        self.values = values
    }

    private init(_ packing: LatticePacking, _ values: LatticeResidues) {
        (self.packing, self.values) = (packing, values)
    }

    /// The same ciphertexts for another product that reads them.
    ///
    /// - Throws: `.shapeMismatch` where that product has them packed another way.
    package func serving(_ packing: LatticePacking) throws -> LatticeCiphertexts {
        guard packing.shares(ciphertextsOf: self.packing) else {
            throw CrypTenError(
                .shapeMismatch,
                "ciphertexts of \(self.packing.form.operation.name), \(self.packing.lanes) lanes, don't serve a product that has its operand packed another way"
            )
        }
        return LatticeCiphertexts(packing, values)
    }
}
