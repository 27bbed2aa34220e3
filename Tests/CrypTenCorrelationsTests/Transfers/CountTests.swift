import CrypTenCorrelations
import CrypTenRing
import Testing

/// Two parties in one process, who make correlations of shared bits and words out of transfers in both directions.
private final class TwoParties {
    /// `towards[i]`: the direction in which party i chooses.
    let towards: [(sending: TransferSender.Run, receiving: TransferReceiver.Run)]

    init(_ height: TreeHeight) {
        towards = (0..<2).map { party in
            let session = KnownSession(height, seed: UInt64(party), label: "to \(party)")
            return (session.sender().run([1]), session.receiver().run([1]))
        }
    }

    func choice(to party: Int, _ bits: BitPlanes) throws -> (SentChoice, ReceivedChoice) {
        let (message, received) = try towards[party].receiving.extend(bits)
        let sent = try towards[party].sending.absorb(message, planes: 1, count: bits.count)
        return (try sent.choice(0), try received.choice(0))
    }

    /// Shares by party of bits · words, the bits known to `party`.
    func times(
        _ choice: (SentChoice, ReceivedChoice),
        _ words: [UInt64],
        _ width: Int,
        to party: Int
    ) throws -> [[UInt64]] {
        let (message, own) = choice.0.times(RingTensor(words, shape: [words.count]), width: width)
        let other = try choice.1.times(message, width: width)
        return party == 1 ? [own.elements, other.elements] : [other.elements, own.elements]
    }

    /// What the directions have cost together, as both sides have it.
    func cost() -> (transfers: Int, messageBits: Int) {
        for (sending, receiving) in towards { #expect(sending.counters == receiving.counters) }
        let counters = towards.map(\.sending.counters)
        return (counters[0].transfers + counters[1].transfers, counters[0].messageBits + counters[1].messageBits)
    }
}

@Suite("Costs of correlations, against those of the executable specification")
struct CountTests {
    private let count = 128

    @Test(
        "a product of words that a party knows each takes 64 transfers and 2,080 message bits an element",
        arguments: TreeHeight.allCases
    )
    func product(height: TreeHeight) throws {
        let parties = TwoParties(height)
        let (x, y) = (Numbers.wordsOf(count, seed: 1), Numbers.wordsOf(count, seed: 2))
        let planes = NativeKernels(threads: 1).planes(of: RingTensor(y, shape: [count]), from: 0, count: 64)
        let (message, received) = try parties.towards[1].receiving.extend(planes)
        let sent = try parties.towards[1].sending.absorb(message, planes: 64, count: count)
        var sums = [RingTensor(zeros: [count]), RingTensor(zeros: [count])]
        for bit in 0..<64 {
            let weighed = RingTensor(x, shape: [count])
            let message = try sent.choice(bit).add(weighed, width: 64 - bit, shiftedBy: bit, to: &sums[0])
            try received.choice(bit).add(message, width: 64 - bit, shiftedBy: bit, to: &sums[1])
        }
        #expect(zip(sums[0].elements, sums[1].elements).map { $0 &+ $1 } == zip(x, y).map { $0 &* $1 })
        #expect(parties.cost() == (64 * count, 2_080 * count))
        let counters = parties.towards[1].sending.counters
        #expect(counters.extensionBits == 64 * count * 128 / height.rawValue && counters.extended == 64 * count)
        #expect(message.count * 64 == counters.extensionBits)
        #expect(counters.messageBytes * 8 == counters.messageBits)
    }

    @Test(
        "an AND of shared bits takes 2 transfers and 2 bits, a bit's number 1 and 63, a bit times a mask, with it, 2 and 191"
    )
    func bits() throws {
        var numbers = Numbers(seed: 3)
        let (x, y) = (
            (0..<2).map { _ in numbers.planes(1, count: count) }, (0..<2).map { _ in numbers.planes(1, count: count) }
        )
        let words = { (bits: BitPlanes) in bits.bits(ofPlane: 0).map { UInt64($0 ? 1 : 0) } }
        let xor = { (a: BitPlanes, b: BitPlanes) in zip(a.bits(ofPlane: 0), b.bits(ofPlane: 0)).map { $0 != $1 } }
        // x_1·y_0 and y_1·x_0, both chosen by party 1.
        let and = TwoParties(.two)
        var shares = [x[0], x[1]].enumerated().map { i, own in
            zip(own.bits(ofPlane: 0), y[i].bits(ofPlane: 0)).map { $0 && $1 }
        }
        for (choices, bits) in [(x[1], y[0]), (y[1], x[0])] {
            let choice = try and.choice(to: 1, choices)
            let (message, own) = choice.0.times(bits)
            let other = try choice.1.times(message, planes: 1)
            for (party, part) in [own, other].enumerated() {
                shares[party] = zip(shares[party], part.bits(ofPlane: 0)).map { $0 != $1 }
            }
        }
        #expect(zip(shares[0], shares[1]).map { $0 != $1 } == zip(xor(x[0], x[1]), xor(y[0], y[1])).map { $0 && $1 })
        #expect(and.cost() == (2 * count, 2 * count))
        // b_0 + b_1 − 2·b_0·b_1, and with the same choice b·λ: each party's share of λ, weighed by the other's bit.
        let mask = (0..<2).map { _ in numbers.words(count) }
        let parties = TwoParties(.two)
        let towards = [try parties.choice(to: 0, x[0]), try parties.choice(to: 1, x[1])]
        let cross = try parties.times(towards[1], words(x[0]), 63, to: 1)
        #expect(parties.towards[1].sending.counters.messageBits == 63 * count)
        let bit = xor(x[0], x[1])
        let number = (0..<2).map { party in zip(words(x[party]), cross[party]).map { $0 &- 2 &* $1 } }
        #expect(zip(number[0], number[1]).map { $0 &+ $1 } == bit.map { $0 ? 1 : 0 })
        var selected = [UInt64](repeating: 0, count: count)
        for party in 0..<2 {
            let own = words(x[party])
            let weighed = zip(mask[party], own).map { $0 &- 2 &* $0 &* $1 }
            let parts = try parties.times(towards[1 - party], weighed, 64, to: 1 - party)
            for i in 0..<count { selected[i] &+= own[i] &* mask[party][i] &+ parts[0][i] &+ parts[1][i] }
        }
        #expect(selected == (0..<count).map { bit[$0] ? mask[0][$0] &+ mask[1][$0] : 0 })
        #expect(parties.cost() == (2 * count, 191 * count))
    }

    @Test("a plane of choices takes whole words of the extension, and one transfer a bit")
    func rounded() throws {
        let parties = TwoParties(.four)
        _ = try parties.choice(to: 0, BitPlanes(zeros: 1, count: 65))
        let counters = parties.towards[0].sending.counters
        #expect(counters == parties.towards[0].receiving.counters)
        #expect(counters.transfers == 65 && counters.extended == 128 && counters.extensionBits == 128 * 32)
        #expect(counters.messageBits == 0 && counters.messageBytes == 0)
    }
}
