#if os(Linux)
import CrypTenBase
import CrypTenRuntime
import CrypTenTransport
import Foundation
import Testing
import _CrypTenTestSupport

/// Walks every frame of a small inference and does every fault to it: on the wire, and in what a member sends.
///
/// A sample runs always; all of it where `CRYPTEN_LONG_TESTS` is set.
@Suite("A fault at any frame ends in the right result or a named error at every member, in time", .serialized)
struct FaultWalkTests {
    private static let isLong = ProcessInfo.processInfo.environment["CRYPTEN_LONG_TESTS"] != nil
    private static let seed: UInt64 = 0xFA17

    /// Chooses a sample, unless all are to run.
    private func chosen<Case>(_ cases: [Case], _ sample: Int) -> [Case] {
        Self.isLong ? cases : cases.sample(sample, seed: Self.seed)
    }

    /// The frames of undisturbed runs, which all have the right result.
    private func frames(
        _ run: () async throws -> (outcomes: [Role: MemberOutcome], seen: [DirectedLink: [SeenFrame]]),
        fails: Bool = false
    ) async throws -> [DirectedLink: [SeenFrame]] {
        var runs: [[DirectedLink: [SeenFrame]]] = []
        for _ in 0..<3 {
            let (outcomes, seen) = try await run()
            if !fails {
                for (role, outcome) in outcomes { #expect(outcome.isRight, "\(role): \(outcome.label)") }
            }
            runs.append(seen)
        }
        let union = runs.union()
        for seen in runs where !fails {
            for (link, frames) in seen { #expect(union[link]?.starts(with: frames) == true, "\(link)") }
        }
        return union
    }

    private func check(_ walk: FaultWalk, _ name: String) {
        print("fault injection, \(walk.summary(of: name))")
        for problem in walk.problems.prefix(20) {
            Issue.record("one of \(walk.problems.count) problems, seed \(Self.seed): \(problem)")
        }
    }

    // MARK: On the wire

    private static let limit = Duration.seconds(8)

    private func walk(
        _ mesh: FaultyMesh,
        _ injections: [Injection<WireFault>],
        besides more: Set<CrypTenError.Code> = []
    ) async throws -> FaultWalk {
        var walk = FaultWalk()
        try await walk.run(injections, atOnce: 12) { injection in
            let run = try await mesh.run(injection)
            let isHello = injection.place.number == 0 && !injection.place.isHeartbeat
            let codes = isHello ? injection.fault.codesInHandshake : injection.fault.codes
            return WalkedCase(
                what: "\(mesh.parties) parties, \(injection)",
                outcomes: run.outcomes,
                happened: run.happened,
                codes: codes.union(more),
                isHarmless: injection.fault.isHarmless && more.isEmpty,
                limit: Self.limit
            )
        }
        return walk
    }

    private func injections(
        _ frames: [DirectedLink: [SeenFrame]],
        of kinds: (Frame.Kind) -> Bool = { _ in true }
    ) -> [Injection<WireFault>] {
        frames.sorted { $0.key < $1.key }.flatMap { link, frames in
            frames.enumerated().flatMap { number, frame in
                WireFault.allCases.compactMap { fault in
                    guard kinds(frame.kind), fault.applies(to: number, payload: frame.payload) else { return nil }
                    return Injection(fault: fault, place: FramePlace(link: link, number: number))
                }
            }
        }
    }

    @Test("of an inference over TCP, on the wire", arguments: [(2, 240), (3, 120)])
    func wire(parties: Int, sample: Int) async throws {
        let mesh = FaultyMesh(parties: parties)
        let frames = try await frames {
            let run = try await mesh.run()
            return (run.outcomes, run.seen)
        }
        let all = injections(frames)
        print(
            "fault injection: \(parties) parties, \(frames.values.reduce(0) { $0 + $1.count }) frames, \(all.count) faults"
        )
        check(try await walk(mesh, chosen(all, sample)), "on the wire, \(parties) parties")
    }

    @Test("also where the parties make their correlations themselves")
    func wireWithoutDealer() async throws {
        let mesh = FaultyMesh(maker: { party, _ in InsecureMaker(party: party, bulk: 40_000) })
        let frames = try await frames {
            let run = try await mesh.run()
            return (run.outcomes, run.seen)
        }
        let preparations = frames.values.joined().count { $0.kind == .preparation }
        #expect(preparations > 20)
        let all = injections(frames)
        print("fault injection: without a dealer, \(preparations) frames of preparation, \(all.count) faults")
        check(try await walk(mesh, chosen(all, 120)), "on the wire, without a dealer")
    }

    @Test("also of a heartbeat")
    func heartbeats() async throws {
        let mesh = FaultyMesh(program: SmallInference(course: .pausing(.seconds(1))))
        let roles = Role.all(partyCount: 2)
        let all = roles.flatMap { sender in
            roles.filter { $0 != sender }.flatMap { recipient in
                (0..<2).flatMap { number in
                    WireFault.allCases.filter { $0.applies(to: 2, payload: 0) }.map { fault in
                        let link = DirectedLink(sender: sender, recipient: recipient)
                        return Injection(fault: fault, place: FramePlace(link: link, isHeartbeat: true, number: number))
                    }
                }
            }
        }
        check(try await walk(mesh, chosen(all, 40)), "on the wire, heartbeats")
    }

    @Test("also of what tells that a member gives up")
    func aborts() async throws {
        let mesh = FaultyMesh(program: SmallInference(course: .failing))
        let frames = try await frames(
            {
                let run = try await mesh.run()
                return (run.outcomes, run.seen)
            },
            fails: true
        )
        let all = injections(frames) { $0 == .abort }
        #expect(!all.isEmpty)
        // Where nothing goes wrong on the way, one has failed, and the others are told.
        let codes: Set<CrypTenError.Code> = [.outOfRange, .partyFailed, .peerLost]
        check(try await walk(mesh, chosen(all, 40), besides: codes), "on the wire, aborts")
    }

    // MARK: In what a member sends

    @Test(
        "of an inference whose member sends a wrong frame in good order",
        arguments: [(2, nil, 120, true), (3, nil, 80, true), (2, 20_000, 60, true), (2, nil, 120, false)]
            as [(Int, Int?, Int, Bool)]
    )
    func members(parties: Int, long: Int?, sample: Int, hasDealer: Bool) async throws {
        var usual = FaultyMembers(parties: parties, program: SmallInference(course: long.map { .long($0) } ?? .plain))
        if !hasDealer { usual.maker = { party, _ in InsecureMaker(party: party, bulk: 40_000) } }
        let members = usual
        let frames = try await frames {
            let run = try await members.run()
            return (run.outcomes, run.seen)
        }
        let all = frames.sorted { $0.key < $1.key }.flatMap { link, frames in
            frames.indices.flatMap { number in
                FrameFault.allCases.map { Injection(fault: $0, place: FramePlace(link: link, number: number)) }
            }
        }
        var walk = FaultWalk()
        try await walk.run(chosen(all, sample), atOnce: 8) { injection in
            let run = try await members.run(injection)
            return WalkedCase(
                what: "\(parties) parties, \(injection)",
                outcomes: run.outcomes,
                happened: run.happened,
                codes: injection.fault.codes,
                limit: Self.limit
            )
        }
        let name = "authenticated, \(parties) parties\(long.map { ", \($0) numbers" } ?? "")"
        check(walk, hasDealer ? name : "\(name), no dealer")
    }
}
#endif
