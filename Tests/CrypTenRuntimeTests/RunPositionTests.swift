import CrypTenBase
import CrypTenRuntime
import CrypTenTransport
import NIOCore
import Testing

@Suite("Which frames belong to a run")
struct RunPositionTests {
    private let position = RunPosition(run: 3, binding: 77)
    private let peer = Role.party(PartyID(1))

    @Test(
        "a frame of this run, round and binding is taken, and no other",
        arguments: [0, 2, 4, UInt64.max],
        [0, 76, 78]
    )
    func others(run: UInt64, binding: UInt64) throws {
        try position.check(Frame(.opening, binding: 77, run: 3, round: 5), round: 5, from: peer)
        for frame in [
            Frame(.opening, binding: 77, run: run, round: 5), Frame(.opening, binding: binding, run: 3, round: 5),
            Frame(.opening, binding: 77, run: 3, round: 4), Frame(.opening, binding: 77, run: 3, round: 6),
        ] {
            let error = #expect(throws: CrypTenError.self) { try position.check(frame, round: 5, from: peer) }
            #expect(error?.code == .diverged)
            #expect(error?.message.hasPrefix("party 1 is in run \(frame.run), round \(frame.round)") == true)
            #expect(error?.message.contains("what is bound differs") == (frame.binding != 77))
        }
    }

    @Test("a peer that leaves in the middle of a run runs another program")
    func left() {
        let error = position.left(peer, round: 2)
        #expect(error.code == .diverged)
        #expect(error.message.hasPrefix("party 1 closed the session, and this one is in run 3, round 2"))
    }
}
