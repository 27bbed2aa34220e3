import CrypTen
import CrypTenBase
import CrypTenDevice
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Synchronization
import Testing

/// Of one run at party 0 of two, in slabs for devices, with weights that are held: what a device that computes nothing was asked for.
@Suite("What a device is asked for", .serialized)
struct CountTests {
    private struct Asked {
        var counts: DeviceCounts
        /// What the party has sent to the other in the run, headers included.
        var onlineBytes: Int
        var results: Int
    }

    private func asked(
        _ program: @escaping @Sendable (Session, _ ready: () -> Void) async throws -> [Double]
    ) async throws -> Asked {
        let queues = (0..<3).map { _ in ScriptedQueue() }
        let before = Box(DeviceCounts())
        let bytes = Box(0)
        let members = try await withInsecureFixedMembers(queues.map { DeviceKernels(queue: $0) }, slabBits: 18) {
            session in
            let result = try await program(session) {
                if session.party.index == 0 { before.value.withLock { $0 = queues[0].counts } }
            }
            let spent = try await session.statistics.onlineBytes
            if session.party.index == 0 { bytes.value.withLock { $0 = spent } }
            return result
        }
        return Asked(
            counts: queues[0].counts - before.value.withLock { $0 },
            onlineBytes: bytes.value.withLock { $0 },
            results: members.results[0].count
        )
    }

    private final class Box<Value: Sendable>: Sendable {
        let value: Mutex<Value>

        init(_ value: Value) {
            self.value = Mutex(value)
        }
    }

    /// What a session has asked for is what a plan says of it; but for what goes up, where the session's first run brings weights that are there
    /// in the next.
    private func check(_ asked: Asked, _ network: (inout Rehearsal) throws -> CrypTensor) throws {
        var rehearsal = try Rehearsal(parties: 2, fractionBits: SessionConfiguration().fractionBits, slabBits: 18)
        let output = try network(&rehearsal)
        let planned = try rehearsal.counts(of: [output], on: KnownDevice.profile())
        func parts(_ counts: DeviceCounts) -> [String: [Int]] {
            Dictionary(
                uniqueKeysWithValues: counts.kernels.map { name, kernel in
                    let work = kernel.work
                    let parts = [
                        kernel.launches, work.bytes, work.amount, work.depth, work.sines, work.multiplications,
                    ]
                    return (name.rawValue, parts)
                }
            )
        }
        #expect(parts(planned) == parts(asked.counts))
        #expect(planned.downloads == asked.counts.downloads)
        #expect(planned.downloadedBytes == asked.counts.downloadedBytes)
    }

    @Test("of ResNet-18: it copies openings and results to the host, and no more")
    func downloads() async throws {
        let asked = try await asked { try await Programs.resNet([2, 2, 2, 2], isBottleneck: false, $0, ready: $1) }
        #expect(asked.results == 1000)
        // What was revealed is a sum of two shares, of which the party has sent its own: the rest of what it downloads, it sends.
        let opened = asked.counts.downloadedBytes - 8 * asked.results
        #expect(opened <= asked.onlineBytes && opened > asked.onlineBytes * 99 / 100, "\(asked)")
        #expect(asked.counts.downloads == 116)
        try check(asked) { try Programs.resNet([2, 2, 2, 2], isBottleneck: false, &$0) }
    }

    @Test("of ResNet-50: 1,477 kernels")
    func resNet50() async throws {
        let asked = try await asked { try await Programs.resNet([3, 4, 6, 3], isBottleneck: true, $0, ready: $1) }
        #expect(asked.counts.launches <= 1477, "\(asked)")
        try check(asked) { try Programs.resNet([3, 4, 6, 3], isBottleneck: true, &$0) }
    }

    @Test("of BERT-base with 128 words: 5,577 kernels")
    func bertBase() async throws {
        let asked = try await asked { try await Programs.bertBase($0, ready: $1) }
        #expect(asked.counts.launches <= 5577, "\(asked)")
        try check(asked) { try Programs.bertBase(&$0) }
    }

    @Test("a run that a device has no room for is refused before anything is sent")
    func room() async throws {
        let kernels = DeviceKernels(queue: ScriptedQueue(memoryBytes: 600 << 20))
        await #expect(
            performing: {
                try await withInsecureFixedMembers([kernels, NativeKernels(threads: 1), NativeKernels(threads: 1)]) {
                    try await Programs.resNet18($0)
                }
            },
            throws: { ($0 as? CrypTenError)?.code == .notEnoughDeviceMemory }
        )
    }
}
