import CrypTen
import CrypTenDevice
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

@Suite("What a device is asked for", .serialized)
struct CountTests {
    /// What the parties' queues and the dealer's were asked for, the dealer's last.
    private func counts(
        _ program: @escaping @Sendable (Session) async throws -> [Double]
    ) async throws -> [ScriptedQueue.Counts] {
        let queues = (0..<3).map { _ in ScriptedQueue() }
        let members = try await withInsecureFixedMembers(queues.map { DeviceKernels(queue: $0) }, slabBits: 18, program)
        #expect(members.results.allSatisfy { !$0.isEmpty })
        return queues.map(\.counts)
    }

    @Test("of trace")
    func trace() async throws {
        let queues = (0..<3).map { _ in ScriptedQueue() }
        _ = try await withInsecureFixedMembers(queues.map { DeviceKernels(queue: $0) }, slabBits: 18) { session in
            var layer = Conv2d(8, 8, kernelSize: 3, padding: 1)
            try await session.initialize(&layer, owner: .party(1), seed: 3)
            let x = try await session.input(from: .party(0)) {
                Tensor([Double](repeating: 0.5, count: 8 * 4096), shape: [1, 8, 64, 64])
            }
            return try await session.reveal(layer(x).relu(), to: .all)?.doubles ?? []
        }
        for (role, queue) in queues.enumerated() { print("TRACE", role, queue.log.joined(separator: " | ")) }
    }

    @Test("of ResNet-18")
    func resNet18() async throws {
        print("resnet18", try await counts(Programs.resNet18))
    }

    @Test("of ResNet-50")
    func resNet50() async throws {
        print("resnet50", try await counts(Programs.resNet50))
    }

    @Test("of BERT-base")
    func bertBase() async throws {
        print("bert", try await counts(Programs.bertBase))
    }
}
