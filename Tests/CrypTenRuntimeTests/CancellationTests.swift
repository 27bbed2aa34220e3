import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Dispatch
import Foundation
import Testing

@Suite("Whoever cancels a call ends the session, and the others are told")
struct CancellationTests {
    /// Generous, for a busy machine: what is claimed is a second.
    private static let soon = Duration.seconds(5)

    /// What a caller may cancel: each waits for party 0, which waits for party 1.
    enum Call: String, CaseIterable, Sendable {
        case input, reveal, evaluate, prepare

        func make(_ session: Session, _ x: CrypTensor) async throws {
            switch self {
            case .input: _ = try await session.input(from: .party(0)) { Tensor([1.0], shape: [1]) }
            case .reveal: _ = try await session.reveal(relu(x), to: .all)
            case .evaluate: _ = try await session.evaluate([relu(x)])
            case .prepare: try await session.prepare([x * x], runs: 2)
            }
        }
    }

    /// The first run, which works.
    private static func begin(_ session: Session) async throws -> CrypTensor {
        let x = try await session.input(from: .party(0), shape: [2]) { Tensor([1.5, -2], shape: [2]) }
        _ = try await session.reveal(x * x, to: .all)
        return x
    }

    @Test("in the middle of any call, over any wire", arguments: Wire.allCases, Call.allCases)
    func calls(wire: Wire, call: Call) async throws {
        for parties in [2, 3] {
            let members = try await ConnectedMembers(wire, parties: parties)
            let x = try await members.all(Self.begin).map { try $0.get() }
            let cancelled = Task { try await call.make(members.sessions[1], x[1]) }
            let others = members.sessions.filter { $0.party != .party(1) }.map { session in
                Task {
                    let result = await outcome {
                        _ = try await session.input(from: .party(1)) { Tensor([1.0], shape: [1]) }
                    }
                    return (result, ContinuousClock.now)
                }
            }
            try await Task.sleep(for: .milliseconds(50))
            let start = ContinuousClock.now
            cancelled.cancel()
            #expect(await cancelled.result.crypTenError?.code == .cancelled)
            #expect(ContinuousClock.now - start < Self.soon)
            for other in others {
                let (result, end) = await other.value
                let error = result.crypTenError
                #expect(error?.code == .partyFailed)
                // Another member that heard of it earlier may have passed it on.
                #expect(error?.message == "party 1 gave up: cancelled by its caller")
                #expect((error?.cause as? CrypTenError)?.code == .cancelled)
                #expect(end - start < Self.soon)
            }
            for later in await members.all({ try await $0.cost(of: CrypTensor(1.0)) }) {
                #expect(later.crypTenError?.code == .sessionClosed)
                #expect(later.crypTenError?.message.contains("cancelled by its caller") == true)
            }
            await members.close()
            let dealer = await members.dealer.result.crypTenError
            #expect(dealer?.message == "party 1 gave up: cancelled by its caller")
        }
    }

