package import CrypTenRing

/// A party's keys of one run, which the dealer has too: one for each purpose, so that no word has two.
package struct RunKeys: Sendable {
    /// Masks of ring elements.
    package var masks: ExpansionKey
    /// Masks of bits.
    package var bitMasks: ExpansionKey
    /// Shares of correlations.
    package var correlations: ExpansionKey

    package init(masks: ExpansionKey, bitMasks: ExpansionKey, correlations: ExpansionKey) {
        self.masks = masks
        self.bitMasks = bitMasks
        self.correlations = correlations
    }
}

/// Names for the streams of one run, counted alike by every party and the dealer: each is used once.
package final class StreamNumbers {
    private var nextMask: UInt64 = 0
    private var nextBitMask: UInt64 = 0
    private var nextCorrelation: UInt64 = 0
    private var nextZero: UInt64 = 0

    package init() {}

    package func mask() -> UInt64 {
        defer { nextMask += 1 }
        return nextMask
    }

    package func bitMask() -> UInt64 {
        defer { nextBitMask += 1 }
        return nextBitMask
    }

    package func correlation() -> UInt64 {
        defer { nextCorrelation += 1 }
        return nextCorrelation
    }

    package func zero() -> UInt64 {
        defer { nextZero += 1 }
        return nextZero
    }
}

/// Where a party's correlation words come from: its own seed, or the dealer's corrections; gates don't know which.
package protocol CorrelationSource: AnyObject {
    /// This party's `words` words of correlation `number`. Called once for each number, in order.
    ///
    /// - Throws: what the connection to whoever makes them throws.
    func words(_ words: Int, number: UInt64) throws -> RingTensor
}

/// Where the dealer's corrections go: to the last party, in order.
package protocol CorrectionSink: AnyObject {
    func send(_ words: RingTensor) throws
}

/// What a party opens in a round, and what it has read of the round before.
package protocol OpeningExchange: AnyObject {
    /// Appends this party's part of an opening to the round; nil where another party is the only sender.
    func append(_ part: RingTensor?, _ opening: Opening) throws
    /// The next opened words of the round before, combined over its senders; nil where another party got them.
    func next() throws -> RingTensor?
}
