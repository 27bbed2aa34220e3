import CrypTenBase
import CrypTenRing

/// What the two parties send each other, exchange by exchange, written down before any of it goes.
///
/// Everything that depends on nothing but keys goes in the first exchange, whatever the number of layers; what answers that in the second, and
/// so on. So a plan of any depth takes as many exchanges as its longest correlation. Both parties write the same tape: what one sends, the
/// other reads, in the same place. Exchanges are counted from 1 on, over all that a run sends.
package final class PairTape {
    private struct Exchange {
        var sends: [(any PairChannel) throws -> Void] = []
        var reads: [(any PairChannel) throws -> Void] = []
    }

    /// This party, 0 or 1.
    package let party: Int
    /// Whether what is written down is counted alone: nobody sends it.
    private let isCounting: Bool
    /// Words that each party sends, exchange by exchange, of all that was written down.
    private(set) var words: [[Int]] = []
    /// How many exchanges are over.
    package private(set) var done = 0
    /// How often what was written down has gone.
    private(set) var turns = 0
    /// What is written down: the first of these is exchange `done + 1`.
    private var exchanges: [Exchange] = []
    /// What must live until what is written down goes, which then holds it itself.
    private var held: [AnyObject] = []

    package init(party: Int, isCounting: Bool = false) {
        precondition(party == 0 || party == 1, "party \(party) of a pair")
        (self.party, self.isCounting) = (party, isCounting)
    }

    /// Whether nothing is to be sent or read.
    package var isEmpty: Bool { exchanges.isEmpty }

    /// The first exchange in which something can go that is known after exchange `moment`.
    func next(after moment: Int) -> Int {
        max(moment, done) + 1
    }

    /// Keeps an object until what is written down goes.
    func hold(_ object: AnyObject) {
        held.append(object)
    }

    /// Writes down what one party sends in an exchange.
    ///
    /// - Parameters:
    ///   - sender: Who sends.
    ///   - exchange: When: later than whatever it is made of is known.
    ///   - words: How many.
    ///   - send: Sends it; runs at the sender alone.
    ///   - read: Reads as many words; runs at the other party alone.
    func message(
        from sender: Int,
        in exchange: Int,
        words: Int,
        send: @escaping (any PairChannel) throws -> Void,
        read: @escaping (any PairChannel) throws -> Void
    ) {
        precondition(exchange > done, "exchange \(exchange) is over")
        while exchanges.count < exchange - done { exchanges.append(Exchange()) }
        while self.words.count < exchange { self.words.append([0, 0]) }
        self.words[exchange - 1][sender] += words
        if isCounting { return }
        if sender == party {
            exchanges[exchange - done - 1].sends.append(send)
        } else {
            exchanges[exchange - done - 1].reads.append(read)
        }
    }

    /// Forgets what is written down: nothing of it goes any more, and what it was made of is let go.
    func abandon() {
        exchanges = []
        held = []
    }

    /// Does all that is written down, and forgets it, whatever comes of it.
    package func run(over channel: any PairChannel) throws {
        defer { abandon() }
        // From here on what is still to go holds what it's made of, and no more than that.
        held = []
        for number in exchanges.indices {
            try PairTape.take(&exchanges[number].sends) { try $0(channel) }
            try channel.finishSending()
            try PairTape.take(&exchanges[number].reads) { try $0(channel) }
            try channel.finishReceiving()
        }
        finish()
    }

    /// Forgets what is written down, which has gone, or is only counted.
    func finish() {
        done += exchanges.count
        turns += 1
        exchanges = []
        held = []
    }

    /// Takes messages out one by one, so that what each was made of goes with it.
    private static func take(
        _ messages: inout [(any PairChannel) throws -> Void],
        _ body: ((any PairChannel) throws -> Void) throws -> Void
    ) throws {
        var rest = messages
        messages = []
        rest.reverse()
        while let message = rest.popLast() { try body(message) }
    }
}
