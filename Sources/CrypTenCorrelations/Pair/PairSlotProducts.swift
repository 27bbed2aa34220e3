import CrypTenRing

/// Sums of products, element by element, of which one party has the one factor and the other the other: by ring-LWE in slots.
///
/// What one party encrypts serves all sums that read it. See `LatticeSlots` for why shares are right, and show nothing.
final class PairSlotProducts {
    private let pair: Pair
    private let keys: PairLatticeKeys

    init(_ pair: Pair, _ keys: PairLatticeKeys) {
        (self.pair, self.keys) = (pair, keys)
    }

    /// Numbers of one party, encrypted.
    final class Encrypted {
        let slots: LatticeSlots
        let holder: Int
        let count: Int
        /// The exchange in which they go.
        let moment: Int
        /// At the other party.
        fileprivate var message: RingTensor?

        fileprivate init(_ slots: LatticeSlots, holder: Int, count: Int, moment: Int) {
            (self.slots, self.holder, self.count, self.moment) = (slots, holder, count, moment)
        }
    }

    /// Encrypts one party's numbers, which it has in as many parts as `slots` says.
    func encrypt(_ parts: Later<[RingTensor]>, in slots: LatticeSlots, count: Int, holder: Int) -> Encrypted {
        let exchange = pair.tape.next(after: parts.moment)
        let encrypted = Encrypted(slots, holder: holder, count: count, moment: exchange)
        let length = slots.encryptionBytes(count)
        keys.send(of: holder)
        pair.wait(bytes: length)
        pair.counted.count(ciphertextsIn: slots, of: count, by: holder)
        pair.tape.message(from: holder, in: exchange, words: length / 8) { [keys] channel in
            try channel.send(keys.ownSecret().encrypt(try parts.value(), in: slots))
        } read: { channel in
            encrypted.message = try channel.receive(length / 8)
        }
        return encrypted
    }

    /// Shares of Σ x·y, in as many tensors as `LatticeSlots.shares`, x encrypted by one party and y the other's; at most `LatticeSlots.mostTerms`.
    func sum(_ terms: [(encrypted: Encrypted, parts: Later<[RingTensor]>)]) -> Later<[RingTensor]> {
        let first = terms[0].encrypted
        let (slots, holder, count) = (first.slots, first.holder, first.count)
        precondition(
            terms.allSatisfy { $0.encrypted.holder == holder && $0.encrypted.slots == slots },
            "one party encrypts what is summed up"
        )
        let exchange = pair.tape.next(after: terms.map { max($0.encrypted.moment, $0.parts.moment) }.max()!)
        let result = Later<[RingTensor]>(at: exchange)
        let length = slots.answerBytes(count)
        pair.counted.count(answersIn: slots, of: count, terms: terms.count, by: 1 - holder)
        pair.tape.message(from: 1 - holder, in: exchange, words: length / 8) { [keys] channel in
            let factors = try terms.map { encrypted, parts in
                guard let message = encrypted.message else { preconditionFailure("an answer follows its ciphertexts") }
                return (message, try parts.value())
            }
            let (message, shares) = try LatticeSlotProducts.answer(
                factors,
                in: slots,
                count: count,
                key: keys.publicKey(),
                keys.randomness,
                keys.kernels
            )
            try channel.send(message)
            result.fulfil(shares)
        } read: { [keys] channel in
            let message = try channel.receive(length / 8)
            result.fulfil(try keys.ownSecret().decrypt(message, in: slots, count: count))
        }
        return result
    }
}

extension PairCost {
    /// Counts what encrypting numbers in slots takes.
    mutating func count(ciphertextsIn slots: LatticeSlots, of count: Int, by party: Int) {
        let ciphertexts = slots.chunks(count) * slots.pairs
        lattice[party].ciphertexts += ciphertexts
        lattice[party].transforms += (2 + LatticeParameters.limbs) * ciphertexts
        lattice[party].picoseconds += ciphertexts * SlotPrice.encryptionPicoseconds
    }

    /// Counts what answering sums of products in slots takes, and reading the answers.
    mutating func count(answersIn slots: LatticeSlots, of count: Int, terms: Int, by party: Int) {
        let answers = slots.chunks(count) * slots.pairs
        let (limbs, sent) = (LatticeParameters.limbs, LatticeParameters.sentLimbs)
        lattice[party].answers += answers
        // Residues of a share modulo two primes, and the message.
        let answering = answers * 2 * LatticeParameters.degree * 4 + slots.answerBytes(count)
        answeringBytes[party] = max(answeringBytes[party], answering)
        lattice[party].multiplyAccumulates += answers * terms * 2 * limbs * LatticeParameters.degree
        lattice[party].transforms += answers * (terms * (2 + limbs) + 3 * limbs + 2)
        lattice[party].picoseconds += answers * (terms * SlotPrice.productPicoseconds + SlotPrice.answerPicoseconds)
        lattice[1 - party].transforms += answers * (2 * sent + 2)
        lattice[1 - party].picoseconds += answers * SlotPrice.decryptionPicoseconds
    }
}
