import CrypTenBase
import CrypTenCorrelations
import CrypTenRing
import Testing

/// What both parties make of sums of products in slots.
struct LatticeSlotRun {
    var encryptions: [[UInt8]]
    var answer: [UInt8]
    var own, others: [UInt64]

    var sum: [UInt64] { zip(own, others).map { $0 &+ $1 } }

    init(
        _ pair: LatticePair,
        _ terms: [(held: RingTensor, others: RingTensor)],
        key: LatticePublicKey? = nil
    ) throws {
        encryptions = terms.map { pair.secret.encrypt(slots: $0.held) }
        let count = terms[0].held.count
        let (message, share) = try LatticeSlotProducts.answer(
            zip(encryptions, terms).map { ($0, $1.others) },
            count: count,
            key: key ?? pair.publicKey,
            pair.other,
            pair.kernels
        )
        answer = message
        others = share.elements
        own = try pair.secret.decrypt(slots: message, count: count).elements
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
        #expect(run.encryptions[0].count == 16 + 571_392 * chunks && run.answer.count == 761_856 * chunks)
        #expect(run.encryptions[0].count == LatticeSlots.encryptionBytes(count))
        #expect(run.answer.count == LatticeSlots.answerBytes(count))
    }

    @Test("what is encrypted once serves many sums")
    func shared() throws {
        let pair = try LatticePair(seed: 503)
        var words = LatticeTestWords(seed: 10)
        let x = words.tensor([100])
        let encryption = pair.secret.encrypt(slots: x)
        for _ in 0..<2 {
            let y = words.tensor([100])
            let (message, share) = try LatticeSlotProducts.answer(
                [(encryption, y)],
                count: 100,
                key: pair.publicKey,
                pair.other,
                pair.kernels
            )
            let own = try pair.secret.decrypt(slots: message, count: 100)
            #expect(zip(own.elements, share.elements).map { $0 &+ $1 } == Self.product([(x, y)]))
        }
    }

    @Test("messages of another length, and numbers that are no residues, are refused")
    func malformed() throws {
        let pair = try LatticePair(seed: 504)
        let x = RingTensor(repeating: 3, shape: [5])
        let run = try LatticeSlotRun(pair, [(x, x)])
        func refused(_ body: () throws -> Void) -> Bool {
            do {
                try body()
                return false
            } catch let error as CrypTenError {
                return error.code == .malformedFrame
            } catch {
                return false
            }
        }
        func answer(_ message: [UInt8]) throws {
            _ = try LatticeSlotProducts.answer(
                [(message, x)],
                count: 5,
                key: pair.publicKey,
                pair.other,
                pair.kernels
            )
        }
        let (encryption, message) = (run.encryptions[0], run.answer)
        #expect(refused { try answer(Array(encryption.dropLast())) })
        #expect(refused { _ = try pair.secret.decrypt(slots: message + [0], count: 5) })
        #expect(refused { _ = try pair.secret.decrypt(slots: message, count: 8_193) })
        for place in [16, encryption.count - 4] {
            var changed = encryption
            changed.replaceSubrange(place..<place + 4, with: [0xFF, 0xFF, 0xFF, 0xFF])
            #expect(refused { try answer(changed) })
        }
        for place in [0, message.count - 4] {
            var changed = message
            changed.replaceSubrange(place..<place + 4, with: [0xFF, 0xFF, 0xFF, 0xFF])
            #expect(refused { _ = try pair.secret.decrypt(slots: changed, count: 5) })
        }
    }
}
