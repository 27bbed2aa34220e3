import CrypTenCorrelations
import CrypTenRing
import Testing

/// Hypothesis, of each test: the bytes of what is sent are uniform and independent, whatever choices and words are.
///
/// χ² over 256 values of a byte has 255 degrees of freedom; 395 is exceeded with probability 10^−7 (Wilson and Hilferty: z = 5.2).
/// Fourteen comparisons: a false alarm in one of 700,000 choices of the seeds, which are fixed.
@Suite("Messages of transfers look uniform, and tests see where they aren't")
struct TransferStatisticsTests {
    private static let limit = 395.0
    private static let count = 2_048

    private static func chiSquare(_ words: some Sequence<UInt64>) -> Double {
        var cells = [Double](repeating: 0, count: 256)
        for word in words { for byte in 0..<8 { cells[Int(word >> UInt64(8 * byte) & 0xFF)] += 1 } }
        let expected = cells.reduce(0, +) / 256
        return cells.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
    }

    /// Two chosen sets of choices and words, as different as they can be.
    private static let sets: [(choices: UInt64, words: UInt64)] = [(0, 0), (.max, 0x0101_0101_0101_0101)]

    @Test("extensions and words' messages, of two chosen sets", arguments: 0..<2, TreeHeight.allCases)
    func uniform(set: Int, height: TreeHeight) throws {
        let (choice, word) = TransferStatisticsTests.sets[set]
        let count = TransferStatisticsTests.count
        let choices = BitPlanes(RingTensor(repeating: choice, shape: [count / 64]), planes: 1, count: count)
        let session = KnownSession(height, seed: 20 + UInt64(set))
        let (sending, receiving) = (session.sender().run([1]), session.receiver().run([1]))
        let (extended, _) = try receiving.extend(choices)
        let put = try sending.absorb(extended, planes: 1, count: count).choice(0)
        #expect(TransferStatisticsTests.chiSquare(extended.elements) < TransferStatisticsTests.limit)
        let words = RingTensor(repeating: word, shape: [count])
        let messages = (0..<4).map { _ in put.times(words).message.elements }
        #expect(TransferStatisticsTests.chiSquare(messages.joined()) < TransferStatisticsTests.limit)
    }

    /// Differences of messages for two words of the same transfers.
    private func differences(_ first: [UInt64], _ second: [UInt64]) -> Double {
        TransferStatisticsTests.chiSquare(zip(first, second).map { $0 &- $1 })
    }

    @Test("two words of one transfer have unrelated messages: in one block, and in two")
    func unrelated() throws {
        let count = TransferStatisticsTests.count
        let (sent, _) = try KnownSession(.two, seed: 30).transfers(BitPlanes(zeros: 1, count: count))
        let put = try sent.choice(0)
        let messages = (0..<3).map { put.times(RingTensor(repeating: UInt64($0), shape: [count])).message.elements }
        #expect(differences(messages[0], messages[1]) < TransferStatisticsTests.limit)
        #expect(differences(messages[0], messages[2]) < TransferStatisticsTests.limit)
    }

    @Test("mutant: a transfer that is used twice is seen")
    func usedTwice() throws {
        let count = TransferStatisticsTests.count
        let session = KnownSession(.two, seed: 31)
        // Two copies of one state, as one that was restored would be.
        let messages = try (0..<2 as Range<UInt64>).map { word in
            let put = try session.transfers(BitPlanes(zeros: 1, count: count)).sent.choice(0)
            return put.times(RingTensor(repeating: word, shape: [count])).message.elements
        }
        #expect(differences(messages[0], messages[1]) > TransferStatisticsTests.limit)
    }

    @Test(
        "mutant: two blocks of a pad under one key are seen; under two, the slow transfers send what the fast ones do"
    )
    func oneKey() throws {
        let count = TransferStatisticsTests.count
        let session = KnownSession(.two, seed: 32)
        let (sent, _) = try session.transfers(BitPlanes(zeros: 1, count: count))
        let put = try sent.choice(0)
        let fast = (0..<3).map { put.times(RingTensor(repeating: UInt64($0), shape: [count])).message.elements }
        let q = sent.rows(ofPlane: 0)
        let slow = { (mutant: SlowTransfers.Mutant?) in
            let transfers = SlowTransfers(session, mutant: mutant)
            return (0..<2).map { block in
                (0..<count).map { transfers.message(UInt64(2 * block), q[2 * $0..<2 * $0 + 2], block: block) }
            }
        }
        let (right, wrong) = (slow(nil), slow(.oneKeyForAllBlocks))
        #expect(right[0] == fast[0] && right[1] == fast[2])
        #expect(differences(right[0], right[1]) < TransferStatisticsTests.limit)
        #expect(differences(wrong[0], wrong[1]) > TransferStatisticsTests.limit)
    }

    @Test("mutant: choices in the clear are seen", arguments: 0..<2)
    func clear(set: Int) {
        let choices = [UInt64](repeating: TransferStatisticsTests.sets[set].choices, count: 32)
        let session = KnownSession(.two, seed: 33)
        #expect(
            TransferStatisticsTests.chiSquare(SlowTransfers(session).extend(choices).message)
                < TransferStatisticsTests.limit
        )
        let mutant = SlowTransfers(session, mutant: .choicesInTheClear)
        #expect(TransferStatisticsTests.chiSquare(mutant.extend(choices).message) > TransferStatisticsTests.limit)
    }
}
