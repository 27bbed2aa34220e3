import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import Testing
import _CrypTenTestSupport

@Suite("What goes wrong while parties make their correlations")
struct PairFaultTests {
    @Test(
        "a party that is about to run another program is told apart before anything is made, and what differs is said"
    )
    func otherPlan() async throws {
        let members = try await PairedMembers(bulk: 1000)
        let results = await members.both { session in
            let x = try await session.input(from: .party(0), shape: [4]) { Tensor([1, 2, 3, 4], shape: [4]) }
            _ = try await session.reveal(session.party.index == 0 ? relu(x) : x * x, to: .all)
        }
        let errors = results.map(\.crypTenError)
        let seers = errors.filter { $0?.code == .diverged }
        #expect(!seers.isEmpty && errors.allSatisfy { $0?.code == .diverged || $0?.code == .partyFailed }, "\(errors)")
        #expect(seers.allSatisfy { $0?.message.contains("their plans differ") == true }, "\(errors)")
        for transport in members.transports { #expect(transport.statistics.sent(.preparation).frames == 0) }
        await members.close()
    }

    @Test("other inputs, another number of runs ahead and values given up at one party alone are seen, too")
    func otherBinding() async throws {
        let programs: [(String, @Sendable (Session, CrypTensor, CrypTensor) async throws -> Void)] = [
            (
                "the inputs that they read, or whether they are dealt ahead differ",
                { session, x, y in _ = try await session.reveal(session.party.index == 0 ? x * x : y * y, to: .all) }
            ),
            (
                "the inputs that they read, or whether they are dealt ahead differ",
                { session, x, _ in try await session.prepare([x * x], runs: 1 + session.party.index) }
            ),
            (
                "the values that they keep differ",
                { session, x, y in
                    let kept = try await session.hold([y])
                    if session.party.index == 1 { try await session.release(kept) }
                    _ = try await session.reveal(x * x, to: .all)
                }
            ),
        ]
        for (words, program) in programs {
            let members = try await PairedMembers()
            let results = await members.both { session in
                let x = try await session.input(from: .party(0), shape: [2]) { Tensor([1, 2], shape: [2]) }
                let y = try await session.input(from: .party(0), shape: [2]) { Tensor([3, 4], shape: [2]) }
                try await program(session, x, y)
            }
            let seers = results.compactMap(\.crypTenError).filter { $0.code == .diverged }
            #expect(!seers.isEmpty && seers.allSatisfy { $0.message.contains(words) }, "\(results)")
            await members.close()
        }
    }

    @Test("a party that leaves instead, or does nothing, ends the other's wait")
    func absent() async throws {
        for leaves in [true, false] {
            let members = try await PairedMembers(changing: { configuration, _ in configuration.patience = .seconds(1) }
            )
            let start = ContinuousClock.now
            let results = await members.both { session in
                if session.party.index == 1 {
                    if leaves { return await session.close() }
                    return try await Task.sleep(for: .seconds(2))
                }
                // The salt is party 0's to send; then it waits.
                let x = try await session.input(from: .party(0), shape: [2]) { Tensor([1, 2], shape: [2]) }
                _ = try await session.reveal(x * x, to: .all)
            }
            let error = results[0].crypTenError
            #expect(error?.code == (leaves ? .diverged : .timedOut))
            #expect(
                error?.message.contains(leaves ? "party 1 closed the session" : "party 1") == true,
                "\(String(describing: error))"
            )
            #expect(ContinuousClock.now - start < .seconds(5))
            await members.close()
        }
    }

