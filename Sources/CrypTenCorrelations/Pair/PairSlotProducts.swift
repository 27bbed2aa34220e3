import CrypTenRing

/// Sums of products of words, element by element, of which one party has the one factor and the other the other: by ring-LWE in slots.
///
/// What one party encrypts serves all sums that read it. See `LatticeSlots` for why shares are right, and show nothing.
final class PairSlotProducts {
    private let pair: Pair
    private let keys: PairLatticeKeys

    init(_ pair: Pair, _ keys: PairLatticeKeys) {
        (self.pair, self.keys) = (pair, keys)
    }

    /// Words of one party, encrypted.
    final class Encrypted {
        let holder: Int
        let count: Int
        /// The exchange in which they go.
        let moment: Int
        /// At the other party.
        fileprivate var message: RingTensor?

        fileprivate init(holder: Int, count: Int, moment: Int) {
            (self.holder, self.count, self.moment) = (holder, count, moment)
        }
    }

    /// Encrypts one party's words.
    func encrypt(_ part: Later<RingTensor>, count: Int, holder: Int) -> Encrypted {
        let exchange = pair.tape.next(after: part.moment)
        let encrypted = Encrypted(holder: holder, count: count, moment: exchange)
        let length = LatticeSlots.encryptionBytes(count)
        keys.send(of: holder)
        pair.wait(bytes: length)
        pair.counted.count(slotCiphertextsOf: count, by: holder)
        pair.tape.message(from: holder, in: exchange, words: length / 8) { [keys] channel in
            try channel.send(keys.ownSecret().encrypt(slots: try part.value()))
        } read: { channel in
            encrypted.message = try channel.receive(length / 8)
        }
        return encrypted
    }

    /// Shares of Σ x·y, x encrypted by one party and y the other's; at most `LatticeSlots.mostTerms`.
    func sum(_ terms: [(encrypted: Encrypted, words: Later<RingTensor>)]) -> Later<RingTensor> {
        let (holder, count) = (terms[0].encrypted.holder, terms[0].encrypted.count)
        precondition(terms.allSatisfy { $0.encrypted.holder == holder }, "one party encrypts what is summed up")
        let exchange = pair.tape.next(after: terms.map { max($0.encrypted.moment, $0.words.moment) }.max()!)
        let result = Later<RingTensor>(at: exchange)
        let length = LatticeSlots.answerBytes(count)
        pair.counted.count(slotAnswersOf: count, terms: terms.count, by: 1 - holder)
        pair.tape.message(from: 1 - holder, in: exchange, words: length / 8) { [keys] channel in
            let factors = try terms.map { encrypted, words in
                guard let message = encrypted.message else { preconditionFailure("an answer follows its ciphertexts") }
                return (message, try words.value())
            }
            let (message, share) = try LatticeSlotProducts.answer(
                factors,
                count: count,
                key: keys.publicKey(),
                keys.randomness,
                keys.kernels
            )
            try channel.send(message)
            result.fulfil(share)
        } read: { [keys] channel in
            let message = try channel.receive(length / 8)
            result.fulfil(try keys.ownSecret().decrypt(slots: message, count: count))
        }
        return result
    }
}

extension PairCost {
    /// Counts what encrypting words in slots takes.
    mutating func count(slotCiphertextsOf count: Int, by party: Int) {
        let chunks = LatticeSlots.chunks(count)
        let ciphertexts = chunks * LatticeSlots.pairs
        lattice[party].ciphertexts += ciphertexts
        lattice[party].transforms += (2 + LatticeParameters.limbs) * ciphertexts
        lattice[party].picoseconds += chunks * SlotPrice.encryptionPicoseconds
    }

    /// Counts what answering sums of products in slots takes, and reading the answers.
    mutating func count(slotAnswersOf count: Int, terms: Int, by party: Int) {
        let chunks = LatticeSlots.chunks(count)
        let answers = chunks * LatticeSlots.pairs
        let (limbs, sent) = (LatticeParameters.limbs, LatticeParameters.sentLimbs)
        lattice[party].answers += answers
        // Residues of a share modulo two primes, and the message.
        let answering = answers * 2 * LatticeParameters.degree * 4 + LatticeSlots.answerBytes(count)
        answeringBytes[party] = max(answeringBytes[party], answering)
        lattice[party].multiplyAccumulates += answers * terms * 2 * limbs * LatticeParameters.degree
        lattice[party].transforms += answers * (terms * (2 + limbs) + 3 * limbs + 2)
        lattice[party].picoseconds += chunks * (terms * SlotPrice.productPicoseconds + SlotPrice.answerPicoseconds)
        lattice[1 - party].transforms += answers * (2 * sent + 2)
        lattice[1 - party].picoseconds += chunks * SlotPrice.decryptionPicoseconds
    }
}
