import CrypTenCorrelations
import CrypTenRing
import Testing

@Suite("Bits as words that choices weigh")
struct BitsAsWordsTests {
    @Test(
        "have the message and the share of the words that they are, added to what was there",
        arguments: everyKernels.indices
    )
    func equal(index: Int) throws {
        let kernels = everyKernels[index]
        for count in [1, 64, 65, 511, 512, 513, 1_300] {
            let choices = Numbers.planesOf(1, count: count, seed: UInt64(count))
            let bits = Numbers.planesOf(1, count: count, seed: 6)
            let words = bits.bits(ofPlane: 0).map { $0 ? 1 : 0 as UInt64 }
            for (width, shift) in [(64, 0), (63, 1), (17, 47), (1, 63)] {
                // Twice the same transfers, so that pads are equal.
                let put = try (0..<2).map { _ in
                    try KnownSession(.two, seed: 1).transfers(choices, kernels).0.choice(0)
                }
                let before = Numbers.wordsOf(count, seed: 7)
                var sums = [RingTensor(before, shape: [count]), RingTensor(before, shape: [count])]
                let messages = [
                    put[0].add(RingTensor(words, shape: [count]), width: width, shiftedBy: shift, to: &sums[0]),
                    put[1].add(ones: bits, width: width, shiftedBy: shift, to: &sums[1]),
                ]
                #expect(messages[0].elements == messages[1].elements, "\(count) of \(width) bits")
                #expect(sums[0].elements == sums[1].elements, "\(count) of \(width) bits")
                // Of one bit it may be zero.
                #expect(width == 1 || sums[1].elements != before, "\(count) of \(width) bits")
            }
        }
    }
}