    @Test(
        "a party that fails between any two exchanges ends the session for both, and nothing of it is used again",
        arguments: 0...2
    )
    func killedBetween(exchange: Int) async throws {
        struct Killed: Error {}
        let members = try await PairedMembers(
            .tcp,
            bulk: 100_000,
            beforeExchange: { party, number in if party == 1, number == exchange { throw Killed() } }
        )
        let results = await members.both { session -> [Double] in
            do {
                return try await PairProgram.infer(session)
            } catch {
                // Whatever comes now is refused.
                let later = await outcome { try await PairProgram.infer(session) }
                #expect(later.crypTenError?.code == .sessionClosed)
                throw error
            }
        }
        #expect(results[0].crypTenError?.code == .partyFailed)
        guard case .failure = results[1] else { return #expect(Bool(false), "party 1 has failed") }
        await members.close()
        #expect(members.log.liveMasks == 0)
    }

    @Test("both may send more at once than either's queues hold", arguments: [Wire.memory, .tcp])
    func bothSend(wire: Wire) async throws {
        // 12 MB each way at once, where a quarter of a megabyte may wait.
        let members = try await PairedMembers(wire, bulk: 1_500_000, queueLimit: 256 << 10)
        let results = try await members.run { session -> [Double] in
            let x = try await session.input(from: .party(0), shape: [2]) { Tensor([1.5, -2], shape: [2]) }
            return try await session.reveal(relu(x), to: .all)?.doubles ?? []
        }
        #expect(results == [[1.5, 0], [1.5, 0]])
    }

    @Test(
        "frames of a preparation that come twice, in another order, not at all, longer, shorter or from another run are refused",
        arguments: FrameFault.allCases
    )
    func frames(fault: FrameFault) async throws {
        let members = FaultyMembers(
            program: SmallInference(course: .long(2000)),
            maker: { party, _ in InsecureMaker(party: party, bulk: 100_000) },
            patience: .seconds(2)
        )
        let link = DirectedLink(sender: .party(PartyID(1)), recipient: .party(PartyID(0)))
        let undisturbed = try #require(try await members.run().seen[link])
        let places = undisturbed.indices.filter { undisturbed[$0].kind == .preparation }
        // Exchange 0, the keys, four chunks, and the end of each exchange is its last frame.
        #expect(places.count == 6)
        for place in [places[1], places[2], places[5]] {
            let run = try await members.run(Injection(fault: fault, place: FramePlace(link: link, number: place)))
            let outcome = try #require(run.outcomes[.party(PartyID(0))])
            let codes: Set<CrypTenError.Code> =
                switch fault {
                case .wrongRound, .wrongRun, .wrongBinding: [.diverged]
                case .excessWord, .missingWord, .missingBytes, .empty: [.malformedFrame]
                case .wrongKind, .drop, .swap: [.diverged, .timedOut, .malformedFrame, .partyFailed]
                // A second last frame waits until something of its kind is read, in the next run.
                case .duplicate, .replay: place == places[5] && fault == .duplicate ? [] : [.diverged]
                }
            if let code = outcome.code {
                #expect(codes.contains(code), "\(fault) at \(place): \(outcome.label)")
            } else {
                // The last frame may come after the first opening, which waits for it.
                let isHarmless = codes.isEmpty || (fault == .swap && place == places[5])
                #expect(isHarmless && outcome.isRight, "\(fault) at \(place): \(outcome.label)")
            }
        }
    }

    @Test("a frame of another run's preparation is not read as one of this run's")
    func foreign() async throws {
        let first = NIOLockedValueBox<Frame?>(nil)
        let members = try await PairedMembers(
            recording: { transport in
                guard transport.role == .party(PartyID(1)) else { return transport }
                return ReplacingTransport(transport) { frame in
                    guard frame.kind == .preparation, frame.run > 0 else { return frame }
                    return first.withLockedValue { first in
                        // The keys of the first run come again in the second.
                        if first == nil { first = frame }
                        return frame.run == first?.run ? frame : first ?? frame
                    }
                }
            }
        )
        let results = await members.both { session in
            let x = try await session.input(from: .party(0), shape: [2]) { Tensor([1, 2], shape: [2]) }
            for _ in 0..<2 { _ = try await session.reveal(x * x, to: .all) }
        }
        #expect(results[0].crypTenError?.code == .diverged)
        #expect(results[0].crypTenError?.message.contains("party 1 is in run 1") == true)
        await members.close()
    }
}

/// A transport whose member sends something else.
private final class ReplacingTransport: ForwardingTransport {
    let base: any Transport
    private let replace: @Sendable (Frame) -> Frame

    init(_ base: any Transport, _ replace: @escaping @Sendable (Frame) -> Frame) {
        (self.base, self.replace) = (base, replace)
    }

    func send(_ frame: Frame, to peer: Role, deadline: Deadline) throws {
        try base.send(replace(frame), to: peer, deadline: deadline)
    }
}
