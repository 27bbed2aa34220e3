#if os(Linux)
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Crypto
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import Testing

/// Somebody records all traffic, and reads one member's memory later.
@Suite("From a member's keys after a run nothing of earlier runs follows", .serialized) struct ForwardSecrecyTests {
    private typealias Keys = [Role: TransportEndpoint.InsecureKeyMaterial]

    /// Where the ends of a session are found from outside.
    private final class Members: Sendable {
        private let state = NIOLockedValueBox<(ends: [Role: TransportEndpoint], seized: [String: [Role: Keys]])>(
            ([:], [:])
        )

        func add(_ end: TransportEndpoint) {
            state.withLockedValue { $0.ends[end.role] = end }
        }

        /// Waits until so many members are connected.
        func wait(for count: Int) async throws {
            for _ in 0..<1000 where state.withLockedValue({ $0.ends.count < count }) {
                try await Task.sleep(for: .milliseconds(5))
            }
        }

        /// Reads the memory of all members.
        func seize(_ moment: String) {
            state.withLockedValue { $0.seized[moment] = $0.ends.mapValues { $0.insecureKeyMaterial() } }
        }

        func seized(_ moment: String) -> [Role: Keys] {
            state.withLockedValue { $0.seized[moment] ?? [:] }
        }
    }

    @Test("neither frames nor the secrets of runs, at any member", arguments: [2, 3]) func runs(
        parties: Int
    ) async throws {
        let (members, capture) = (Members(), WireCapture())
        let firstFrames = NIOLockedValueBox(0)
        let course = SmallInference.Course.program { session in
            func run() async throws {
                let known = try await session.publicInput(from: .party(0)) { Tensor([1.5, 2.5], shape: [2]) }
                let secret = try await session.input(from: .party(1)) { Tensor([3.5, 4.5], shape: [2]) }
                _ = try await session.reveal(secret * known.expression, to: .all)
                // What has been sent has come, and members have shown that they live under the keys of now.
                try await Task.sleep(for: .milliseconds(700))
            }
            if session.party == .party(0) {
                try await members.wait(for: parties + 1)
                members.seize("before")
            }
            try await run()
            if session.party == .party(0) { firstFrames.withLockedValue { $0 = capture.frames.count } }
            try await run()
            if session.party == .party(0) { members.seize("after") }
            try await Task.sleep(for: .milliseconds(100))
        }
        let mesh = FaultyMesh(
            parties: parties,
            capture: capture,
            connected: { members.add($0) },
            program: SmallInference(course: course)
        )
        for (role, outcome) in try await mesh.run().outcomes { #expect(outcome.isRight, "\(role): \(outcome.label)") }

        let (before, after) = (members.seized("before"), members.seized("after"))
        #expect(before.count == parties + 1 && after.count == parties + 1)
        let recorded = capture.frames.filter { !$0.isHello }
        let early = capture.frames.prefix(firstFrames.withLockedValue { $0 }).filter {
            !$0.isHello && $0.header.epoch == 0
        }
        #expect(early.count > 10)
        for role in after.keys.sorted() {
            for (peer, keys) in after[role] ?? [:] {
                let chains = [keys.sending, keys.receiving].compactMap { $0 }
                #expect(chains.count == 2)
                for frame in early { #expect(!opens(frame, chains, steps: 4), "\(role) with \(peer): \(frame.link)") }
                // The secrets of both runs are out of reach, also with all that come after.
                let start = try #require(before[role]?[peer]?.secrets)
                let now = try #require(keys.secrets)
                let past = secrets(start, count: 2)
                #expect(Set(past).isDisjoint(with: secrets(now, count: 100)))
                #expect(secrets(start, count: 12).suffix(10) == secrets(now, count: 10).prefix(10), "two were drawn")
            }
        }
        // The search opens what it should: who had read the memory at the beginning reads everything.
        for frame in recorded {
            let chains = [
                before[frame.link.sender]?[frame.link.recipient]?.sending,
                before[frame.link.recipient]?[frame.link.sender]?.receiving,
            ].compactMap { $0 }
            #expect(chains.count == 2)
            for chain in chains { #expect(opens(frame, [chain], steps: 4)) }
        }
    }

    /// Whether any of some keys, or of those that come after, fits a frame.
    private func opens(_ frame: WireCapture.Frame, _ chains: [FrameKeyChain], steps: UInt32) -> Bool {
        chains.contains { chain in
            (0...steps).contains { step in
                chain.moved(to: chain.epoch &+ step)?.cipher.accepts(frame.raw) == true
            }
        }
    }

    private func secrets(_ chain: KeyChain, count: Int) -> [[UInt8]] {
        var chain = chain
        return (0..<count).map { _ in
            defer { chain.moveForward() }
            return chain.derive("crypten secret").withUnsafeBytes { Array($0) }
        }
    }
}
#endif
