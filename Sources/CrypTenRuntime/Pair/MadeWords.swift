import CrypTenBase
import CrypTenCorrelations
package import CrypTenRing

/// What the parties have made for a run, as one of them has it: in the order in which its gates' halves were walked.
///
/// A gate's half reads correlations in the order in which they were made, and differences in theirs, but which of the two comes first is its own choice, and may be
/// another one where a device computes. So each says what it is.
package enum MadeWord {
    /// This party's share of a correlation.
    case correlation(RingTensor)
    /// What a reading of bits subtracts from its public part; nil: nothing.
    case difference(RingTensor?)

    /// Overwrites it where nobody else has it.
    package consuming func wipe() {
        switch consume self {
        case .correlation(var words), .difference(.some(var words)): words.wipe()
        case .difference(nil): break
        }
    }
}

/// Where a run's words come from when it is used, once.
package protocol MadeWords: AnyObject {
    /// The next word.
    ///
    /// - Throws: What reading it throws.
    func next() throws -> MadeWord
    /// Whether all was read.
    var isEmpty: Bool { get }
}

/// A run's words in memory, where they were made: nothing is copied.
package final class MadeInMemory: PairSink, MadeWords {
    /// The next one last, once all are here.
    private var words: [MadeWord] = []
    private var state = State.filling

    private enum State {
        case filling, waiting, taken
    }

    package init() {}

    deinit {
        discard()
    }

    // MARK: Making

    package func correlation(_ words: RingTensor) throws {
        add(.correlation(MadeInMemory.itself(words)))
    }

    package func difference(_ words: RingTensor?) throws {
        add(.difference(words.map(MadeInMemory.itself)))
    }

    private func add(_ word: MadeWord) {
        precondition(state == .filling, "a run's words are made before they are used")
        words.append(word)
    }

    /// A tensor that holds no more than its own words.
    private static func itself(_ words: RingTensor) -> RingTensor {
        guard words.storage.count != words.count else { return words }
        var own = RingTensor(uninitialized: words.shape)
        words.withWords { from in own.withMutableWords { $0.update(from: from, count: words.count) } }
        return own
    }

    /// After the last word.
    package func finish() {
        words.reverse()
        state = .waiting
    }

    // MARK: Using

    /// Hands the words out.
    ///
    /// - Throws: `.wordReused` the second time.
    package func take() throws -> any MadeWords {
        guard state == .waiting else {
            throw CrypTenError(.wordReused, "what the parties have made for a run was consumed before; prepare again")
        }
        state = .taken
        return self
    }

    package func next() -> MadeWord {
        guard let word = words.popLast() else { preconditionFailure("a run reads what was made for it") }
        return word
    }

    package var isEmpty: Bool { words.isEmpty }

    /// Overwrites what is left.
    package func discard() {
        while let word = words.popLast() { word.wipe() }
        state = .taken
    }
}
