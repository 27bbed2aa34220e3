import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation
import Testing
import _CrypTenTestSupport

@Suite("After an error nothing of a session is used again")
struct AfterFailureTests {
    /// What a party has done so far: streams of words, and frames.
    private struct Traces: Equatable {
        var expansions: Int
        var frames: UInt64
        var received: UInt64

        init(_ audit: ExpansionAudit, _ transport: any Transport, parties: Int) {
            let peers = Role.all(partyCount: parties).filter { $0 != transport.role }
            let statistics = transport.statistics
            expansions = audit.count
            frames = peers.reduce(0) { $0 + statistics.sent(to: $1).frames }
            received = peers.reduce(0) { $0 + statistics.received(from: $1).frames }
        }
    }

    @Test("no word is expanded, no frame sent, and every call names what ended it", arguments: [2, 3])
    func nothing(parties: Int) async throws {
        let audits = (0...parties).map { _ in ExpansionAudit() }
        let configuration = SessionConfiguration()
        let mesh = try MemoryTransport.mesh(parties: parties, session: "test", parameters: configuration.agreement)
        let members = mesh.parties + [mesh.dealer]
        let kernels = audits.map { AuditingKernels(NativeKernels(threads: 1), audit: $0) }
        let dealer = Confined(Dealer(transport: mesh.dealer, kernels: kernels[parties], configuration: configuration))
        async let served = onThread { dealer.serve() }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("crypten-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        await withTaskGroup(of: Void.self) { group in
            for (party, transport) in mesh.parties.enumerated() {
                group.addTask {
                    await outcome {
                        let session = try Session(
                            transport: transport,
                            kernels: kernels[party],
                            configuration: configuration
                        )
                        try await Self.fail(session, file)
                        let before = members.indices.map { Traces(audits[$0], members[$0], parties: parties) }[party]
                        await Self.expectRefusals(session)
                        #expect(Traces(audits[party], transport, parties: parties) == before)
                        #expect(throws: CrypTenError.self) { try transport.nextSecret(with: .dealer) }
                        await session.close()
                        #expect(throws: CrypTenError.self) { try transport.nextSecret(with: .dealer) }
                    }.expectSuccess()
                }
            }
        }
        #expect(await served?.code == .partyFailed)
        #expect(dealer.serve()?.code == .partyFailed, "once more")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
        #expect(lines.count == 4)
        #expect(lines[1].contains(": consumed since") && lines[2...].allSatisfy { $0.contains(": discarded since") })
    }

    /// Uses everything that a session has, and then fails at party 0.
    private static func fail(_ session: Session, _ file: URL) async throws {
        let x = try await session.input(from: .party(1), shape: [2]) { Tensor([1, 2], shape: [2]) }
        let kept = try await session.evaluate([relu(x)])[0]
        try await session.prepare([kept * x], runs: 3, storage: .file(file))
        _ = try await session.reveal(kept * x, to: .all)
        #expect(try await session.statistics.preparedRuns == 2)
        let failure = await outcome {
            // Nobody fails before all have come this far.
            for party in 0..<session.partyCount {
                _ = try await session.publicInput(from: .party(party)) { Tensor([1.0], shape: [1]) }
            }
            _ = try await session.input(from: .party(0), shape: [1], name: "pixels") { Tensor([.nan], shape: [1]) }
            // The others notice when they wait for party 0.
            _ = try await session.input(from: .party(0)) { Tensor([1.0], shape: [1]) }
        }.crypTenError
        #expect(failure?.code == (session.party == .party(0) ? .outOfRange : .partyFailed))
        #expect(failure?.message.contains(Self.reason(at: session)) == true)
        #expect(try await session.statistics.preparedRuns == 0)
    }

    /// What the owner of the input says, and what the others do.
    private static func reason(at session: Session) -> String {
        session.party == .party(0)
            ? "pixels, element 0" : "party 0 gave up: an input of its can't be used; its owner knows why"
    }

    private static func expectRefusals(_ session: Session) async {
        let one = CrypTensor(1.0)
        let calls: [@Sendable () async throws -> Void] = [
            { _ = try await session.input(from: .party(0)) { Tensor([1.0], shape: [1]) } },
            { _ = try await session.input(from: .party(1), shape: [1]) { Tensor([1.0], shape: [1]) } },
            { _ = try await session.publicInput(from: .party(0)) { Tensor([1.0], shape: [1]) } },
            { _ = try await session.broadcast(from: .party(0)) { [] } },
            { _ = try await session.placeholder(from: .party(0), shape: [1]) },
            { _ = try await session.uniform([1]) }, { _ = try await session.bernoulli(0.5, [1]) },
            { _ = try await session.reveal(one, to: .all) }, { _ = try await session.evaluate([one]) },
            { _ = try await session.hold([one]) }, { try await session.release([one]) },
            { _ = try await session.cost(of: one) }, { try await session.prepare([one], runs: 1) },
            { try await session.prepareEvaluation(of: [one], runs: 1) },
            { _ = try await session.predict(one, on: .loop) },
        ]
        for (index, call) in calls.enumerated() {
            let error = await outcome { try await call() }.crypTenError
            #expect(error?.code == .sessionClosed, "call \(index)")
            #expect(error?.message.contains(reason(at: session)) == true, "call \(index)")
        }
    }

    @Test("a peer that closes in the middle of a run runs another program", arguments: Wire.allCases)
    func goodbye(wire: Wire) async throws {
        let members = try await ConnectedMembers(wire, parties: 2)
        let results = await members.all { session in
            let x = try await session.input(from: .party(0), shape: [2]) { Tensor([1, 2], shape: [2]) }
            _ = try await session.reveal(x * x, to: .all)
            if session.party == .party(1) {
                await session.close()
            } else {
                _ = try await session.reveal(x + x, to: .all)
            }
        }
        let error = results[0].crypTenError
        #expect(["diverged", "partyFailed"].contains(error?.code.description))
        #expect(error?.message.contains("party 1 closed the session") == true)
        #expect(results[1].crypTenError == nil)
        await members.close()
    }
}

/// A dealer that one thread has at a time.
///
/// Safety of `@unchecked Sendable`: the thread that serves has ended before the test goes on.
private final class Confined: @unchecked Sendable {
    let dealer: Dealer

    init(_ dealer: Dealer) {
        self.dealer = dealer
    }

    /// Serves, and tells how that ended.
    func serve() -> CrypTenError? {
        Result { try dealer.serve() }.crypTenError
    }
}

extension Result {
    fileprivate func expectSuccess() {
        if case .failure(let error) = self { Issue.record(error) }
    }
}
