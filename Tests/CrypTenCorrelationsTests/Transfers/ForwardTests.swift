import CrypTenBase
import CrypTenCorrelations
import CrypTenRing
import Testing

@Suite("Keys of transfers move forward")
struct ForwardTests {
    @Test("runs' pads follow from nothing that is left: no leaf stays, and the next ones are blocks under the old")
    func forward() throws {
        let session = KnownSession(.four, seed: 12)
        let (sender, receiver) = (session.sender(), session.receiver())
        let before = (sender.currentLeaves, receiver.currentLeaves)
        let old = (before.0.elements, before.1.elements)
        _ = (sender.run([1]), receiver.run([1]))
        let new = (sender.currentLeaves.elements, receiver.currentLeaves.elements)
        for (old, new) in [(old.0, new.0), (old.1, new.1)] {
            for tree in 0..<session.height.trees {
                for leaf in 1..<session.height.leavesOfTree {
                    let at = 2 * (tree * session.height.leavesOfTree + leaf)
                    let next = TableAES(old[at], old[at + 1]).encrypt(0, 0)
                    #expect(new[at] == next.low && new[at + 1] == next.high)
                }
            }
        }
        #expect(Set(old.1).isDisjoint(with: new.1))
        // Both sides agree in the second run, too, and its rows are those of leaves that have moved on once.
        let (sending, receiving) = (sender.run([2]), receiver.run([2]))
        let (message, received) = try receiving.extend(BitPlanes(zeros: 1, count: 64))
        let sent = try sending.absorb(message, planes: 1, count: 64)
        let slow = SlowTransfers(session, binding: [2], run: 2).extend([0])
        #expect(
            received.rows(ofPlane: 0) == slow.t && sent.rows(ofPlane: 0) == slow.q && message.elements == slow.message
        )
    }

    @Test("the leaves before are overwritten as a run begins, and a run's own when it ends")
    func overwritten() throws {
        let session = KnownSession(.two, seed: 13)
        let (sender, receiver) = (session.sender(), session.receiver())
        // What nobody has is overwritten on its way out.
        weak let first = sender.currentLeaves
        weak let second = receiver.currentLeaves
        let (sending, receiving) = (sender.run([1]), receiver.run([1]))
        #expect(first == nil && second == nil)
        let words = SecretWords([1, 2, 3])
        words.wipe()
        #expect(words.elements == [0, 0, 0])
        sending.end()
        receiving.end()
        #expect { try receiving.extend(BitPlanes(zeros: 1, count: 1)) } throws: { code($0) == .sessionClosed }
    }

    @Test("in a thousand runs no leaf comes twice, and both sides have the same ones")
    func thousand() throws {
        let session = KnownSession(.two, seed: 14)
        let (sender, receiver) = (session.sender(), session.receiver())
        var seen: Set<UInt64> = []
        for run in 0..<1_000 {
            for leaf in 0..<session.height.leaves { seen.insert(receiver.currentLeaves[2 * leaf]) }
            let (sending, receiving) = (sender.run([UInt8(run % 2)]), receiver.run([UInt8(run % 2)]))
            if run % 100 == 0 {
                let (message, received) = try receiving.extend(BitPlanes(zeros: 1, count: 64))
                let sent = try sending.absorb(message, planes: 1, count: 64)
                #expect(sent.rows(ofPlane: 0) == received.rows(ofPlane: 0), "run \(run)")
            }
        }
        #expect(seen.count == 1_000 * session.height.leaves)
    }
}
