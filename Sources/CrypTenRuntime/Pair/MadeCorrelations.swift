import CrypTenGates
import CrypTenRing
import NIOCore

/// Correlation words that the parties have made themselves, and what goes with masks whose bits are read.
final class MadeCorrelations: CorrelationSource {
    private let made: any MadeWords
    /// What was passed over to get at the other kind.
    private var waitingWords: CircularBuffer<RingTensor> = []
    private var waitingDifferences: CircularBuffer<RingTensor?> = []
    /// What readings of bits have got since it was taken last, of runs that are followed in the clear; nil: nobody follows.
    private var seen: [RingTensor]?

    init(_ made: any MadeWords, isFollowed: Bool = false) {
        self.made = made
        seen = isFollowed ? [] : nil
    }

    deinit {
        // Where an error ended the run.
        while let words = waitingWords.popFirst() { MadeWord.correlation(words).wipe() }
        while let words = waitingDifferences.popFirst() { MadeWord.difference(words).wipe() }
    }

    func words(_ words: Int, number: UInt64) throws -> RingTensor {
        let next = try waitingWords.popFirst() ?? nextCorrelation()
        precondition(next.count == words, "gates read what was made for them")
        return next
    }

    private func nextCorrelation() throws -> RingTensor {
        while true {
            switch try made.next() {
            case .correlation(let words): return words
            case .difference(let words): waitingDifferences.append(words)
            }
        }
    }

    func difference(_ count: Int, number: UInt64) throws -> RingTensor? {
        let next = try waitingDifferences.isEmpty ? nextDifference() : waitingDifferences.removeFirst()
        precondition(next == nil || next?.count == count, "gates read what was made for them")
        if let next { seen?.append(next) }
        return next
    }

    private func nextDifference() throws -> RingTensor? {
        while true {
            switch try made.next() {
            case .correlation(let words): waitingWords.append(words)
            case .difference(let words): return words
            }
        }
    }

    /// The differences that were read since this was asked last.
    func takeSeen() -> [RingTensor] {
        defer { seen = seen.map { _ in [] } }
        return seen ?? []
    }

    /// After the last word that the plan reads.
    func finish() {
        precondition(
            made.isEmpty && waitingWords.isEmpty && waitingDifferences.isEmpty,
            "a run reads all that was made for it"
        )
    }
}
