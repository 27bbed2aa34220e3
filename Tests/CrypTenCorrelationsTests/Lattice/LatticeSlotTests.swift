import CrypTenBase
import CrypTenCorrelations
import CrypTenRing
import Testing

/// What both parties make of sums of products in slots: parts of all elements, as `LatticeSlots` says.
struct LatticeSlotRun {
    var encryptions: [RingTensor]
    var answer: RingTensor
    var own, others: [[UInt64]]

    /// Part by part.
    var sums: [[UInt64]] { zip(own, others).map { zip($0, $1).map { $0 &+ $1 } } }
    /// Of words.
    var sum: [UInt64] { sums[0] }

    init(
        _ pair: LatticePair,
        in slots: LatticeSlots,
        _ terms: [(held: [RingTensor], others: [RingTensor])],
        key: LatticePublicKey? = nil
    ) throws {
        encryptions = terms.map { pair.secret.encrypt($0.held, in: slots) }
        let count = terms[0].held[0].count
        let (message, shares) = try LatticeSlotProducts.answer(
            zip(encryptions, terms).map { ($0, $1.others) },
            in: slots,
            count: count,
            key: key ?? pair.publicKey,
            pair.other,
            pair.kernels
        )
        answer = message
        others = shares.map(\.elements)
        own = try pair.secret.decrypt(message, in: slots, count: count).map(\.elements)
    }

    /// Of words.
    init(
        _ pair: LatticePair,
        _ terms: [(held: RingTensor, others: RingTensor)],
        key: LatticePublicKey? = nil
    ) throws {
        try self.init(pair, in: .words, terms.map { ([$0.held], [$0.others]) }, key: key)
    }
}

extension LatticeSlots {
    /// Numbers that uniform words become: themselves, or their cosines and sines, or their highest 31 bits.
    func parts(_ words: [UInt64]) -> [RingTensor] {
        switch self {
        case .words: [RingTensor(words, shape: [words.count])]
        case .complex:
            [1 << 62, 0].map { quarter in
                RingTensor(words.map { integerSine($0 &+ quarter) }, shape: [words.count])
            }
        case .real:
            [RingTensor(words.map { UInt64(bitPattern: Int64(bitPattern: $0) >> 33) }, shape: [words.count])]
        }
    }
}

/// Whether what a peer has sent is refused as no message of its kind.
func isMalformed(_ body: () throws -> Void) -> Bool {
    do {
        try body()
        return false
    } catch let error as CrypTenError {
        return error.code == .malformedFrame
    } catch {
        return false
    }
}

@Suite("Products of words in slots")
struct LatticeSlotTests {
    static let degree = LatticeParameters.degree

    static func product(_ terms: [(held: RingTensor, others: RingTensor)]) -> [UInt64] {
        terms[0].held.elements.indices.map { i in
            terms.reduce(0) { $0 &+ $1.held.elements[i] &* $1.others.elements[i] }
        }
    }

    @Test("are those of the ring, with every instruction set", arguments: allLatticeKernels.indices, 1...4)
    func products(index: Int, terms: Int) throws {
        let pair = try LatticePair(seed: 500, allLatticeKernels[index])
        var words = LatticeTestWords(seed: UInt64(terms))
        let all = (0..<terms).map { _ in (held: words.tensor([Self.degree]), others: words.tensor([Self.degree])) }
        #expect(try LatticeSlotRun(pair, all).sum == Self.product(all))
    }

    @Test("are right for every pair of edges")
    func edges() throws {
        let pair = try LatticePair(seed: 501)
        let edges = LatticeTestWords.edges
        let x = (0..<64).map { edges[$0 / 8] }
        let y = (0..<64).map { edges[$0 % 8] }
        // The sum of four of them, too: 4 · 2^126.
        for terms in [1, LatticeSlots.mostTerms] {
            let all = (0..<terms).map { _ in (held: RingTensor(x, shape: [64]), others: RingTensor(y, shape: [64])) }
            #expect(try LatticeSlotRun(pair, all).sum == Self.product(all))
        }
    }

    @Test("any number of words takes whole chunks", arguments: [1, 8_191, 8_192, 8_193, 20_000])
    func counts(count: Int) throws {
        let pair = try LatticePair(seed: 502)
        var words = LatticeTestWords(seed: 9)
        let terms = [(held: words.tensor([count]), others: words.tensor([count]))]
        let run = try LatticeSlotRun(pair, terms)
        #expect(run.sum == Self.product(terms))
        let chunks = (count + 8_191) / 8_192
        #expect(8 * run.encryptions[0].count == 16 + 571_392 * chunks && 8 * run.answer.count == 761_856 * chunks)
        #expect(8 * run.encryptions[0].count == LatticeSlots.words.encryptionBytes(count))
        #expect(8 * run.answer.count == LatticeSlots.words.answerBytes(count))
    }

    @Test("what is encrypted once serves many sums")
    func shared() throws {
        let pair = try LatticePair(seed: 503)
        var words = LatticeTestWords(seed: 10)
        let x = words.tensor([100])
        let encryption = pair.secret.encrypt([x], in: .words)
        for _ in 0..<2 {
            let y = words.tensor([100])
            let (message, shares) = try LatticeSlotProducts.answer(
                [(encryption, [y])],
                in: .words,
                count: 100,
                key: pair.publicKey,
                pair.other,
                pair.kernels
            )
            let own = try pair.secret.decrypt(message, in: .words, count: 100)
            #expect(zip(own[0].elements, shares[0].elements).map { $0 &+ $1 } == Self.product([(x, y)]))
        }
    }

    @Test(
        "messages of another length, and numbers that are no residues, are refused",
        arguments: LatticeSlots.allCases
    )
    func malformed(slots: LatticeSlots) throws {
        let pair = try LatticePair(seed: 504)
        let x = slots.parts([3, 4, 5, 6, 7])
        let run = try LatticeSlotRun(pair, in: slots, [(x, x)])
        func answer(_ message: [UInt64]) throws {
            _ = try LatticeSlotProducts.answer(
                [(RingTensor(message, shape: [message.count]), x)],
                in: slots,
                count: 5,
                key: pair.publicKey,
                pair.other,
                pair.kernels
            )
        }
        func decrypt(_ message: [UInt64], count: Int = 5) throws {
            _ = try pair.secret.decrypt(RingTensor(message, shape: [message.count]), in: slots, count: count)
        }
        let (encryption, message) = (run.encryptions[0].elements, run.answer.elements)
        try answer(encryption)
        try decrypt(message)
        #expect(isMalformed { try answer(encryption.dropLast()) })
        #expect(isMalformed { try decrypt(message + [0]) })
        #expect(isMalformed { try decrypt(message, count: slots.chunk + 1) })
        for place in [2, encryption.count - 1] {
            var changed = encryption
            changed[place] = .max
            #expect(isMalformed { try answer(changed) })
        }
        for place in [0, message.count - 1] {
            var changed = message
            changed[place] = .max
            #expect(isMalformed { try decrypt(changed) })
        }
    }
}
