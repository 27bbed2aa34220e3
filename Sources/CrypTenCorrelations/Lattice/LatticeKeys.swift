internal import CrypTenBase
internal import CrypTenRing

/// The secret of one run, and what its owner does with it: encrypt, and decrypt answers.
///
/// A ternary polynomial s, drawn without rejection and no further than 2^-113 from uniform in all; kept as values, and overwritten when the last owner goes.
///
/// > Security: Semi-honest. What is sent is (a s masked by noise) under ring-LWE, `LatticeParameters`; whoever knows the plaintext operand learns nothing of
/// > the encrypted one.
/// > Lyubashevsky, Peikert, Regev, "On Ideal Lattices and Learning with Errors over Rings", Eurocrypt 2010; Fan, Vercauteren, "Somewhat Practical Fully
/// > Homomorphic Encryption", 2012, plaintexts modulo 2^64 and additions alone.
package final class LatticeSecret: Sendable {
    let kernels: LatticeKernels
    let randomness: any LatticeRandomness
    /// Values of s, as second factors, modulo each prime.
    package let values: LatticeResidues

    package init(_ randomness: any LatticeRandomness, _ kernels: LatticeKernels) {
        self.kernels = kernels
        self.randomness = randomness
        let degree = LatticeParameters.degree
        values = LatticeResidues(zeros: LatticeParameters.limbs * degree)
        let words = LatticeWords(zeros: 2 * degree)
        let small = LatticeResidues(zeros: degree)
        randomness.fill(words.elements, count: 2 * degree, stream: randomness.streams(1), for: .secret)
        kernels.ternary(words.elements, to: small.elements)
        for limb in 0..<LatticeParameters.limbs {
            let row = values.elements + limb * degree
            kernels.add(small: small.elements, to: row, limb: limb)
            kernels.forward(row, limb: limb)
            kernels.makeFactor(row, limb: limb)
        }
    }

    /// An encryption of zero, with which the other party makes more of them.
    ///
    /// To be sent once: 190,480 bytes.
    package func publicKeyMessage() -> [UInt8] {
        LatticeWriter.message(length: LatticePublicKey.bytes, kernels) { writer in
            let seed = makeSeed(writer)
            let scratch = LatticeEncryptionScratch()
            encrypt(scratch, seed: seed, number: 0, noise: randomness.streams(1)) { row, limb in
                let offset =
                    LatticeParameters.seedBytes + limb * LatticeParameters.bytes(ofResidues: LatticeParameters.degree)
                writer.write(row, count: LatticeParameters.degree, at: offset, scratch: scratch.packed)
            }
        }
    }

    /// Draws a seed and writes it at the beginning of a message.
    func makeSeed(_ writer: LatticeWriter) -> ExpansionKey {
        let words = LatticeWords(zeros: 2)
        randomness.fill(words.elements, count: 2, stream: randomness.streams(1), for: .seed)
        writer.write(words.elements[0], at: 0)
        writer.write(words.elements[1], at: 8)
        return ExpansionKey(low: words.elements[0], high: words.elements[1])
    }

    /// Encrypts what `scratch.scaled` holds: round(q m / 2^64) + e − a s as values, a row a prime.
    func encrypt(
        _ scratch: LatticeEncryptionScratch,
        seed: ExpansionKey,
        number: Int,
        noise: UInt64,
        _ use: (_ row: LatticeKernels.Row, _ limb: Int) -> Void
    ) {
        encrypt(scratch, seed: seed, number: number, noise: noise) { row, limb in
            kernels.encode(scratch.scaled.elements, count: LatticeParameters.degree, to: row, limb: limb)
        } _: {
            use($0, $1)
        }
    }

    /// Encrypts what `encode` writes, coefficients modulo each prime: that + e − a s as values.
    func encrypt(
        _ scratch: LatticeEncryptionScratch,
        seed: ExpansionKey,
        number: Int,
        noise: UInt64,
        _ encode: (_ row: LatticeKernels.Row, _ limb: Int) -> Void,
        _ use: (_ row: LatticeKernels.Row, _ limb: Int) -> Void
    ) {
        let degree = LatticeParameters.degree
        randomness.fill(scratch.words.elements, count: degree, stream: noise, for: .noise)
        kernels.binomial(scratch.words.elements, to: scratch.small.elements)
        for limb in 0..<LatticeParameters.limbs {
            let row = scratch.row.elements
            encode(row, limb)
            kernels.add(small: scratch.small.elements, to: row, limb: limb)
            kernels.forward(row, limb: limb)
            let stream = LatticePublicKey.stream(number, limb: limb)
            kernels.uniformPublic(
                seed,
                number: stream,
                to: scratch.uniform.elements,
                limb: limb,
                scratch: scratch.publicWords
            )
            let secret = values.elements + limb * degree
            kernels.multiplyAdd(row, row, scratch.uniform.elements, secret, subtracting: true, limb: limb)
            use(row, limb)
        }
    }
}

