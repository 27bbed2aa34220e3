import CrypTenBase
import CrypTenRing

/// What the two parties send each other, exchange by exchange, written down before any of it goes.
///
/// Everything that depends on nothing but keys goes in the first exchange, whatever the number of layers; what answers that in the second, and
/// so on. So a plan of any depth takes as many exchanges as its longest correlation. Both parties write the same tape: what one sends, the
/// other reads, in the same place. Exchanges are counted from 1 on, over all that a run sends.
///
/// What is written down before an exchange goes is a *turn*. A long plan has many, and they overlap: with the first exchange of a turn goes the
/// second one of the turn before, and so on. What an exchange brings is read while the next one is sent: first go messages that are made of nothing
/// that is still to be read, so that the link is busy; then message by message, in the order in which all of it was written down, for whatever a
/// message is made of was written before it. So while one party computes, the link carries what both have computed before, and nobody waits for a
/// message that wasn't sent a turn ago; only the last turn's exchanges are waited for, one after the other.
package final class PairTape {
    private struct Message {
        /// Counted over all that is written down.
        let number: Int
        let act: (any PairChannel) throws -> Void
    }

    /// Messages of one sender, in the order in which they go.
    private struct Messages {
        /// Of what is known before the exchange begins.
        var early: [Message] = []
        /// Of what the exchange before has brought.
        var late: [Message] = []

        mutating func append(_ message: Message, isEarly: Bool) {
            if isEarly { early.append(message) } else { late.append(message) }
        }
    }

    private struct Exchange {
        var sends = Messages()
        var reads = Messages()
    }

    /// This party, 0 or 1.
    package let party: Int
    /// Whether what is written down is counted alone: nobody sends it.
    private let isCounting: Bool
    /// Words that each party sends, exchange by exchange, of all that was written down.
    private(set) var words: [[Int]] = []
    /// How many exchanges have gone.
    package private(set) var done = 0
    /// How many have been read: what is known after them is known.
    private(set) var known = 0
    /// What is written down now belongs to it.
    private(set) var turn = Turn()
    /// How many turns have ended.
    private(set) var turns = 0
    /// What is written down: the first of these is exchange `done + 1`.
    private var exchanges: [Exchange] = []
    /// What exchange `done` brings, where it isn't read yet.
    private var unread = Messages()
    private var numbers = 0
    /// What must live until its turn ends: what is to go then holds it itself.
    private var held: [AnyObject] = []

    /// What is written down together.
    final class Turn {
        fileprivate(set) var isOver = false
    }

    package init(party: Int, isCounting: Bool = false) {
        precondition(party == 0 || party == 1, "party \(party) of a pair")
        (self.party, self.isCounting) = (party, isCounting)
    }

    /// Whether nothing is to be sent or read.
    package var isEmpty: Bool { exchanges.isEmpty && known == done }

    /// The last exchange in which anything is to go.
    var last: Int { done + exchanges.count }

    /// The first exchange in which something can go that is known after exchange `moment`.
    package func next(after moment: Int) -> Int {
        max(moment, done) + 1
    }

    /// Whether a message goes before those of its exchange that need what the one before brings.
    static func isEarly(after moment: Int, in exchange: Int) -> Bool {
        moment < exchange - 1
    }

    /// Keeps an object until its turn ends.
    func hold(_ object: AnyObject) {
        held.append(object)
    }

    /// Writes down what one party sends in an exchange.
    ///
    /// - Parameters:
    ///   - sender: Who sends.
    ///   - exchange: When: later than whatever it is made of is known.
    ///   - moment: After which exchange that is.
    ///   - words: How many.
    ///   - send: Sends it; runs at the sender alone.
    ///   - read: Reads as many words; runs at the other party alone.
    package func message(
        from sender: Int,
        in exchange: Int,
        after moment: Int,
        words: Int,
        send: @escaping (any PairChannel) throws -> Void,
        read: @escaping (any PairChannel) throws -> Void
    ) {
        precondition(exchange > done && moment < exchange, "exchange \(exchange) is over, or \(moment) is later")
        while exchanges.count < exchange - done { exchanges.append(Exchange()) }
        while self.words.count < exchange { self.words.append([0, 0]) }
        self.words[exchange - 1][sender] += words
        if isCounting { return }
        // What exchange n brings is read in exchange n + 1.
        let (place, isEarly) = (exchange - done - 1, PairTape.isEarly(after: moment, in: exchange))
        if sender == party {
            exchanges[place].sends.append(Message(number: numbers, act: send), isEarly: isEarly)
        } else {
            exchanges[place].reads.append(Message(number: numbers, act: read), isEarly: isEarly)
        }
        numbers += 1
    }

    /// Forgets what is written down: nothing of it goes any more, and what it was made of is let go.
    func abandon() {
        exchanges = []
        unread = Messages()
        held = []
    }

    // MARK: Going

    /// Ends a turn: its first exchange goes, with what earlier turns have to send in it, and the one before is read.
    ///
    /// - Throws: What the channel throws; all that is written down is forgotten then.
    package func advance(over channel: any PairChannel) throws {
        endTurn()
        try undertake { try step(over: channel) }
    }

    /// Ends a turn, and does all that is written down.
    ///
    /// - Throws: What the channel throws; all that is written down is forgotten then.
    package func run(over channel: any PairChannel) throws {
        endTurn()
        try undertake {
            while !isEmpty { try step(over: channel) }
        }
    }

    /// Passes over as much as ``advance(over:)`` does, which was only counted.
    func passExchange() {
        endTurn()
        known = done
        if !exchanges.isEmpty {
            exchanges.removeFirst()
            done += 1
        }
    }

    /// Passes over all that is written down, which was only counted.
    func pass() {
        endTurn()
        done = last
        known = done
        exchanges = []
    }

    private func endTurn() {
        turn.isOver = true
        turn = Turn()
        turns += 1
        held = []
    }

    private func undertake(_ body: () throws -> Void) throws {
        do { try body() } catch {
            abandon()
            throw error
        }
    }

    /// Sends the next exchange, if there is one, and reads the one before, if it isn't read yet.
    private func step(over channel: any PairChannel) throws {
        let sends = exchanges.first != nil
        var next = sends ? exchanges.removeFirst() : Exchange()
        var incoming = Incoming(unread.early + unread.late)
        unread = next.reads
        try PairTape.take(&next.sends.early) { try $0.act(channel) }
        try PairTape.take(&next.sends.late) { message in
            while let read = incoming.take(before: message.number) { try read.act(channel) }
            try message.act(channel)
        }
        while let read = incoming.take(before: .max) { try read.act(channel) }
        if known < done {
            try channel.finishReceiving()
            known += 1
        }
        guard sends else { return }
        try channel.finishSending()
        done += 1
    }

    /// Takes messages out one by one, so that what each was made of goes with it.
    private static func take(_ messages: inout [Message], _ body: (Message) throws -> Void) throws {
        messages.reverse()
        while let message = messages.popLast() { try body(message) }
    }

    /// Messages that are still to be read, in the order in which they come.
    private struct Incoming {
        /// The next one last.
        private var messages: [Message]
        /// By place: the first number from there to the end.
        private var firsts: [Int] = []

        init(_ messages: [Message]) {
            var first = Int.max
            for message in messages.reversed() {
                first = min(first, message.number)
                firsts.append(first)
            }
            self.messages = messages.reversed()
        }

        /// The next one, if it or one behind it was written down before `number`.
        mutating func take(before number: Int) -> Message? {
            guard let first = firsts.last, first < number else { return nil }
            firsts.removeLast()
            return messages.removeLast()
        }
    }
}
