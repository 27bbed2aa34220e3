import CrypTenBase
import CrypTenCorrelations
import CrypTenExpressions
import CrypTenPlanning
import CrypTenRing
import Foundation
import Testing
import _CrypTenTestSupport

@Suite("A session's maker, run after run")
struct PairSessionTests {
    /// A comparison and a product of few elements.
    private static func small(_ source: ExpressionSource) throws -> PlannedExpressions {
        let (x, y) = (source.input([8], owner: 0), source.input([8], owner: 1))
        return try PlannedExpressions([((x - y).relu() * y, .reveal(to: nil))], of: source)
    }

    @Test(
        "a peer gone before any exchange ends both, with its name, and neither maker is used again",
        arguments: 0..<2,
        1...4
    )
    func stopped(party: Int, exchange: Int) throws {
        let planned = try PairSessionTests.small(ExpressionSource(seed: 81))
        let session = try PairedSession(seed: 82)
        let before = try session.run(planned)
        #expect(before.exchanges == 4)
        session.stop(party, before: exchange)
        for result in session.make(planned.plan) {
            #expect { try result.get() } throws: { code($0) == .peerLost }
        }
        #expect(session.liveRuns == 0)
        // Nothing is left of its keys, and whatever is asked of it is refused before anything is sent.
        for maker in session.makers { #expect(maker.currentLeaves.isEmpty) }
        let transfers = session.makers.map(\.transfers)
        for result in session.make(planned.plan) {
            #expect { try result.get() } throws: { code($0) == .sessionClosed }
        }
        #expect(session.makers.map(\.transfers) == transfers)
    }

    @Test("what is written down when a run fails is let go")
    func released() throws {
        let pair = Weak()
        #expect {
            try PairOfThreads().run { made, channel in
                let product = made.product(
                    PairWords(count: 64, part: Later(RingTensor(zeros: [64]))),
                    PairWords(count: 64, part: Later(RingTensor(zeros: [64])))
                )
                if made.party == 0 {
                    pair.object = made
                    channel.lastExchange = 1
                }
                try made.run(over: channel)
                _ = product
            }
        } throws: { code($0) == .peerLost }
        #expect(pair.object == nil)
    }

    /// Safety of `@unchecked Sendable`: written by one thread, and read when that has ended.
    private final class Weak: @unchecked Sendable {
        weak var object: Pair?
    }

    @Test(
        "of a run that is discarded after d was opened the next one has nothing: neither messages, nor d, nor correlations"
    )
    func discarded() throws {
        let planned = try PairSessionTests.small(ExpressionSource(seed: 83))
        let session = try PairedSession(seed: 84)
        let discarded = try session.make(planned.plan).map { try $0.get() }
        let run = try session.run(planned)
        for party in 0..<2 {
            let words = [discarded[party], run.made[party]].map { entries in
                Set(
                    entries.flatMap { entry -> [UInt64] in
                        switch entry {
                        case .correlation(let words): words.elements
                        case .difference(let words): words?.elements ?? []
                        }
                    }.filter { $0 > 1 << 32 }
                )
            }
            #expect(words[0].count > 20 && words[0].isDisjoint(with: words[1]))
        }
        #expect(agreeing(discarded[0].differences[0], run.differences[0]) == 0)
    }

    @Test("leaves move on with every run, in both directions, and those before are overwritten")
    func forward() throws {
        let planned = try PairSessionTests.small(ExpressionSource(seed: 85))
        let session = try PairedSession(seed: 86)
        let old = session.makers.map { $0.currentLeaves.map(\.elements) }
        // What nobody has is overwritten on its way out.
        weak let sending = session.makers[0].currentLeaves[0]
        weak let choosing = session.makers[0].currentLeaves[1]
        _ = try session.run(planned)
        #expect(sending == nil && choosing == nil)
        let new = session.makers.map { $0.currentLeaves.map(\.elements) }
        for (old, new) in zip(old.joined(), new.joined()) {
            #expect(old.count == new.count && Set(old).subtracting([0]).isDisjoint(with: new))
        }
    }

    @Test("in a thousand runs no leaf comes twice, each run takes as many transfers, and memory is at rest")
    func thousand() throws {
        let planned = try PairSessionTests.small(ExpressionSource(seed: 87))
        let session = try PairedSession(seed: 88)
        let want = try session.run(planned).result(0, of: planned.plan)
        let each = session.makers[0].transfers
        // As large from the beginning as they get.
        var leaves = Set<UInt64>(minimumCapacity: 1 << 15)
        var messages = Set<UInt64>(minimumCapacity: 1 << 14)
        var sizes: [Int] = []
        var memory: [Int] = []
        for number in 1..<1_000 {
            // Every leaf that the chooser has is another's name for a run's transfers: index (leaf, slab).
            for leaf in stride(from: 0, to: 64, by: 2) { leaves.insert(session.makers[0].currentLeaves[1][leaf]) }
            let run = try session.run(planned)
            for message in run.messages[0] where !message.isEmpty {
                messages.insert(message.reduce(0) { 31 &* $0 &+ $1 })
            }
            sizes.append(run.messages[0].count { !$0.isEmpty })
            guard number % 100 == 0 else { continue }
            let got = try run.result(0, of: planned.plan)
            #expect(largestError(got, want) < 1e-3, "run \(number)")
            #expect(session.makers.map(\.transfers) == [each * (number + 1), each * (number + 1)])
            memory.append(residentBytes())
            #expect(session.liveRuns == 0)
        }
        #expect(leaves.count == 32 * 999)
        #expect(messages.count == sizes.reduce(0, +))
        // Where nothing else runs in the process: by less than a kilobyte a run, from the three hundredth to the nine hundredth.
        guard ProcessInfo.processInfo.environment["CRYPTEN_MEMORY_TESTS"] != nil else { return }
        #expect(memory[8] - memory[2] < 600 << 10, "\(memory)")
    }

    #if os(Linux)
    @Test("what is kept of a mask is overwritten when the value is kept no longer", arguments: [false, true])
    func wiped(bits: Bool) throws {
        let marker = MemoryMarker(bits ? 0x6B01 : 0x6B02)
        func words() -> RingTensor {
            var words = RingTensor(zeros: [1 << 14])
            words.withMutableWords { marker.write(1 << 14, from: 7, to: $0) }
            return words
        }
        let kept =
            bits
            ? PairKept(.bits(BitPlanes(words(), planes: 1, count: 1 << 20)), seeds: nil)
            : PairKept(.wire(part: words(), sharesHeld: true), seeds: words())
        #expect(try marker.occurrences() >= (bits ? 1 : 2))
        kept.wipe()
        #expect(try marker.occurrences() == 0)
    }
    #endif

    /// Pages of this process; 0 where the system shows none.
    private func residentBytes() -> Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        let numbers = text.split(separator: " ")
        return (numbers.count > 1 ? Int(numbers[1]) ?? 0 : 0) * 4096
    }
}
