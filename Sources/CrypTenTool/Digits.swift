import CrypTen
import CrypTenONNX
import Foundation

/// The demonstration: real handwritten digits and a network that was trained on others of them.
struct Digits {
    /// The folder with the network, the images and their labels; see ORIGIN.md there.
    private let folder: URL

    /// What the demonstration shows.
    struct Report: Encodable {
        var images: Int
        var labelsDiffer: Int
        var accuracyPrivate: Double
        var accuracyPlain: Double
        var maxLogitError: Double
        var rounds: Int
        var onlineBytesPerParty: [Int]
        var setupBytesPerParty: [Int]
        var dealerBytes: Int
        /// What the parties made themselves, where there was no dealer.
        var offline: OfflineReport?
        var seconds: Double
    }

    /// Finds the files beside the executable, where the build puts them.
    init() throws {
        let name = "swift-crypten_CrypTenTool"
        var folders = [Bundle.main.bundleURL, Bundle.main.resourceURL].compactMap { $0 }
        if let executable = Bundle.main.executableURL?.resolvingSymlinksInPath() {
            folders.append(executable.deletingLastPathComponent())
        }
        let candidates = folders.flatMap { folder in
            ["resources", "bundle"].map { folder.appendingPathComponent("\(name).\($0)/digits") }
        }
        guard let found = candidates.first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
            throw CrypTenError(
                .fileNotReadable,
                "the demonstration's data (\(name).resources) must lie beside the executable, where the build puts it"
            )
        }
        folder = found
    }

    /// The network's file.
    var model: URL { URL(fileURLWithPath: file("cnn.onnx")) }
    /// The folder of the page that has a drawn digit recognised.
    var page: URL { folder.deletingLastPathComponent().appendingPathComponent("page") }

    /// Classifies all images in processes of this machine, and in the clear.
    func classify(
        parties: Int,
        _ correlations: CorrelationSetting = .dealer,
        _ progress: @escaping @Sendable (String?, Double) -> Void
    ) async throws -> Report {
        let labels = try tensor("y_test.npy").integers ?? []
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("crypten-demo-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: output) }
        // A signal ends the run, and the folder with it.
        let end: @Sendable () -> Void = {}
        return try await Interruption.ending("all processes of this run were ended", with: end) {
            try await classify(parties: parties, correlations, labels, into: output, progress)
        }
    }

    private func classify(
        parties: Int,
        _ correlations: CorrelationSetting,
        _ labels: [Int64],
        into output: URL,
        _ progress: @escaping @Sendable (String?, Double) -> Void
    ) async throws -> Report {
        let run = LocalRun(
            parties: parties,
            fractionBits: SessionConfiguration().fractionBits,
            slabBits: SessionConfiguration().slabBits,
            correlations: correlations,
            inference: Inference(
                model: Part(file: NamedFile(name: nil, path: file("cnn.onnx")), owner: Inference.modelOwner),
                inputs: [Part(file: NamedFile(name: nil, path: file("x_test.npy")), owner: Inference.inputOwner)],
                outputDirectory: output.path
            )
        )
        let cost = try await run.run(progress)
        guard let path = cost.outputs.first?.file else {
            throw CrypTenError(.malformedFile, "the run gave no output")
        }
        let logits = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: path))
        let clear = try clearLogits()
        guard logits.shape == clear.shape, logits.shape.rank == 2, logits.shape[0] == labels.count else {
            throw CrypTenError(
                .shapeMismatch,
                "logits of shape \(logits.shape), where the clear ones have \(clear.shape)"
            )
        }
        let (found, expected) = (logits.rowWinners, clear.rowWinners)
        func accuracy(_ winners: [Int]) -> Double {
            Double(zip(winners, labels).count { $0 == Int($1) }) / Double(labels.count)
        }
        return Report(
            images: labels.count,
            labelsDiffer: zip(found, expected).count { $0 != $1 },
            accuracyPrivate: accuracy(found),
            accuracyPlain: accuracy(expected),
            maxLogitError: zip(logits.doubles, clear.doubles).map { abs($0 - $1) }.max() ?? 0,
            rounds: cost.rounds,
            onlineBytesPerParty: cost.onlineBytesPerParty,
            setupBytesPerParty: cost.setupBytesPerParty,
            dealerBytes: cost.dealerBytes,
            offline: cost.offline,
            seconds: cost.seconds
        )
    }

    private func file(_ name: String) -> String {
        folder.appendingPathComponent(name).path
    }

    private func tensor(_ name: String) throws -> Tensor {
        try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: file(name)))
    }

    /// The same network on the same images, in double.
    private func clearLogits() throws -> Tensor {
        let model = try ONNXModel(contentsOf: URL(fileURLWithPath: file("cnn.onnx")))
        let outputs = try ClearInference.outputs(of: model, inputs: [model.inputs[0].name: try tensor("x_test.npy")])
        guard let logits = outputs.first else { throw CrypTenError(.malformedFile, "the network has no output") }
        return logits
    }
}

extension Tensor {
    /// The position of the largest entry of each row of a matrix.
    fileprivate var rowWinners: [Int] {
        let (values, columns) = (doubles, shape[1])
        return (0..<shape[0]).map { row in
            let entries = values[(row * columns)..<((row + 1) * columns)]
            return (entries.indices.max { entries[$0] < entries[$1] } ?? row * columns) - row * columns
        }
    }
}
