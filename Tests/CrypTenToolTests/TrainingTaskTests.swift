import CrypTen
import Foundation
import Testing

/// A network that PyTorch has trained in double, from first weights and through batches that are files.
struct TrainingTask: Sendable, Decodable, CustomTestStringConvertible {
    struct Score: Sendable, Decodable {
        var accuracy: Double
    }

    var name: String
    var data: String
    var loss: String
    var optimiser: String
    /// The optimiser's, by PyTorch's names.
    var numbers: [String: Double]
    var epochs: Int
    var steps: Int
    /// After each epoch.
    var scores: [Score]

    private enum CodingKeys: String, CodingKey {
        case name, data, loss, optimiser, numbers, epochs, steps
        case scores = "test_after_each_epoch"
    }

    var testDescription: String { name }

    /// The folder of larger models, where the environment names one.
    static let folder = ProcessInfo.processInfo.environment["CRYPTEN_MODELS"].map { URL(fileURLWithPath: $0) }

    static let names = ["cancer-logistic-vertical", "cancer-linear-svm", "cancer-network-vertical", "digits-cnn-adam"]

    init(named name: String) throws {
        let file = try #require(Self.folder).appendingPathComponent("training/\(name)/task.json")
        self = try JSONDecoder().decode(TrainingTask.self, from: Data(contentsOf: file))
    }

    func file(_ name: String) throws -> URL {
        try #require(Self.folder).appendingPathComponent("training/\(self.name)/\(name)")
    }

    /// What is read, of whom: columns of the first two parties, or all of the first's; labels and weights of the last.
    ///
    /// Parts of files are written to the folder.
    func arguments(parties: Int, in folder: TemporaryFolder) throws -> [String] {
        let source = try #require(Self.folder).appendingPathComponent(data)
        let labels = "\(source.appendingPathComponent("y_train.npy").path)@\(parties - 1)"
        let testLabels = "y=\(source.appendingPathComponent("y_test.npy").path)"
        var arguments = ["--model", "\(try file("init.onnx").path)@\(parties - 1)", "--labels", labels, "--loss", loss]
        guard name.hasSuffix("vertical") else {
            let test = "x=\(source.appendingPathComponent("x_test.npy").path),\(testLabels)"
            arguments += ["--input", "x=\(source.appendingPathComponent("x_train.npy").path)@0", "--validation", test]
            return arguments
        }
        var parts: [String] = []
        for set in ["train", "test"] {
            let whole = try Tensor(contentsOfNumpyFile: source.appendingPathComponent("x_\(set).npy"))
            let (rows, columns) = (whole.shape[0], whole.shape[1])
            let numbers = whole.doubles
            for (party, range) in [0..<columns / 2, columns / 2..<columns].enumerated() {
                let part = (0..<rows).flatMap { row in range.map { numbers[row * columns + $0] } }
                let path = folder.path("x_\(set)_\(party).npy")
                try Tensor(part, shape: [rows, range.count]).write(toNumpyFile: URL(fileURLWithPath: path))
                parts.append("x=\(path)@\(party)")
            }
        }
        arguments += ["--input", parts[0], "--input", parts[1], "--join", "x=columns"]
        return arguments + ["--validation", "\(parts[2]),\(parts[3]),\(testLabels)"]
    }

    /// The optimiser, as the command line has it.
    var optimizerArguments: [String] {
        let options = ["lr": "--learning-rate", "momentum": "--momentum", "weight_decay": "--weight-decay"]
        return ["--optimizer", optimiser.lowercased()]
            + numbers.sorted { $0.key < $1.key }.flatMap { name, number in
                options[name].map { [$0, "\(number)"] } ?? []
            }
    }
}

@Suite("Networks trained by parties follow PyTorch's", .serialized)
struct TrainingTaskTests {
    @Test(
        "losses are within 0.005 on 98 % of steps and 0.02 on all; the last accuracy is within half a point, or a row",
        .enabled(if: TrainingTask.folder != nil, "CRYPTEN_MODELS names no folder of larger models"),
        arguments: TrainingTask.names,
        [2, 3]
    )
    func task(name: String, parties: Int) async throws {
        let task = try TrainingTask(named: name)
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let arguments = try task.arguments(parties: parties, in: folder) + task.optimizerArguments
        let run = try await Tool.start(
            ["train"] + arguments + [
                "--epochs", "\(task.epochs)", "--order", task.file("order.npy").path, "--losses",
                folder.path("losses.npy"), "--local", "\(parties)", "--json",
            ],
            in: folder
        ).finish(within: .seconds(600))
        try #require(run.code == 0, "\(run.stderr)")
        let losses = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: folder.path("losses.npy"))).doubles
        let expected = try Tensor(contentsOfNumpyFile: task.file("losses.npy")).doubles
        try #require(losses.count == task.steps && expected.count == task.steps)
        let errors = zip(losses, expected).map { abs($0 - $1) }
        #expect(errors.allSatisfy { $0 < 0.02 })
        #expect(errors.filter { $0 < 0.005 }.count * 100 >= errors.count * 98)
        let epochs = try #require(run.json()["epochs"] as? [[String: Any]])
        try #require(epochs.count == task.scores.count)
        let last = try #require(epochs.last?["scores"] as? [String: Double])
        let rows = try Tensor(
            contentsOfNumpyFile: try #require(TrainingTask.folder).appendingPathComponent("\(task.data)/y_test.npy")
        ).shape[0]
        let difference = abs(try #require(last["accuracy"]) - task.scores[task.scores.count - 1].accuracy)
        #expect(difference <= max(0.005, 1.001 / Double(rows)))
        let figures = [errors.max()!, difference * 100].map { String(format: "%.5f", $0) }
        print(
            "training: \(name), \(parties) parties: losses within \(figures[0]), accuracy within \(figures[1]) points"
        )
    }
}
