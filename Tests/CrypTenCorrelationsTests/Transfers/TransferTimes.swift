import CrypTenCorrelations
import CrypTenRing
import Foundation
import Testing

/// Times of transfers, both parties one after the other in one process; run where `CRYPTEN_TRANSFER_TIMES` is set.
@Suite(
    "Times of transfers",
    .enabled(
        if: ProcessInfo.processInfo.environment["CRYPTEN_TRANSFER_TIMES"] != nil,
        "CRYPTEN_TRANSFER_TIMES isn't set"
    )
)
struct TransferTimes {
    /// Processor time of all threads: the machine may be shared.
    private func nanoseconds(_ body: () throws -> Void) rethrows -> Double {
        let start = clock()
        try body()
        return Double(clock() - start) / Double(CLOCKS_PER_SEC) * 1e9
    }

    @Test("of the extension, and of products of words bit by bit", arguments: everyKernels.indices, TreeHeight.allCases)
    func transfers(index: Int, height: TreeHeight) throws {
        let kernels = everyKernels[index]
        guard kernels.cipher != .bitsliced || height == .two else { return }
        let session = KnownSession(height, seed: 1)
        let (sender, receiver) = (session.sender(kernels), session.receiver(kernels))
        // 1,048,576 transfers; the best of some runs.
        let count = 1 << 14
        let choices = Numbers.planesOf(64, count: count, seed: 2)
        let words = RingTensor(Numbers.wordsOf(count, seed: 3), shape: [count])
        var best = [Double](repeating: .infinity, count: 6)
        for run in 0..<(kernels.cipher == .bitsliced ? 1 : 5) as Range<UInt8> {
            let (sending, receiving) = (sender.run([run]), receiver.run([run]))
            var message = RingTensor(zeros: [0])
            var received: ReceivedTransfers!
            var sent: SentTransfers!
            var sums = [RingTensor(zeros: [count]), RingTensor(zeros: [count])]
            var times = [
                try nanoseconds { (message, received) = try receiving.extend(choices) },
                try nanoseconds { sent = try sending.absorb(message, planes: 64, count: count) },
                0, 0, 0, 0,
            ]
            for bit in 0..<64 {
                let (put, taken) = (try sent.choice(bit), try received.choice(bit))
                times[2] += nanoseconds { message = put.add(words, width: 64 - bit, shiftedBy: bit, to: &sums[0]) }
                times[3] += try nanoseconds { try taken.add(message, width: 64 - bit, shiftedBy: bit, to: &sums[1]) }
                let bits = choices[bit]
                times[4] += nanoseconds { (message, _) = put.times(bits) }
                times[5] += try nanoseconds { _ = try taken.times(message, planes: 1) }
            }
            best = zip(best, times).map { min($0, $1 / Double(64 * count)) }
        }
        let text = best.map { String(format: "%.2f", $0) }
        print(
            "\(kernels.name), \(kernels.cipher.rawValue), k = \(height.rawValue): chooser \(text[0]), sender \(text[1]); "
                + "a word \(text[2]) to send, \(text[3]) to receive; a bit \(text[4]), \(text[5]) ns a transfer; in all, a party "
                + String(format: "%.2f", best[0..<4].reduce(0, +) / 2)
        )
    }

    @Test("of a session's setup", arguments: TreeHeight.allCases)
    func setup(height: TreeHeight) throws {
        let kernels = TransferKernels(NativeKernels(threads: 1))
        let time = try nanoseconds {
            let setup = TransferReceiverSetup(label: [], height: height, kernels: kernels)
            let answered = try TransferSenderSetup(offer: setup.offer, label: [], height: height, kernels: kernels)
            let (trees, _) = try setup.finish(answered.answer)
            _ = try answered.finish(trees)
        }
        print("k = \(height.rawValue): setup of a direction, both sides, \(String(format: "%.1f", time / 1e6)) ms")
    }
}
