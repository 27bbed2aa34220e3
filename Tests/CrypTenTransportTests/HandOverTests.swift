import CrypTenBase
import CrypTenTransport
import Foundation
import NIOCore
import Testing

extension Connected {
    /// The engine's thread reads while it waits, another one otherwise: nothing depends on which of them it is.
    @Suite struct HandOverTests {
        private let zero = Role.party(PartyID(0))
        private let one = Role.party(PartyID(1))

        /// A frame that tells its number, of a length that depends on it.
        private func frame(_ number: Int) -> Frame {
            var payload = ByteBuffer()
            payload.writeInteger(number)
            let length = number % 37 == 0 ? 200_000 : number % 11 * 100
            payload.writeRepeatingByte(UInt8(truncatingIfNeeded: number), count: length)
            return Frame(.opening, round: UInt32(number), payload: payload)
        }

        @Test("frames keep their order while the right to read changes hands", arguments: [100 << 20, 1 << 16])
        func order(limit: Int) async throws {
            let members = try await connectAll(parties: 2) { $1.receiveQueueLimit = limit }.map { try $0.get() }
            let count = 4000
            let receive: @Sendable (any Transport, Role) throws -> Void = { member, peer in
                for number in 0..<count {
                    // The engine computes: now and then long enough for the other thread to take over.
                    if number % 400 == 399 { Thread.sleep(forTimeInterval: 0.01) }
                    let received = try member.receive([.opening], from: peer, deadline: .soon)
                    guard received.round == UInt32(number), received.payload == frame(number).payload else {
                        throw CrypTenError(.diverged, "frame \(received.round) came where \(number) was due")
                    }
                }
            }
            let results = await onThreads(
                { for number in 0..<count { try members[0].send(frame(number), to: one, deadline: .soon) } },
                { try receive(members[1], zero) },
                {
                    for number in 0..<count {
                        if number % 300 == 0 { Thread.sleep(forTimeInterval: 0.006) }
                        try members[2].send(frame(number), to: zero, deadline: .soon)
                    }
                },
                { try receive(members[0], .dealer) }
            )
            for result in results { try result.get() }
            await closeAll(members)
        }

        @Test("rounds follow one another with pauses of any length") func rounds() async throws {
            let members = try await connectAll(parties: 2).map { try $0.get() }
            let results = await onThreads(members) { index, member in
                let peers = Role.all(partyCount: 2).filter { $0 != member.role }
                for number in 1...2000 {
                    if number % 97 == index { Thread.sleep(forTimeInterval: Double(number % 7) / 1000) }
                    for peer in peers { try member.send(frame(number), to: peer, deadline: .soon) }
                    for peer in peers {
                        let received = try member.receive([.opening], from: peer, deadline: .soon)
                        #expect(received.round == UInt32(number))
                    }
                }
            }
            for result in results { try result.get() }
            await closeAll(members)
        }

        @Test("an abort or a close on another thread ends a wait at once", arguments: [true, false], [0, 0.001, 0.1])
        func otherThread(aborts: Bool, pause: Double) async throws {
            let members = try await connectAll(parties: 2).map { try $0.get() }
            let ends = await onThreads([true, false]) { _, waits in
                if waits {
                    let result = Result { _ = try members[0].receive([.opening], from: one, deadline: .soon) }
                    #expect(result.errorCode == (aborts ? .cancelled : .sessionClosed))
                    return ContinuousClock.now
                }
                Thread.sleep(forTimeInterval: pause)
                let now = ContinuousClock.now
                if aborts { members[0].abort(CrypTenError(.cancelled, "enough")) } else { members[0].close() }
                return now
            }
            #expect(try ends[0].get() - ends[1].get() < .seconds(1))
            await closeAll(members)
        }

        @Test("a peer that leaves ends the waits for it, and no others") func leaves() async throws {
            let members = try await connectAll(parties: 2).map { try $0.get() }
            let start = ContinuousClock.now
            let results = await onThreads(
                { _ = try members[0].receive([.opening], from: one, deadline: .soon) },
                { _ = try members[2].receive([.control], from: zero, deadline: .soon) },
                {
                    Thread.sleep(forTimeInterval: 0.05)
                    members[1].close()
                },
                {
                    Thread.sleep(forTimeInterval: 0.2)
                    try members[0].send(Frame(.control), to: .dealer, deadline: .soon)
                }
            )
            #expect(results[0].errorCode == .sessionClosed)
            #expect(results[1].errorCode == nil)
            #expect(ContinuousClock.now - start < .seconds(10))
            await closeAll(members)
        }

        @Test("a deadline holds while other frames keep coming") func deadline() async throws {
            let members = try await connectAll(parties: 2).map { try $0.get() }
            let start = ContinuousClock.now
            let results = await onThreads(
                { _ = try members[0].receive([.opening], from: one, deadline: .after(.milliseconds(200))) },
                {
                    while ContinuousClock.now - start < .milliseconds(500) {
                        try members[1].send(Frame(.control), to: zero, deadline: .soon)
                        Thread.sleep(forTimeInterval: 0.0001)
                    }
                }
            )
            #expect(results[0].errorCode == .timedOut)
            #expect((.milliseconds(200) ..< .seconds(5)).contains(ContinuousClock.now - start))
            try results[1].get()
            await closeAll(members)
        }

        @Test("of several threads that wait each gets its own", arguments: Wire.allCases)
        func severalWait(wire: Wire) async throws {
            let members = try await wire.connect(parties: 2)
            let kinds = [Frame.Kind.opening, .correction, .control, .plan]
            let results = await onThreads(kinds + kinds) { index, kind in
                for number in 0..<200 as Range<UInt32> {
                    if index < kinds.count {
                        let received = try members[0].receive([kind], from: one, deadline: .soon)
                        #expect(received.round == number)
                    } else {
                        try members[1].send(Frame(kind, round: number), to: zero, deadline: .soon)
                    }
                }
            }
            for result in results { try result.get() }
            await closeAll(members)
        }
    }
}
