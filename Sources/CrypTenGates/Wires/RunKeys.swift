package import CrypTenRing

/// A party's keys of one run, which the dealer has too: one for each purpose, so that no word has two.
package struct RunKeys: Sendable {
    /// Masks of ring elements.
    package var masks: ExpansionKey
    /// Masks of bits.
    package var bitMasks: ExpansionKey
    /// Shares of correlations.
    package var correlations: ExpansionKey
    /// Orders that the party puts rows into.
    package var orders: ExpansionKey

    package init(masks: ExpansionKey, bitMasks: ExpansionKey, correlations: ExpansionKey, orders: ExpansionKey) {
        self.masks = masks
        self.bitMasks = bitMasks
        self.correlations = correlations
        self.orders = orders
    }
}

/// Names for the streams of one run, which every party and the dealer give alike: each is used once.
///
/// A number says which step of the plan draws it, in which of its stages, and as which one there. So a mask has its name
/// before the run gets there, and whoever knows the plan can expand it ahead.
package final class StreamNumbers {
    private var unit: UInt64 = 0
    private var masks: UInt64 = 0
    private var bitMasks: UInt64 = 0
    private var correlations: UInt64 = 0
    private var zeros: UInt64 = 0
    private var own: UInt64 = 0
    private var orders: UInt64 = 0
    private var readings: UInt64 = 0

    package init() {}

    /// From here on numbers are those of a step's stage, each of which begins once.
    package func begin(step: Int, stage: Int) {
        unit = StreamNumbers.first(step: step, stage: stage)
        (masks, bitMasks, correlations, zeros, own, orders, readings) = (0, 0, 0, 0, 0, 0, 0)
    }

    /// The first number of each kind that a step draws in a stage.
    package static func first(step: Int, stage: Int) -> UInt64 {
        precondition(step < 1 << 31 && stage < 1 << 8, "step \(step), stage \(stage)")
        return UInt64(step) << 32 | UInt64(stage) << 24
    }

    package func mask() -> UInt64 {
        StreamNumbers.next(&masks, unit)
    }

    package func bitMask() -> UInt64 {
        StreamNumbers.next(&bitMasks, unit)
    }

    package func correlation() -> UInt64 {
        StreamNumbers.next(&correlations, unit)
    }

    package func zero() -> UInt64 {
        StreamNumbers.next(&zeros, unit)
    }

    /// Of a party's own generator: the dealer has nothing by this number.
    package func ownDraw() -> UInt64 {
        StreamNumbers.next(&own, unit)
    }

    /// Of one party's orders; the others pass over it.
    package func order() -> UInt64 {
        StreamNumbers.next(&orders, unit)
    }

    /// Of what is read bit by bit: no words have this number where there is a dealer.
    package func bitwise() -> UInt64 {
        StreamNumbers.next(&readings, unit)
    }

    private static func next(_ count: inout UInt64, _ unit: UInt64) -> UInt64 {
        precondition(count < 1 << 24, "a stage draws fewer than 2^24 streams")
        defer { count += 1 }
        return unit | count
    }
}

/// Where a party's correlation words come from: its own seed, or the dealer's corrections; gates don't know which.
package protocol CorrelationSource: AnyObject {
    /// This party's `words` words of correlation `number`. Called once for each number, in order.
    ///
    /// - Throws: what the connection to whoever makes them throws.
    func words(_ words: Int, number: UInt64) throws -> RingTensor
    /// What is to be subtracted from the public part of a wire whose bits a gate reads: d = λ − r, which the parties opened beforehand, where
    /// the correlations are those of another mask r; nil where they are those of the wire's own mask. Called once for each number, in order.
    ///
    /// - Throws: what reading it throws.
    func difference(_ count: Int, number: UInt64) throws -> RingTensor?
}

extension CorrelationSource {
    /// A dealer has the masks, and reads their bits.
    package func difference(_ count: Int, number: UInt64) throws -> RingTensor? {
        nil
    }
}

/// Where the dealer's corrections go: to the last party, in order.
package protocol CorrectionSink: AnyObject {
    /// Sends `count` words. `write` puts ranges of them where they are sent from, one after the other, into memory that holds nothing
    /// yet.
    func send(_ count: Int, _ write: (_ words: Range<Int>, _ place: UnsafeMutablePointer<UInt64>) -> Void) throws
    /// Sends a tensor's words; where a device has yet to compute them, without waiting for it.
    func send(_ words: RingTensor) throws
}

/// What a party opens in a round, and what it has read of the round before.
package protocol OpeningExchange: AnyObject {
    /// Appends this party's part of an opening to the round; nil where another party is the only sender.
    func append(_ part: RingTensor?, _ opening: Opening) throws
    /// The next opened words of the round before, combined over its senders; nil where another party got them.
    func next() throws -> RingTensor?
}