    @Test("a task that is cancelled already ends the session with its next call", arguments: Wire.allCases)
    func before(wire: Wire) async throws {
        let members = try await ConnectedMembers(wire, parties: 2)
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await members.sessions[0].cost(of: CrypTensor(1.0))
        }
        task.cancel()
        #expect(await task.result.crypTenError?.code == .cancelled)
        let other = await outcome { try await Self.begin(members.sessions[1]) }
        #expect(other.crypTenError?.message == "party 0 gave up: cancelled by its caller")
        await members.close()
    }

    // MARK: Connections

    @Test("while the others are awaited, and the port is free again")
    func connect() async throws {
        let listeners = try await [
            SessionListener.listen(at: "127.0.0.1:0"), SessionListener.listen(at: "127.0.0.1:0"),
        ]
        let addresses = listeners.map(\.address)
        // Where nobody listens.
        let absent = try await SessionListener.listen(at: "127.0.0.1:0")
        let tasks = listeners.enumerated().map { index, listener in
            Task {
                try await listener.connect(
                    party: .party(index),
                    parties: addresses,
                    dealer: absent.address,
                    session: "cancelled",
                    timeout: .seconds(60)
                )
            }
        }
        try await Task.sleep(for: .milliseconds(300))
        let start = ContinuousClock.now
        tasks[1].cancel()
        #expect(await tasks[1].result.crypTenError?.code == .cancelled)
        let other = await tasks[0].result.crypTenError
        #expect(other?.message.contains("cancelled by its caller") == true)
        #expect(ContinuousClock.now - start < Self.soon)
        for address in addresses { _ = try await SessionListener.listen(at: address) }
    }

    @Test("the dealer's service, before anyone has called")
    func serviceAlone() async throws {
        let service = try await DealerService.listen(at: "127.0.0.1:0", parties: 2)
        let serving = Task { try await service.serve() }
        try await Task.sleep(for: .milliseconds(50))
        let start = ContinuousClock.now
        serving.cancel()
        #expect(await serving.result.crypTenError?.code == .cancelled)
        #expect(ContinuousClock.now - start < Self.soon)
        _ = try await DealerService.listen(at: service.address, parties: 2)
    }

    @Test("the dealer's service, before all have come")
    func serviceIncomplete() async throws {
        // Whether the caller has come by then can't be seen from outside: on a busy machine it takes longer.
        for pause in [300, 1000, 3000] {
            let service = try await DealerService.listen(at: "127.0.0.1:0", parties: 2)
            let serving = Task { try await service.serve() }
            let listener = try await SessionListener.listen(at: "127.0.0.1:0")
            let caller = Task {
                try await listener.connect(
                    party: .party(0),
                    parties: [listener.address, "127.0.0.1:1"],
                    dealer: service.address,
                    session: "cancelled",
                    timeout: .milliseconds(pause) + Self.soon
                )
            }
            try await Task.sleep(for: .milliseconds(pause))
            serving.cancel()
            #expect(await serving.result.crypTenError?.code == .cancelled)
            guard let error = await caller.result.crypTenError else {
                Issue.record("party 0 is connected to nobody")
                return
            }
            if error.code == .timedOut { continue }
            #expect(error.message.contains("cancelled by its caller"))
            return
        }
        Issue.record("party 0 never reached the dealer")
    }

    @Test("the dealer's service in the middle of a session")
    func serviceInSession() async throws {
        let members = try await ConnectedMembers(.tcp, parties: 2)
        _ = try await members.all(Self.begin).map { try $0.get() }
        members.dealer.cancel()
        #expect(await members.dealer.result.crypTenError?.code == .cancelled)
        for result in await members.all(Self.begin) {
            #expect(result.crypTenError?.code == .partyFailed)
            #expect(result.crypTenError?.message == "the dealer gave up: cancelled by its caller")
        }
        await members.close()
    }

    // MARK: Local parties

    @Test("local parties end with their caller's task, and leave no thread behind", arguments: [2, 3])
    func localParties(parties: Int) async throws {
        let threads = Threads()
        let task = Task {
            try await withLocalParties(parties) { session in
                _ = try await session.input(from: session.party, shape: [1]) {
                    threads.addCurrent()
                    return Tensor([1.0], shape: [1])
                }
                // Party 0 is busy with something else, and the others wait for it.
                if session.party.index == 0 { try await Task.sleep(for: .seconds(600)) }
                _ = try await session.input(from: .party(0)) { Tensor([1.0], shape: [1]) }
            }
        }
        for _ in 0..<1000 where threads.count < parties { try await Task.sleep(for: .milliseconds(10)) }
        #expect(threads.count == parties)
        try await Task.sleep(for: .milliseconds(50))
        let start = ContinuousClock.now
        task.cancel()
        let error = await #expect(throws: (any Error).self) { _ = try await task.value }
        #expect(error is CancellationError || (error as? CrypTenError)?.code == .cancelled)
        #expect(ContinuousClock.now - start < Self.soon)
        try await threads.waitUntilGone()
    }

    @Test("calls meanwhile are refused, whatever they are, and the call under way goes on")
    func busy() async throws {
        let members = try await ConnectedMembers(.memory, parties: 2)
        let x = try await members.all(Self.begin).map { try $0.get() }
        let session = members.sessions[1]
        let (started, proceed) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let waiting = Task {
            try await session.input(from: .party(1), shape: [1]) {
                started.signal()
                proceed.wait()
                return Tensor([2.0], shape: [1])
            }
        }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                started.wait()
                continuation.resume()
            }
        }
        let calls: [@Sendable () async throws -> Void] = [
            { _ = try await session.reveal(x[1], to: .all) }, { _ = try await session.evaluate([x[1]]) },
            { _ = try await session.hold([x[1]]) }, { try await session.release([x[1]]) },
            { try await session.prepare([x[1]], runs: 1) }, { _ = try await session.uniform([1]) },
            { _ = try await session.placeholder(from: .party(0), shape: [1]) },
            { _ = try await session.input(from: .party(1), shape: [1]) { Tensor([1.0], shape: [1]) } },
            { _ = try await session.publicInput(from: .party(1)) { Tensor([1.0], shape: [1]) } },
        ]
        for call in calls {
            #expect(await outcome { try await call() }.crypTenError?.code == .sessionBusy)
        }
        proceed.signal()
        _ = try await waiting.value
        for (party, result) in await members.all({ try await $0.reveal(relu(x[$0.party.index]), to: .all) })
            .enumerated()
        {
            #expect(try result.get()?.doubles == [1.5, 0], "party \(party)")
        }
        await members.close()
        try await members.dealer.value
    }
}

/// The threads that the engines of some parties run on.
///
/// Safety of `@unchecked Sendable`: `threads` is touched only while `lock` is held.
private final class Threads: @unchecked Sendable {
    private struct Entry {
        weak var thread: Thread?
    }

    private let lock = NSLock()
    private var threads: [Entry] = []

    var count: Int {
        lock.withLock { threads.count }
    }

    /// Notes the calling thread.
    func addCurrent() {
        let entry = Entry(thread: .current)
        lock.withLock { threads.append(entry) }
    }

    /// Waits until none of those that were noted is there any more.
    func waitUntilGone() async throws {
        for _ in 0..<200 {
            if lock.withLock({ threads.allSatisfy { $0.thread == nil } }) { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("threads are left")
    }
}
