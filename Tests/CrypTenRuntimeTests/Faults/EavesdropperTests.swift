#if os(Linux)
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation
import Testing
import _CrypTenTestSupport

/// What somebody gets who listens on all connections of a session, and knows everything that is public in it.
@Suite("Whoever listens on the network learns headers alone", .serialized) struct EavesdropperTests {
    /// Puts in a secret and a public tensor, reveals a product to one party, and waits until members show that they live.
    private static let course = SmallInference.Course.program { session in
        let known = try await session.publicInput(from: .party(0), name: "the name of a public tensor") {
            Tensor((0..<600).map { 1000.0625 + Double($0) }, shape: [600])
        }
        let secret = try await session.input(from: .party(1), name: "the name of a secret tensor") {
            Tensor((0..<600).map { 2000.125 - Double($0) }, shape: [600])
        }
        let product = relu(secret * known.expression)
        // Two runs, one of which is dealt ahead: every kind of frame, under keys of more than one moment.
        _ = try await session.reveal(product, to: .party(0))
        try await session.prepare([product], revealingTo: .party(1), runs: 1)
        _ = try await session.reveal([product], to: .party(1))
        let long = try await session.input(from: .party(0), shape: [40_000]) {
            Tensor((0..<40_000).map { Double($0 % 977) }, shape: [40_000])
        }
        _ = try await session.reveal(relu(long), to: .all)
        try await Task.sleep(for: .milliseconds(600))
    }

    private func captured(
        _ session: String,
        parties: Int,
        _ course: SmallInference.Course = course,
        hasDealer: Bool = true
    ) async throws
        -> WireCapture
    {
        let capture = WireCapture()
        var mesh = FaultyMesh(
            parties: parties,
            session: session,
            capture: capture,
            program: SmallInference(course: course)
        )
        if !hasDealer { mesh.maker = { party, _ in InsecureMaker(party: party, bulk: 1000) } }
        let run = try await mesh.run()
        if case .program = course {
            for (role, outcome) in run.outcomes where !outcome.isRight {
                Issue.record("\(role): \(outcome.label)")
            }
        }
        return capture
    }

    @Test("nothing that a member sends is on the wire as it was handed to the sealer, of any kind", arguments: [2, 3])
    func ciphertexts(parties: Int) async throws {
        let capture = try await captured("one", parties: parties)
        let failing = try await captured("failing", parties: parties, .failing)
        let pair = try await captured("pair", parties: 2, .plain, hasDealer: false)
        let kinds = Set(Frame.Kind.allCases)
        #expect(capture.kinds.union(failing.kinds).union(pair.kinds) == kinds)
        for capture in [capture, failing, pair] {
            let known = capture.plaintexts.filter { $0.header.kind != Frame.Kind.hello.rawValue }
                .reduce(into: Set<UInt64>()) { $0.formUnion($1.bytes.windows) }
            for frame in capture.frames where !frame.isHello {
                #expect(frame.payload.windows.isDisjoint(with: known), "\(frame.header.kind) on \(frame.link)")
            }
        }
        // The capture has what it should: a public number as it was handed to the sealer, and a name of the plan.
        let number = withUnsafeBytes(of: 1000.0625.bitPattern.littleEndian) { Array($0) }
        #expect(capture.plaintexts.contains { $0.bytes.windows.isSuperset(of: number.windows) })
        #expect(!capture.frames.contains { !$0.payload.windows.isDisjoint(with: number.windows) })
        #expect(capture.logs.allSatisfy { !$0.text.contains("the name of") })
    }

    @Test("two sessions with equal data share no eight bytes of payload or tag", arguments: [2, 3])
    func equalSessions(parties: Int) async throws {
        func windows(_ capture: WireCapture) -> Set<UInt64> {
            capture.frames.reduce(into: []) { all, frame in
                all.formUnion(frame.payload.windows)
                all.formUnion(frame.tag.windows)
            }
        }
        let one = windows(try await captured("one", parties: parties))
        let two = windows(try await captured("another", parties: parties))
        #expect(one.count > 100_000)
        #expect(one.isDisjoint(with: two))
    }

    @Test("no number of a frame comes twice in a direction, and keys move forward with runs") func nonces() async throws
    {
        let capture = try await captured("one", parties: 3)
        for (link, frames) in Dictionary(grouping: capture.frames, by: \.link) {
            #expect(frames.map(\.header.sequence) == Array(0..<UInt64(frames.count)), "\(link)")
            #expect(frames.map(\.header.epoch) == frames.map(\.header.epoch).sorted(), "\(link)")
            #expect(frames.last.map { $0.header.epoch >= 3 } == true, "\(link)")
        }
    }
}
#endif