/// Memory that a thread encrypts in.
final class LatticeEncryptionScratch {
    /// The message's words times q, modulo 2^64.
    let scaled = LatticeWords(zeros: LatticeParameters.degree)
    let words = LatticeWords(zeros: LatticeParameters.degree)
    let publicWords = LatticeWords(zeros: LatticeKernels.publicWords)
    let small = LatticeResidues(zeros: LatticeParameters.degree)
    let row = LatticeResidues(zeros: LatticeParameters.degree)
    let uniform = LatticeResidues(zeros: LatticeParameters.degree)
    let packed = LatticeResidues(zeros: LatticeParameters.degree)
}

/// The other party's encryption of zero: both halves as values, as second factors.
package final class LatticePublicKey: Sendable {
    /// Bytes of its message.
    package static let bytes = LatticeParameters.seedBytes + LatticeParameters.ciphertextBytes

    /// Component c modulo prime k is a row at (c · 6 + k) · 8192.
    package let values: LatticeResidues

    /// The stream of a seed that has the second half of ciphertext `number` modulo a prime.
    package static func stream(_ number: Int, limb: Int) -> UInt64 {
        UInt64(number * 8 + limb)
    }

    /// A key of rows that lie in memory already, as second factors.
    package init(values: LatticeResidues) {
        precondition(values.count == 2 * LatticeParameters.limbs * LatticeParameters.degree)
        self.values = values
    }

    /// Reads the other party's message.
    ///
    /// - Throws: `.malformedFrame` where it is none.
    package init(message: some Sequence<UInt8>, _ kernels: LatticeKernels) throws {
        let degree = LatticeParameters.degree
        let limbs = LatticeParameters.limbs
        let values = LatticeResidues(zeros: 2 * limbs * degree)
        try Array(message).withUnsafeBytes { bytes in
            let reader = try LatticeReader(
                bytes,
                length: LatticePublicKey.bytes,
                what: "a lattice's public key",
                kernels
            )
            let seed = reader.seed
            let scratch = LatticeResidues(zeros: degree)
            let words = LatticeWords(zeros: LatticeKernels.publicWords)
            for limb in 0..<limbs {
                let first = values.elements + limb * degree
                let second = first + limbs * degree
                let offset = LatticeParameters.seedBytes + limb * LatticeParameters.bytes(ofResidues: degree)
                guard reader.residues(at: offset, count: degree, to: first, limb: limb, scratch: scratch) else {
                    throw LatticeReader.notBelowPrime("a lattice's public key")
                }
                kernels.uniformPublic(
                    seed,
                    number: LatticePublicKey.stream(0, limb: limb),
                    to: second,
                    limb: limb,
                    scratch: words
                )
                kernels.makeFactor(first, limb: limb)
                kernels.makeFactor(second, limb: limb)
            }
        }
        self.values = values
    }
}
