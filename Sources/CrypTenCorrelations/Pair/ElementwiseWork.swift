/// How products, powers, sines and powers of two are made, element by element: a chunk at a time by ring-LWE, or by transfers, whichever takes less by shapes alone.
package struct ElementwiseWork {
    /// What is multiplied by ring-LWE.
    let slots: LatticeSlots
    /// By ring-LWE: numbers that are encrypted, products, sums of these that are answered, and the products of the longest sum.
    var encryptions, products, answers, longestSum: Int
    /// By transfers: choices, words that they weigh, and bits of these.
    var transfers, weighed, messageBits: Int

    /// Products of so many cross terms: two are summed up.
    package static func product(crossTerms: Int) -> ElementwiseWork {
        ElementwiseWork(
            slots: .words,
            encryptions: crossTerms,
            products: crossTerms,
            answers: 1,
            longestSum: crossTerms,
            transfers: 64 * crossTerms,
            weighed: 64 * crossTerms,
            messageBits: 2_080 * crossTerms
        )
    }

    /// All powers from the second to the last.
    package static func powers(degree: Int) -> ElementwiseWork {
        let pairs = degree * (degree - 1) / 2
        return ElementwiseWork(
            slots: .words,
            encryptions: degree - 1,
            products: pairs,
            answers: degree - 1,
            longestSum: degree - 1,
            transfers: 64 * (degree - 1),
            weighed: 64 * pairs,
            messageBits: 2_080 * pairs
        )
    }

    /// The cosine and the sine of a multiple.
    package static var harmonic: ElementwiseWork {
        ElementwiseWork(
            slots: .complex,
            encryptions: 1,
            products: 1,
            answers: 1,
            longestSum: 1,
            transfers: 56,
            weighed: 112,
            messageBits: 7_168
        )
    }

    /// A product of what each party has of a number below one, modulo 2^width.
    package static func fraction(width: Int) -> ElementwiseWork {
        ElementwiseWork(
            slots: .real,
            encryptions: 1,
            products: 1,
            answers: 1,
            longestSum: 1,
            transfers: 25,
            weighed: 25,
            messageBits: 25 * width
        )
    }

    /// Of a chunk's elements, at both parties, and on a link within a machine.
    var chunkPicoseconds: Int {
        let bytes = encryptions * slots.encryptionBytes(slots.chunk) + answers * slots.answerBytes(slots.chunk)
        let ciphertexts =
            encryptions * SlotPrice.encryptionPicoseconds + products * SlotPrice.productPicoseconds
            + answers * (SlotPrice.answerPicoseconds + SlotPrice.decryptionPicoseconds)
        return slots.pairs * ciphertexts + bytes * LatticeCost.bytePicoseconds
    }

    /// Of so many elements, at both parties.
    func transferPicoseconds(_ count: Int) -> Int {
        (count > 0 ? 2 * weighed * TransferPrice.messagePicoseconds : 0) + count
            * (2 * transfers * TransferPrice.transferPicoseconds + 2 * weighed * TransferPrice.elementPicoseconds
                + (4 * transfers + messageBits / 8) * LatticeCost.bytePicoseconds)
    }

    /// Of so many elements, some of them in slots; nil where none is.
    func picoseconds(_ count: Int) -> Int? {
        let inSlots = inSlots(of: count)
        return inSlots == 0
            ? nil : slots.chunks(inSlots) * chunkPicoseconds + transferPicoseconds(count - inSlots)
    }

    /// What is made in slots, some elements at a time, so that no more of them waits than may; of few chunks both parties encrypt half.
    func pieces(inSlots: Int) -> [Range<Int>] {
        let size = max(1, min(8, slots.chunks(inSlots) / 2)) * slots.chunk
        return stride(from: 0, to: inSlots, by: size).map { $0..<min($0 + size, inSlots) }
    }

    /// How many of the elements, the first ones, are made in slots: whole chunks, and what is left where that is worth another one.
    package func inSlots(of count: Int) -> Int {
        guard (1...LatticeSlots.mostTerms).contains(longestSum) else { return 0 }
        let rest = count % slots.chunk
        let whole = count - rest
        let first = whole == 0 ? SlotPrice.keyPicoseconds : 0
        return rest > 0 && transferPicoseconds(rest) > chunkPicoseconds + first ? count : whole
    }
}

/// What 8192 slots modulo a pair of primes take, measured with AVX2: whole numbers, so that both parties choose the same.
enum SlotPrice {
    static let encryptionPicoseconds = 150_000_000
    static let productPicoseconds = 150_000_000
    static let answerPicoseconds = 420_000_000
    static let decryptionPicoseconds = 185_000_000
    /// A secret, and a public key, made, sent and read.
    static let keyPicoseconds = 500_000_000
}
