import CrypTenBase
import CrypTenTransport
import NIOConcurrencyHelpers
import NIOCore
import Testing

/// What a frame may carry in place of bytes, between members of one process.
@Suite("Words handed over")
struct HandedWordsTests {
    private final class Memory {}

    /// Words of which a test sees what becomes of them.
    private struct Words: HandedWords {
        let byteCount: Int
        let number: UInt8
        let isWiped = NIOLockedValueBox(false)

        func bytes() -> ByteBuffer {
            ByteBuffer(repeating: number, count: byteCount)
        }

        mutating func wipe() {
            isWiped.withLockedValue { $0 = true }
        }
    }

    private let zero = Role.party(PartyID(0))
    private let one = Role.party(PartyID(1))

    private func frame(_ words: Words) -> Frame {
        var frame = Frame(.opening, binding: 5, run: 2, round: 3)
        frame.words = words
        return frame
    }

    /// Two parties and a dealer; the first party and the dealer compute in one memory.
    private func members(_ first: Memory, _ second: Memory?) throws -> [any Transport] {
        let mesh = try MemoryTransport.mesh(
            parties: 2,
            session: "words",
            memories: [ObjectIdentifier(first), second.map { ObjectIdentifier($0) }, ObjectIdentifier(first)]
        )
        return mesh.parties + [mesh.dealer]
    }

    @Test("are for members that compute in the same memory, and for no others")
    func whom() throws {
        let (first, second) = (Memory(), Memory())
        for other in [nil, second] {
            let members = try members(first, other)
            #expect(members[0].handsOver(to: .dealer) && members[2].handsOver(to: zero))
            #expect(!members[0].handsOver(to: one) && !members[1].handsOver(to: zero))
            #expect(!members[1].handsOver(to: .dealer) && !members[2].handsOver(to: one))
            for member in members { member.close() }
        }
        // Who has none doesn't share it.
        let mesh = try MemoryTransport.mesh(parties: 2, session: "bytes")
        #expect(!mesh.parties[0].handsOver(to: one) && !mesh.dealer.handsOver(to: zero))
        for member in mesh.parties + [mesh.dealer] { member.close() }
    }

    @Test("arrive as they are, where they were sent, and count as the bytes that they stand for")
    func counted() throws {
        let memory = Memory()
        let members = try members(memory, nil)
        let before = [members[0].statistics, members[2].statistics]
        try members[0].send(frame(Words(byteCount: 1000, number: 7)), to: .dealer, deadline: .soon)
        try members[0].send(
            Frame(.opening, binding: 5, run: 2, round: 4, payload: ByteBuffer(repeating: 7, count: 1000)),
            to: .dealer,
            deadline: .soon
        )
        let received = try (0..<2).map { _ in try members[2].receive([.opening], from: zero, deadline: .soon) }
        #expect((received[0].words as? Words)?.number == 7 && received[0].payload.readableBytes == 0)
        #expect(received[1].words == nil)
        #expect(received.map(\.round) == [3, 4] && received.allSatisfy { $0.run == 2 && $0.binding == 5 })
        #expect(received.map(\.wireSize) == [1064, 1064])
        #expect(try received[0].payloadBytes() == received[1].payloadBytes())
        let count = TransportStatistics.Count(bytes: 2128, frames: 2)
        #expect((members[0].statistics - before[0]).sent(.online, to: .dealer) == count)
        #expect((members[2].statistics - before[1]).received(from: zero) == count)
        for member in members { member.close() }
    }

    @Test("are as many as bytes may be, and are given up with the session")
    func bounded() throws {
        let memory = Memory()
        let members = try members(memory, nil)
        #expect(
            code {
                let large = Words(byteCount: Frame.maximumPayload + 1, number: 1)
                try members[0].send(frame(large), to: .dealer, deadline: .soon)
            } == .invalidArgument
        )
        let words = Words(byteCount: 64, number: 1)
        try members[0].send(frame(words), to: .dealer, deadline: .soon)
        #expect(!words.isWiped.withLockedValue { $0 })
        for member in members { member.close() }
        #expect(words.isWiped.withLockedValue { $0 })
    }
}
