import CrypTenGates
import CrypTenRing
import NIOCore

/// What lies in a store between a run's words: what follows, and how many words of it.
///
/// A gate's half reads correlations in the order in which they were made, and differences in theirs, but which of the two comes first is its own choice, and may be
/// another one where a device computes. So each says what it is.
struct MadeRecord {
    enum Kind: UInt64 {
        /// This party's share of a correlation.
        case correlation
        /// What a reading of bits subtracts from its public part.
        case difference
        /// A reading of bits has nothing to subtract.
        case noDifference
    }

    var kind: Kind
    var count: Int

    init(_ kind: Kind, count: Int) {
        (self.kind, self.count) = (kind, count)
    }

    init(_ word: UInt64) {
        guard let kind = Kind(rawValue: word >> 60) else { preconditionFailure("a record has a kind") }
        self.init(kind, count: Int(word & (1 << 60 - 1)))
    }

    var word: UInt64 { kind.rawValue << 60 | UInt64(count) }
}

/// Correlation words that the parties have made themselves, and what goes with masks whose bits are read.
final class MadeCorrelations: CorrelationSource {
    private let chunks: any CorrectionChunks
    private let kernels: any Kernels
    private let clock: WorkClock
    private var reader = WordReader()
    /// What was passed over to get at the other kind.
    private var waitingWords: CircularBuffer<RingTensor> = []
    private var waitingDifferences: CircularBuffer<RingTensor?> = []
    /// What readings of bits have got since it was taken last, of runs that are followed in the clear; nil: nobody follows.
    private var seen: [RingTensor]?

    init(_ chunks: any CorrectionChunks, _ kernels: any Kernels, clock: WorkClock, isFollowed: Bool = false) {
        (self.chunks, self.kernels, self.clock) = (chunks, kernels, clock)
        seen = isFollowed ? [] : nil
    }

    deinit {
        reader.wipe()
    }

    func words(_ words: Int, number: UInt64) throws -> RingTensor {
        while waitingWords.isEmpty { try readNext() }
        let next = waitingWords.removeFirst()
        precondition(next.count == words, "gates read what was made for them")
        return next
    }

    func difference(_ count: Int, number: UInt64) throws -> RingTensor? {
        while waitingDifferences.isEmpty { try readNext() }
        let next = waitingDifferences.removeFirst()
        precondition(next == nil || next?.count == count, "gates read what was made for them")
        if let next { seen?.append(next) }
        return next
    }

    /// The differences that were read since this was asked last.
    func takeSeen() -> [RingTensor] {
        defer { seen = seen.map { _ in [] } }
        return seen ?? []
    }

    private func readNext() throws {
        let record = MadeRecord(try read(1).elements[0])
        switch record.kind {
        case .correlation: waitingWords.append(try read(record.count))
        case .difference: waitingDifferences.append(try read(record.count))
        case .noDifference: waitingDifferences.append(nil)
        }
    }

    private func read(_ count: Int) throws -> RingTensor {
        try clock.measure(.copying) { try reader.read(count, kernels) { try chunks.next() } }
    }

    /// After the last word that the plan reads.
    func finish() {
        precondition(
            reader.isEmpty && waitingWords.isEmpty && waitingDifferences.isEmpty,
            "a run reads all that was made for it"
        )
    }
}
