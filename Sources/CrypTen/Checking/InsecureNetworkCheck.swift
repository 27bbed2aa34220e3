package import CrypTenDevice
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime

/// Whole networks on a device against the same ones on the processor: all frames and all results are equal to the byte.
///
/// Members are threads of this process whose secrets are fixed, so that a session which is run again sends the same.
///
/// > Warning: Nothing is secret in such a session. Its numbers follow from a seed.
package struct InsecureNetworkCheck: Sendable {
    private let queue: any DeviceQueue
    private let extent: DeviceCheck.Extent
    private let threads: Int

    private typealias Program = @Sendable (Session) async throws -> [Double]

    /// Who computes where: two parties, and the dealer last.
    private struct Members {
        var name: String
        var areOnDevice: [Bool]
        var residues: ResidueUse
    }

    /// - Parameters:
    ///   - queue: The device's.
    ///   - extent: `.short` takes one image, and one way.
    ///   - threads: The processor's, of each member.
    package init(_ queue: any DeviceQueue, extent: DeviceCheck.Extent, threads: Int) {
        (self.queue, self.extent, self.threads) = (queue, extent, threads)
    }

    /// Runs each network on the processor, and then on the device in several ways.
    ///
    /// - Parameters:
    ///   - starting: Is told of each row before it's compared.
    ///   - ended: Is told of each row: frames and results that were compared.
    /// - Throws: what fails at a member, such as `.deviceFailed`.
    package func run(starting: (String) -> Void = { _ in }, ended: (DeviceCheck.Row) -> Void) async throws {
        for (network, program) in networks {
            starting("\(network) on the processor")
            let processor = NativeKernels(threads: threads)
            let expected = try await withInsecureFixedMembers([processor, processor, processor], program)
            for members in ways {
                let name = "\(network), \(members.name)"
                starting(name)
                var settings = DeviceKernels.Settings.everything
                settings.residues = members.residues
                let kernels = members.areOnDevice.map { isOnDevice -> any Kernels in
                    isOnDevice ? DeviceKernels(queue: queue, settings: settings, threads: threads) : processor
                }
                let got = try await withInsecureFixedMembers(kernels, program)
                ended(Self.row(name, got, expected))
            }
        }
    }

    private var ways: [Members] {
        let all = Members(name: "word by word", areOnDevice: [true, true, true], residues: .never)
        if extent == .short { return [all] }
        return [
            all, Members(name: "by residues", areOnDevice: [true, true, true], residues: .always),
            Members(name: "party 0 alone on the device", areOnDevice: [true, false, false], residues: .large),
        ]
    }

    private static func row(
        _ name: String,
        _ got: InsecureFixedMembers<[Double]>,
        _ expected: InsecureFixedMembers<[Double]>
    ) -> DeviceCheck.Row {
        let links = Set(expected.transcript.keys).union(got.transcript.keys).sorted()
        let differing = links.filter { got.transcript[$0] != expected.transcript[$0] }
        var row = DeviceCheck.Row(
            name: name,
            words: expected.frames + expected.results.reduce(0) { $0 + $1.count },
            differing: differing.count
        )
        for (party, (result, right)) in zip(got.results, expected.results).enumerated() where result != right {
            row.differing += 1
            row.difference = row.difference ?? "party \(party)'s results"
        }
        if let first = differing.first {
            row.difference = "what went from \(first)" + (row.difference.map { ", and \($0)" } ?? "")
        }
        return row
    }

    // MARK: Networks

    private var networks: [(String, Program)] {
        if extent == .short { return [("LeNet with 1 image", { try await Self.leNet($0, images: 1) })] }
        return [
            ("LeNet with 2 images", { try await Self.leNet($0, images: 2) }),
            ("ResNet-18 with an image of 8 × 8", { try await Self.resNet($0) }),
        ]
    }

    private static func leNet(_ session: Session, images: Int) async throws -> [Double] {
        try await infer(session, LeNet(), [images, 1, 28, 28])
    }

    /// ResNet-18's blocks, widths and strides, as they are for small images.
    private static func resNet(_ session: Session) async throws -> [Double] {
        let network = ResNet(blocks: [2, 2, 2, 2], isBottleneck: false, classes: 5, smallImages: true)
        return try await infer(session, network, [1, 3, 8, 8])
    }

    /// Gives a network its first weights, and computes with it on numbers in [−1, 1].
    private static func infer<Model: Module & Layer>(
        _ session: Session,
        _ network: Model,
        _ shape: Shape
    ) async throws -> [Double] {
        var network = network
        let x = try await session.input(from: .party(0)) {
            var numbers = SeededGenerator(seed: 1, stream: 0)
            return Tensor((0..<shape.count).map { _ in Double(numbers.next() >> 40) / 8_388_608 - 1 }, shape: shape)
        }
        try await session.initialize(&network, owner: .party(1), seed: 3)
        return try await session.reveal(network.eval()(x), to: .all)?.doubles ?? []
    }
}
