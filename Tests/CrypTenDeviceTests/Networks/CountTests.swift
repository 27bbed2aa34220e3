import CrypTenDevice
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
        let members = try await withFixedMembers(queues.map { DeviceKernels(queue: $0) }, program)
        #expect(members.results.allSatisfy { !$0.isEmpty })
        return queues.map(\.counts)
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
