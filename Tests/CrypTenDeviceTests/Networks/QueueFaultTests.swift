import CrypTenBase
import CrypTenDevice
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation
import Synchronization
import Testing

@Suite("A device that fails", .serialized)
struct QueueFaultTests {
    /// What became of a session one of whose members has a device that fails.
    private struct Outcome {
        /// What the member with the device threw, nil where it ended before.
        var own: CrypTenError?
        /// What the others threw.
        var others: [CrypTenError?]
        /// How many frames the member sent after its device had failed.
        var lateFrames: Int
        var calls: Int
        /// Bytes of the device that have an owner when all is over.
        var usedBytes: Int
        var failedWiping: Bool
    }

    /// Runs LeNet with a device at one role that fails at a call, and with devices that don't at the others.
    private func run(failingAt call: Int?, role: Int) async throws -> Outcome {
        let late = Late()
        let queue = ScriptedQueue(failingAt: call) { late.hasFailed() }
        let queues = (0..<3).map { $0 == role ? queue : ScriptedQueue() }
        let errors = try await errors(queues, role, late)
        // Threads let go of what they had when they end.
        for _ in 0..<200 where queue.counts.usedBytes > 0 { try await Task.sleep(for: .milliseconds(10)) }
        return Outcome(
            own: errors[role],
            others: errors.indices.filter { $0 != role }.map { errors[$0] },
            lateFrames: late.frames,
            calls: queue.calls,
            usedBytes: queue.counts.usedBytes,
            failedWiping: queue.failedWiping
        )
    }

    /// What all members threw, the dealer last; frames of one of them are counted.
    private func errors(_ queues: [ScriptedQueue], _ role: Int, _ late: Late) async throws -> [CrypTenError?] {
        let configuration = SessionConfiguration()
        // What is small is computed on the device, too.
        let kernels = queues.map { DeviceKernels(queue: $0, settings: .everything) }
        let transports = try MemoryTransport.members(of: "faults", kernels, configuration).enumerated().map {
            $0 == role ? LateTransport($1, late) : $1
        }
        async let dealt = Self.dealer(transports[2], kernels[2], configuration)
        let ended = await withTaskGroup(of: (Int, CrypTenError?).self) { group in
            for party in 0..<2 {
                group.addTask { (party, await Self.party(transports[party], kernels[party], configuration)) }
            }
            return await group.reduce(into: [CrypTenError?](repeating: nil, count: 2)) { $0[$1.0] = $1.1 }
        }
        return ended + [await dealt]
    }

    private static func party(
        _ transport: any Transport,
        _ kernels: any Kernels,
        _ configuration: SessionConfiguration
    ) async -> CrypTenError? {
        do {
            let session = try Session(transport: transport, kernels: kernels, configuration: configuration)
            do {
                _ = try await Programs.oneImage(session)
                await session.close()
                return nil
            } catch {
                session.abort(CrypTenError(failure: error, of: .party(session.party)))
                await session.close()
                throw error
            }
        } catch {
            return error as? CrypTenError ?? CrypTenError(.invalidArgument, "\(error)")
        }
    }

    private static func dealer(
        _ transport: any Transport,
        _ kernels: any Kernels,
        _ configuration: SessionConfiguration
    ) async -> CrypTenError? {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                do {
                    try Dealer(transport: transport, kernels: kernels, configuration: configuration).serve()
                    continuation.resume(returning: nil)
                } catch {
                    continuation.resume(returning: error as? CrypTenError)
                }
            }
        }
    }

    @Test(
        "at any call of a LeNet run: an error that says so, for every member, nothing sent after it, nothing kept",
        .timeLimit(.minutes(10)),
        arguments: [0, 1, 2]
    )
    func everyCall(role: Int) async throws {
        let whole = try await run(failingAt: nil, role: role)
        #expect(whole.own == nil && whole.others.allSatisfy { $0 == nil } && whole.lateFrames == 0)
        #expect(whole.calls > 300)
        // Every call at a party with a share of the work ahead; at the others some of each kind.
        for call in stride(from: 0, to: whole.calls, by: role == 0 ? 1 : 5) {
            let outcome = try await run(failingAt: call, role: role)
            #expect(outcome.lateFrames == 0 && outcome.usedBytes == 0, "call \(call)")
            guard let own = outcome.own else {
                // Memory is overwritten after a run; what fails then is told by the next one, which there isn't.
                #expect(outcome.failedWiping, "call \(call) of \(whole.calls) failed, and nobody was told")
                continue
            }
            #expect(own.code == .deviceFailed, "call \(call): \(own)")
            #expect(outcome.others.contains { $0 != nil }, "call \(call)")
        }
    }

    /// Runs LeNet with one device for all, whose memory they share, and returns what all members threw, the dealer last.
    private func runShared(_ queue: ScriptedQueue) async throws -> [CrypTenError?] {
        let errors = try await errors([queue, queue, queue], 0, Late())
        for _ in 0..<200 where queue.counts.usedBytes > 0 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(queue.counts.usedBytes == 0)
        return errors
    }

    @Test(
        "that all share, at any call: nobody hangs, who hasn't ended says why, nothing is kept",
        .timeLimit(.minutes(10))
    )
    func everySharedCall() async throws {
        let whole = ScriptedQueue()
        #expect(try await runShared(whole).allSatisfy { $0 == nil })
        #expect(whole.counts.downloads == 2, "\(whole.counts)")
        for call in stride(from: 0, to: whole.calls, by: 3) {
            let queue = ScriptedQueue(failingAt: call)
            let errors = try await runShared(queue)
            guard errors.contains(where: { $0 != nil }) else {
                #expect(queue.failedWiping, "call \(call) of \(whole.calls) failed, and nobody was told")
                continue
            }
            #expect(errors.contains { $0?.code == .deviceFailed }, "call \(call): \(errors)")
            #expect(
                errors.allSatisfy { $0.map { [.deviceFailed, .partyFailed].contains($0.code) } ?? true },
                "call \(call): \(errors)"
            )
        }
    }

    @Test("that all share, and that has no room at a call: whoever asked says so, and who hasn't ended ends by it")
    func everySharedRefusal() async throws {
        let whole = ScriptedQueue()
        _ = try await runShared(whole)
        for call in stride(from: 0, to: whole.calls, by: 17) {
            let errors = try await runShared(ScriptedQueue(refusingAt: call))
            guard errors.contains(where: { $0 != nil }) else { continue }
            #expect(errors.count { $0?.code == .notEnoughDeviceMemory } == 1, "call \(call): \(errors)")
            #expect(
                errors.allSatisfy { $0.map { [.notEnoughDeviceMemory, .partyFailed].contains($0.code) } ?? true },
                "call \(call): \(errors)"
            )
        }
    }

    /// Frames that a member sends after something has failed.
    private final class Late: Sendable {
        private let state = Mutex((failed: false, frames: 0))

        var frames: Int { state.withLock { $0.frames } }

        func hasFailed() {
            state.withLock { $0.failed = true }
        }

        func sends() {
            state.withLock { if $0.failed { $0.frames += 1 } }
        }
    }

    private final class LateTransport: ForwardingTransport {
        let base: any Transport
        private let late: Late

        init(_ base: any Transport, _ late: Late) {
            (self.base, self.late) = (base, late)
        }

        func send(_ frame: Frame, to peer: Role, deadline: Deadline) throws {
            // Credit says nothing of anybody's data.
            if frame.kind != .credit { late.sends() }
            try base.send(frame, to: peer, deadline: deadline)
        }
    }
}
