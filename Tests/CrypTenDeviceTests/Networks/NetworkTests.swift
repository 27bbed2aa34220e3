import CrypTenDevice
import CrypTenRing
import CrypTenRuntime
import Testing

@Suite(
    "Sessions on devices",
    .enabled(if: !usable.isEmpty, "OpenCL finds no device on this machine"),
    .serialized
)
struct NetworkTests {
    private static let native = NativeKernels(threads: 1)

    private static func onDevice(_ settings: DeviceKernels.Settings = .everything) throws -> any Kernels {
        DeviceKernels(queue: try queues.get()[0], settings: settings)
    }

    /// Who computes on the device, by role, the dealer last: all, one alone, all but one. Those who do hand words over.
    private static func mixtures(_ roles: Int) -> [[Bool]] {
        let alone = (0..<roles).map { role in (0..<roles).map { $0 == role } }
        return [[Bool](repeating: true, count: roles)] + alone + alone.map { $0.map { !$0 } }
    }

    private func check(
        _ parties: Int,
        _ mixtures: [[Bool]],
        _ program: @escaping @Sendable (Session) async throws -> [Double]
    ) async throws {
        let roles = parties + 1
        let expected = try await withInsecureFixedMembers(
            [any Kernels](repeating: Self.native, count: roles),
            program
        )
        #expect(expected.results.allSatisfy { !$0.isEmpty && $0 == expected.results[0] })
        #expect(expected.frames > 0 && expected.transcript.count >= 2 * parties)
        for mixture in mixtures {
            let kernels = try mixture.map { $0 ? try Self.onDevice() : Self.native as any Kernels }
            let members = try await withInsecureFixedMembers(kernels, program)
            #expect(members.results == expected.results, "\(mixture)")
            #expect(members.transcript == expected.transcript, "\(mixture)")
        }
    }

    @Test("LeNet: all frames and results of every mixture of devices and processors are equal", arguments: [2, 3])
    func leNet(parties: Int) async throws {
        try await check(parties, Self.mixtures(parties + 1), Programs.leNet)
    }

    @Test("A small ResNet, a small BERT and a step of training: all frames and results are equal")
    func others() async throws {
        let mixtures = [[true, true, true], [true, false, false], [false, true, true]]
        try await check(2, mixtures, Programs.resNet)
        try await check(2, mixtures, Programs.bert)
        try await check(2, mixtures, Programs.training)
    }

    @Test("What is small stays on the host, and changes nothing")
    func small() async throws {
        let expected = try await withInsecureFixedMembers(
            [any Kernels](repeating: Self.native, count: 3),
            Programs.training
        )
        let kernels = try (0..<3).map { _ in try Self.onDevice(DeviceKernels.Settings()) }
        let members = try await withInsecureFixedMembers(kernels, Programs.training)
        #expect(members.results == expected.results)
        #expect(members.transcript == expected.transcript)
    }
}
