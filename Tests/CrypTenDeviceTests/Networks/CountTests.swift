import CrypTenBase
import CrypTenDevice
import CrypTenRing
import CrypTenRuntime
import Synchronization
import Testing

@Suite("What a device is asked for", .serialized)
struct CountTests {
    /// What party 0's queue was asked for by the run behind `ready`.
    private func counts(
        _ program: @escaping @Sendable (Session, _ ready: () -> Void) async throws -> [Double]
    ) async throws -> ScriptedQueue.Counts {
        let queues = (0..<3).map { _ in ScriptedQueue() }
        let before = Counts()
        let members = try await withFixedMembers(queues.map { DeviceKernels(queue: $0) }, slabBits: 18) { session in
            try await program(session) {
                if session.party.index == 0 { before.counts.withLock { $0 = queues[0].counts } }
            }
        }
        #expect(members.results.allSatisfy { !$0.isEmpty })
        return queues[0].counts - before.counts.withLock { $0 }
    }

    private final class Counts: Sendable {
        let counts = Mutex(ScriptedQueue.Counts())
    }

    @Test("a run that a device has no room for is refused before anything is sent")
    func room() async throws {
        let kernels = DeviceKernels(queue: ScriptedQueue(memoryBytes: 600 << 20))
        await #expect(
            performing: {
                try await withFixedMembers([kernels, NativeKernels(threads: 1), NativeKernels(threads: 1)]) {
                    try await Programs.resNet18($0)
                }
            },
            throws: { ($0 as? CrypTenError)?.code == .notEnoughDeviceMemory }
        )
    }

    @Test("of ResNet-18: downloads are openings and results, no more")
    func resNet18() async throws {
        print(
            "resnet18",
            try await counts { try await Programs.resNet([2, 2, 2, 2], isBottleneck: false, $0, ready: $1) }
        )
    }

    @Test("of ResNet-50: few kernels")
    func resNet50() async throws {
        print(
            "resnet50",
            try await counts { try await Programs.resNet([3, 4, 6, 3], isBottleneck: true, $0, ready: $1) }
        )
    }

    @Test("of BERT-base: few kernels")
    func bertBase() async throws {
        print("bert", try await counts { try await Programs.bertBase($0, ready: $1) })
    }
}

extension ScriptedQueue.Counts {
    /// What came after it.
    static func - (_ all: Self, _ before: Self) -> Self {
        var counts = all
        counts.calls -= before.calls
        counts.launches.merge(before.launches.mapValues { -$0 }) { $0 + $1 }
        counts.uploads -= before.uploads
        counts.downloads -= before.downloads
        counts.blocks -= before.blocks
        return counts
    }
}
