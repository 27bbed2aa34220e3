import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation
import NIOConcurrencyHelpers
import Testing
import _CrypTenTestSupport

/// A model is trained through four sessions: one that ends in good order, one whose dealer dies, and two after that.
///
/// One audit of each role spans them all, and so does one of all frames.
@Suite("No word is used twice, over sessions, failures and reconnections")
struct RestartTests {
    /// What outlives a session: the weights, at their owner, as values.
    private final class Owner: Sendable {
        let weights = NIOLockedValueBox(Tensor([Double](repeating: 0.125, count: 64), shape: [8, 8]))
    }

    /// Two steps of training from the owner's weights, with runs that were prepared in memory and in a file between them.
    @Sendable private static func program(_ session: Session, _ owner: Owner, _ file: URL) async throws {
        let start = owner.weights.withLockedValue { $0 }
        let shape: Shape = [64, 8]
        func input(_ party: Int, _ step: Int) async throws -> CrypTensor {
            try await session.input(from: .party(party), shape: shape) {
                Tensor((0..<512).map { Double(($0 * 7 + step) % 5) / 4 }, shape: shape)
            }
        }
        var w = try await session.hold([session.input(from: .party(1), shape: [8, 8]) { start }])[0]
        let fixed = w
        let ahead = try await session.placeholder(from: .party(0), shape: shape)
        try await session.prepare([relu(ahead.matmul(fixed))], revealingTo: .party(0), runs: 2)
        try await session.prepare([relu(ahead.matmul(fixed))], revealingTo: .all, runs: 3, storage: .file(file))
        for step in 0..<2 {
            let (x, y) = (try await input(0, step), try await input(1, step + 1))
            // Prepared, in memory and in the file; the same input in both.
            _ = try await session.reveal(relu(x.matmul(fixed)), to: .party(0))
            _ = try await session.reveal(relu(x.matmul(fixed)), to: .all)
            // A step: its plan is cached, once the weights are shares.
            let error = relu(x.matmul(w)) - y
            let gradient = x.transposed().matmul(error)
            let old = w
            w = try await session.evaluate([w - gradient * 0.001])[0]
            if step > 0 { try await session.release([old]) }
            if let value = try await session.reveal(w, to: .party(1)) { owner.weights.withLockedValue { $0 = value } }
        }
    }

    private static func frames(_ recorders: NIOLockedValueBox<[RecordingTransport]>) -> [RecordingTransport.Recorded] {
        recorders.withLockedValue { $0 }.flatMap(\.sent)
    }

    @Test("whatever was cached, updated, prepared, or interrupted", arguments: [2, 3])
    func trained(parties: Int) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("crypten-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let owner = Owner()
        let audits = (0...parties).map { _ in ExpansionAudit() }
        var frames: [[RecordingTransport.Recorded]] = []
        var keys: [[Set<[UInt64]>]] = []
        for session in 0..<4 {
            let before = audits.map(\.keys)
            let recorders = NIOLockedValueBox<[RecordingTransport]>([])
            let corrections = NIOLockedValueBox(0)
            let outcome = try await auditParties(
                parties,
                audits: audits,
                recording: { transport in
                    let recorder = RecordingTransport(transport) { frame, _, base in
                        // The second session's dealer dies in its second step: five runs were prepared, and one step was dealt.
                        guard session == 1, base.role == .dealer, frame.kind == .correction else { return }
                        let sent = corrections.withLockedValue { count in
                            count += 1
                            return count
                        }
                        guard sent > 6 else { return }
                        throw CrypTenError(.peerLost, "the dealer dies")
                    }
                    recorders.withLockedValue { $0.append(recorder) }
                    return recorder
                }
            ) { [owner] handle, _ in
                try await Self.program(handle, owner, folder.appendingPathComponent("session \(session)"))
            }
            frames.append(Self.frames(recorders))
            keys.append(zip(audits, before).map { $0.keys.subtracting($1) })
            let failures = outcome.results.map { result -> CrypTenError? in
                if case .failure(let error) = result { error as? CrypTenError } else { nil }
            }
            if session == 1 {
                #expect(failures.allSatisfy { $0 != nil }, "every party hears of it")
                #expect(frames[1].contains { $0.frame.kind == .opening }, "and had begun")
            } else {
                _ = try outcome.get()
            }
        }
        for (role, audit) in audits.enumerated() {
            #expect(audit.repeated.isEmpty, "role \(role) expanded \(audit.repeated.count) streams twice")
            #expect(keys.allSatisfy { $0[role].count > 10 }, "the audit saw every session")
        }
        // Each session has keys of its own: those that are new in it are all that it used.
        for role in audits.indices {
            let all = keys.map { $0[role] }
            #expect(all.reduce(0) { $0 + $1.count } == Set(all.joined()).count)
        }
        let streams = audits.map(\.streams)
        let dealer = streams[parties]
        for i in 0..<parties {
            for j in i + 1..<parties {
                // Two parties expand the same streams for sharings of zero alone: no third party and no dealer has them.
                let shared = streams[i].intersection(streams[j])
                #expect(!shared.isEmpty && shared.isDisjoint(with: dealer))
                for k in 0..<parties where k != i && k != j { #expect(shared.isDisjoint(with: streams[k])) }
            }
        }
        #expect(RepeatedWords.count(frames[0], frames[1], frames[2], frames[3]) == 0)
    }
}
