import CrypTenBase
import CrypTenCorrelations
import CrypTenRing
import Testing
import _CrypTenTestSupport

@Suite("A plan's turns overlap")
struct PairTapeTests {
    /// Writes down what a channel is asked for; what it reads is always there.
    private final class Log: PairChannel {
        private(set) var events: [String] = []

        func send(_ words: RingTensor) { events.append("send \(words.elements[0])") }
        func finishSending() { events.append("sent") }
        func receive(_ count: Int) -> RingTensor {
            events.append("read \(count)")
            return RingTensor(zeros: [count])
        }
        func finishReceiving() { events.append("read all") }
    }

    /// What one party sends in an exchange: its name, once; the other one reads as many words as the name says.
    private func write(_ tape: PairTape, _ name: UInt64, from sender: Int, in exchange: Int, after moment: Int) {
        tape.message(from: sender, in: exchange, after: moment, words: Int(name)) { channel in
            try channel.send(RingTensor([name], shape: [1]))
        } read: { channel in
            _ = try channel.receive(Int(name))
        }
    }

    @Test("what an exchange brings is read while the next one goes, in the order in which it was written down")
    func oneTurn() throws {
        let (tape, log) = (PairTape(party: 0), Log())
        // Two correlations of two exchanges each: asked for by the other party, and answered.
        for name: UInt64 in [1, 2] {
            let exchange = tape.next(after: 0)
            write(tape, name, from: 1, in: exchange, after: 0)
            write(tape, 10 + name, from: 0, in: tape.next(after: exchange), after: exchange)
        }
        try tape.run(over: log)
        #expect(log.events == ["sent", "read 1", "send 11", "read 2", "send 12", "read all", "sent", "read all"])
        #expect(tape.isEmpty && tape.done == 2)
    }

    @Test("with a turn's first exchange goes the second one of the turn before")
    func manyTurns() throws {
        let (tape, log) = (PairTape(party: 0), Log())
        for turn: UInt64 in 1...3 {
            let exchange = tape.next(after: 0)
            #expect(exchange == Int(turn))
            for (step, sender) in [1, 0, 1].enumerated() {
                write(
                    tape,
                    10 * turn + UInt64(step),
                    from: sender,
                    in: exchange + step,
                    after: step == 0 ? 0 : exchange + step - 1
                )
            }
            if turn < 3 { try tape.advance(over: log) }
        }
        try tape.run(over: log)
        #expect(
            log.events == [
                "sent",
                // The first turn's answer, and what the second one asks for, which is read in the exchange after.
                "read 10", "send 11", "read all", "sent",
                "read 20", "send 21", "read all", "sent",
                "read 30", "read 12", "send 31", "read all", "sent",
                "read 22", "read all", "sent",
                "read 32", "read all",
            ]
        )
        // Three turns of three exchanges: nine if they went one after the other.
        #expect(tape.done == 5)
    }

    @Test("what is made of nothing that is still to be read goes first")
    func early() throws {
        let (tape, log) = (PairTape(party: 0), Log())
        write(tape, 1, from: 1, in: 1, after: 0)
        write(tape, 2, from: 0, in: 2, after: 1)
        try tape.advance(over: log)
        write(tape, 3, from: 0, in: tape.next(after: 0), after: 0)
        write(tape, 4, from: 1, in: 3, after: 2)
        write(tape, 5, from: 1, in: 2, after: 0)
        try tape.run(over: log)
        #expect(
            log.events == [
                "sent",
                // 3 was written after 2, and waits for nothing.
                "send 3", "read 1", "send 2", "read all", "sent",
                "read 5", "read all", "sent",
                "read 4", "read all",
            ]
        )
    }

    @Test("the next message is of what was sent a turn before: nobody waits for what isn't under way")
    func latency() throws {
        // The exchange in which each message was sent, seen by a channel that knows when it is read.
        final class Clock: PairChannel {
            var sentExchanges = 0
            var readExchanges = 0
            private(set) var ages: [Int] = []
            func send(_ words: RingTensor) {}
            func finishSending() { sentExchanges += 1 }
            func receive(_ count: Int) -> RingTensor {
                ages.append(sentExchanges - readExchanges)
                return RingTensor(zeros: [count])
            }
            func finishReceiving() { readExchanges += 1 }
        }
        let (tape, clock) = (PairTape(party: 0), Clock())
        for _ in 0..<20 {
            let exchange = tape.next(after: 0)
            for step in 0..<4 {
                let moment = step == 0 ? 0 : exchange + step - 1
                for sender in 0..<2 { write(tape, 1, from: sender, in: exchange + step, after: moment) }
            }
            try tape.advance(over: clock)
        }
        try tape.run(over: clock)
        #expect(clock.sentExchanges == 23 && clock.readExchanges == 23)
        // Always one exchange behind, never two.
        #expect(clock.ages.count == 80 && clock.ages.allSatisfy { $0 == 1 })
    }

    @Test("what a message was made of is let go with it, whoever sends it")
    func letGo() throws {
        /// What a message holds, of which some are alive.
        final class Token {
            static nonisolated(unsafe) var alive = 0
            init() { Token.alive += 1 }
            deinit { Token.alive -= 1 }
        }
        for (sender, moment) in [(0, 0), (0, 1), (1, 1)] {
            let (tape, log) = (PairTape(party: 0), Log())
            // In exchange 2: what is known before exchange 1 goes early.
            write(tape, 1, from: 1, in: 1, after: 0)
            var seen: [Int] = []
            for _ in 0..<8 {
                let token = Token()
                tape.message(from: sender, in: 2, after: moment, words: 1) { _ in
                    withExtendedLifetime(token) { seen.append(Token.alive) }
                } read: { _ in
                    withExtendedLifetime(token) { seen.append(Token.alive) }
                }
            }
            try tape.run(over: log)
            #expect(seen == [8, 7, 6, 5, 4, 3, 2, 1], "sent by \(sender), of what is known after exchange \(moment)")
            #expect(Token.alive == 0)
        }
    }

    @Test("what fails forgets all that is written down")
    func failure() throws {
        final class Broken: PairChannel {
            func send(_ words: RingTensor) throws { throw CrypTenError(.peerLost, "gone") }
            func finishSending() {}
            func receive(_ count: Int) -> RingTensor { RingTensor(zeros: [count]) }
            func finishReceiving() {}
        }
        let tape = PairTape(party: 0)
        write(tape, 1, from: 0, in: 1, after: 0)
        write(tape, 2, from: 0, in: 2, after: 1)
        #expect(throws: CrypTenError.self) { try tape.advance(over: Broken()) }
        let log = Log()
        try tape.run(over: log)
        #expect(!log.events.contains { $0.hasPrefix("send") })
    }
}
