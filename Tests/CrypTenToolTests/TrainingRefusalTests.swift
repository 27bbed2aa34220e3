import CrypTen
import Foundation
import Testing

@Suite("What can't be trained is refused in one line, and nothing is written")
struct TrainingRefusalTests {
    /// The files of a run that would train, and where a test writes one that doesn't.
    private struct Files {
        let folder: TemporaryFolder
        let data = TrainingData(rows: 12, seed: 4)

        init() throws {
            folder = try TemporaryFolder()
            try data.write(to: path("x"))
            try data.write(labelsFor: .crossEntropy, to: path("y"))
        }

        func path(_ name: String) -> String { folder.path("\(name).npy") }

        func write(_ name: String, _ tensor: Tensor) throws {
            try tensor.write(toNumpyFile: URL(fileURLWithPath: path(name)))
        }
    }

    /// Trains the usual run with other files or options, and expects a refusal.
    private func expectRefusal(
        _ files: Files,
        model: String = "softmax",
        inputs: [String] = ["x@0"],
        labels: String = "y@1",
        loss: String = "cross-entropy",
        more: [String] = [],
        begins: Bool = false,
        _ message: String
    ) async throws {
        func owned(_ text: String) -> String { text.replacing("@", with: ".npy@") }
        let start = "\(files.folder.url.path)/"
        let losses = files.path("losses")
        let run = try await Tool.run(
            ["train", "--model", "\(TrainingData.model(model))@1", "--labels", start + owned(labels)]
                + inputs.flatMap { ["--input", "x=" + start + owned($0)] }
                + [
                    "--loss", loss, "--learning-rate", "0.1", "--losses", losses, "--export",
                    "\(files.folder.path("out.onnx"))@0", "--local", "2",
                ] + more
        )
        #expect(run.code == 1)
        #expect(run.stdout.isEmpty)
        let told = run.lastLine.replacing(start, with: "")
        #expect(begins ? told.hasPrefix("error: \(message)") : told == "error: \(message)")
        for written in [losses, files.folder.path("out.onnx")] {
            #expect(!FileManager.default.fileExists(atPath: written))
        }
    }

    @Test("labels are whole numbers of classes, one a row; the first that isn't is named")
    func labels() async throws {
        let files = try Files()
        defer { files.folder.remove() }
        var classes = files.data.classes
        for wrong: Int64 in [3, -1] {
            classes[5] = wrong
            try files.write("wrong", Tensor(classes, shape: [12]))
            try await expectRefusal(
                files,
                labels: "wrong@1",
                "wrong.npy: the label of row 5 is \(Double(wrong)), and labels are whole numbers from 0 to 2"
            )
        }
        try files.write("half", Tensor(classes.map { Double($0) + 0.5 }, shape: [12]))
        try await expectRefusal(
            files,
            labels: "half@1",
            "half.npy: the label of row 0 is \(Double(classes[0]) + 0.5), and labels are whole numbers from 0 to 2"
        )
        try files.write("cube", Tensor(files.data.classes, shape: [12, 1, 1]))
        try await expectRefusal(
            files,
            labels: "cube@1",
            "cube.npy has shape [12, 1, 1]: one label a row is taken, [N]"
        )
        try files.write("few", Tensor(Array(files.data.classes.prefix(11)), shape: [11]))
        try await expectRefusal(files, labels: "few@1", "--labels: inputs have 12 rows, and there are 11 labels")
        try files.write("signs", Tensor(files.data.bits.map { $0 * 2 - 1 }, shape: [12]))
        let first = try #require(files.data.bits.firstIndex(of: 0))
        try await expectRefusal(
            files,
            model: "logistic",
            labels: "signs@1",
            loss: "hinge",
            "signs.npy: the label of row \(first) is -1.0, and labels are whole numbers from 0 to 1"
        )
        try files.write("pairs", Tensor([Double](repeating: 0, count: 24), shape: [12, 2]))
        try await expectRefusal(
            files,
            labels: "pairs@1",
            loss: "mse",
            "pairs.npy has shape [12, 2], and the network gives 3 numbers a row"
        )
    }

    @Test("numbers must be finite and fit; the index is named", arguments: [Double.nan, .infinity, -1e12])
    func numbers(value: Double) async throws {
        let files = try Files()
        defer { files.folder.remove() }
        var numbers = files.data.x.flatMap { $0 }
        numbers[22] = value
        try files.write("wrong", Tensor(numbers, shape: [12, 4]))
        let why =
            value.isFinite
            ? "magnitudes below 1073741824.0 fit the fixed point, use fewer fraction bits" : "numbers must be finite"
        try await expectRefusal(
            files,
            inputs: ["wrong@0"],
            "wrong.npy: the number at index [5, 2] is \(value); \(why)"
        )
        try await expectRefusal(
            files,
            labels: "wrong@1",
            loss: "mse",
            "wrong.npy: the number at index [5, 2] is \(value); \(why)"
        )
    }

    @Test("parts of an input need a word on how they are joined, and names and shapes that the model has")
    func inputs() async throws {
        let files = try Files()
        defer { files.folder.remove() }
        try await expectRefusal(
            files,
            inputs: ["x@0", "x@1"],
            "2 parties have parts of input 'x': say whether they are rows or columns, --join x=rows"
        )
        try await expectRefusal(
            files,
            more: ["--join", "z=rows"],
            "--join z=rows: the model has no such input"
        )
        try await expectRefusal(
            files,
            more: ["--input", "z=\(files.path("x"))@0"],
            "the model has no input 'z'; it has x"
        )
        try await expectRefusal(
            files,
            inputs: ["x@0", "x@1"],
            more: ["--join", "x=columns"],
            "input 'x' takes shape [N, 4], not [12, 8] (N = 12)"
        )
        try await expectRefusal(files, model: "sides", "there is no input 'z', which the model takes")
        try files.write("row", Tensor([0, 0, 0, 0], shape: [4]))
        try await expectRefusal(files, inputs: ["row@0"], "input 'x' takes shape [N, 4], not [4]")
        try await expectRefusal(
            files,
            model: "fixed",
            more: ["--batch-size", "5"],
            "input 'x' takes shape [4, 4], not [5, 4]"
        )
        try await expectRefusal(files, inputs: ["nothing@0"], "nothing.npy: there is no such file")
    }

    @Test("words are whole numbers of rows of their table")
    func words() async throws {
        let files = try Files()
        defer { files.folder.remove() }
        for wrong: Int64 in [7, -1] {
            var words = [Int64](repeating: 3, count: 60)
            words[17] = wrong
            try files.write("words", Tensor(words, shape: [12, 5]))
            try await expectRefusal(
                files,
                model: "words",
                inputs: ["words@0"],
                "words.npy: the word at index 17 is \(wrong), and the model has words 0 to 6"
            )
        }
        try files.write("words", Tensor([Double](repeating: 0.5, count: 60), shape: [12, 5]))
        try await expectRefusal(
            files,
            model: "words",
            inputs: ["words@0"],
            "words.npy of shape [12, 5] doesn't hold whole numbers of words, a row each"
        )
    }

    @Test("an order holds rows that there are, for as many steps in each epoch")
    func orders() async throws {
        let files = try Files()
        defer { files.folder.remove() }
        let more = ["--order", files.path("order")]
        let rule = "--order holds a row of whole numbers from 0 to 11 for each step, [steps, batch]"
        for (numbers, shape): ([Int64], Shape) in [
            (Array(1...12), [3, 4]), (Array(-1...10), [3, 4]), (Array(0...11), [12]), ([], [0, 4]),
        ] {
            try files.write("order", Tensor(numbers, shape: shape))
            try await expectRefusal(files, more: more, "order.npy of shape \(shape): \(rule)")
        }
        try files.write("order", Tensor((0..<12).map(Double.init), shape: [3, 4]))
        try await expectRefusal(files, more: more, "order.npy of shape [3, 4]: \(rule)")
        try files.write("order", Tensor(Array(0..<12), shape: [3, 4]))
        try await expectRefusal(
            files,
            more: more + ["--epochs", "2"],
            "--order has 3 steps, which aren't 2 epochs of as many"
        )
    }

    @Test("a test's examples have as many rows as labels")
    func validation() async throws {
        let files = try Files()
        defer { files.folder.remove() }
        try files.data.write(rows: 0..<5, to: files.path("five"))
        try await expectRefusal(
            files,
            more: ["--validation", "x=\(files.path("five")),y=\(files.path("y"))"],
            "--validation: inputs have 5 rows, and there are 12 labels"
        )
        try await expectRefusal(
            files,
            more: ["--validation", "y=\(files.path("y"))"],
            "there is no validation input 'x', which the model takes"
        )
    }

    @Test("a loss takes scores of its shape")
    func losses() async throws {
        let files = try Files()
        defer { files.folder.remove() }
        try await expectRefusal(
            files,
            model: "logistic",
            "--loss cross-entropy takes a network that gives a score for each class, [N, C], and this one gives [12, 1]"
        )
        for loss in ["hinge", "binary-cross-entropy-with-logits"] {
            try await expectRefusal(
                files,
                loss: loss,
                "--loss \(loss) takes a network that gives one score a row, [N, 1], and this one gives [12, 3]"
            )
        }
    }

    @Test("a weight that no gradient reaches is named, with the operation where its path ends, unless it is frozen")
    func gradients() async throws {
        let files = try Files()
        defer { files.folder.remove() }
        try await expectRefusal(
            files,
            model: "ends",
            begins: true,
            "there is no gradient with respect to first.weight of shape [4, 3]: each path to it ends at an operation without a gradient: floor in layer /Floor"
        )
        let run = try await Tool.run(
            "train",
            "--model",
            TrainingData.model("ends"),
            "--input",
            "\(files.path("x"))@0",
            "--labels",
            "\(files.path("y"))@1",
            "--loss",
            "cross-entropy",
            "--learning-rate",
            "0.1",
            "--freeze",
            "first",
            "--local",
            "2"
        )
        #expect(run.code == 0, "\(run.stderr)")
        try await expectRefusal(files, more: ["--freeze", "fc"], "--freeze leaves no weight to train")
        try await expectRefusal(
            files,
            more: ["--freeze", "f"],
            "--freeze f: no weight's name begins with it; there are fc.weight, fc.bias"
        )
    }
}

#if os(Linux)
@Suite("Training by members that were started by hand", .serialized)
struct TrainingMembersTests {
    /// Two parties and their dealer.
    private final class Members {
        let folder: TemporaryFolder
        private let addresses: [String]
        private(set) var running: [Tool.Running] = []

        /// Starts them; `options` are what is different at a party.
        init(epochs: Int = 1, _ options: (_ party: Int, _ folder: TemporaryFolder) -> [String]) throws {
            folder = try TemporaryFolder()
            addresses = try FreePorts.find(3)
            let data = TrainingData(rows: 12, seed: 4)
            try data.write(to: folder.path("x.npy"))
            try data.write(labelsFor: .crossEntropy, to: folder.path("y.npy"))
            try start(["dealer", "--listen", addresses[2], "--parties", "2"])
            for party in 0..<2 {
                // Who doesn't have a file gives it another name.
                func path(_ name: String, of owner: Int) -> String {
                    party == owner ? name : "elsewhere/\(URL(fileURLWithPath: name).lastPathComponent)"
                }
                try start(
                    [
                        "train", "--id", "\(party)", "--parties", addresses[0..<2].joined(separator: ","), "--dealer",
                        addresses[2], "--session", "training", "--model",
                        "\(path(TrainingData.model("softmax"), of: 1))@1", "--input",
                        "x=\(path(folder.path("x.npy"), of: 0))@0", "--labels",
                        "\(path(folder.path("y.npy"), of: 1))@1", "--loss", "cross-entropy", "--learning-rate", "0.1",
                        "--epochs", "\(epochs)", "--batch-size", "4",
                    ] + options(party, folder)
                )
            }
        }

        private func start(_ arguments: [String]) throws {
            let place = TemporaryFolder(url: folder.url.appendingPathComponent("\(running.count)"))
            try FileManager.default.createDirectory(at: place.url, withIntermediateDirectories: true)
            running.append(try Tool.start(arguments, in: place))
        }

        /// A party; the dealer is started first.
        func party(_ index: Int) -> Tool.Running { running[index + 1] }

        func end() {
            for member in running where member.process.isRunning { kill(member.process.processIdentifier, SIGKILL) }
            folder.remove()
        }
    }

    @Test("each names its own files; losses are written where they are told, and the network where it is exported to")
    func otherPaths() async throws {
        let members = try Members { party, folder in
            let losses = folder.path("losses\(party).npy")
            return ["--losses", losses, "--export", party == 1 ? "\(folder.path("out.onnx"))@1" : "mine.onnx@1"]
        }
        defer { members.end() }
        for party in 0..<2 {
            let run = try await members.party(party).finish()
            #expect(run.code == 0, "\(run.stderr)")
            // The other is told no loss, and has no table.
            #expect(run.stdout.hasPrefix("epoch ") == (party == 0))
            #expect(run.stdout.contains("in \(members.folder.path("out.onnx"))") == (party == 1))
        }
        #expect(FileManager.default.fileExists(atPath: members.folder.path("out.onnx")))
        #expect(FileManager.default.fileExists(atPath: members.folder.path("losses0.npy")))
        #expect(!FileManager.default.fileExists(atPath: members.folder.path("losses1.npy")))
    }

    @Test(
        "an option that two were told differently is named, and both end",
        arguments: [
            (["--reveal-loss-every", "1"], "--reveal-loss-every, which is 1 with --losses"),
            (["--freeze", "fc.bias"], "--freeze"),
            (["--momentum", "0.9"], "--optimizer and its numbers"), (["--to", "1"], "--to"),
            (["--seed", "1"], "--seed"), (["--shuffle", "secret"], "--standardize and --shuffle"),
            (["--loss-scale", "2"], "--loss-scale"),
        ]
    )
    func differences(options: [String], name: String) async throws {
        let members = try Members { party, _ in party == 1 ? options : [] }
        defer { members.end() }
        let (first, second) = (try await members.party(0).finish(), try await members.party(1).finish())
        #expect(first.code == 1 && second.code == 1)
        #expect(first.lastLine.hasPrefix("error: party 1 gave up: "))
        #expect(
            second.lastLine
                == "error: party 1 and party 0 were told different things by \(name): all parties are told the same but for paths of files"
        )
    }

    @Test("a label that is none is named at its owner alone")
    func labels() async throws {
        let members = try Members { party, folder in
            // The later of two is taken.
            party == 1 ? ["--labels", "\(folder.path("x.npy"))@1"] : []
        }
        defer { members.end() }
        let (first, second) = (try await members.party(0).finish(), try await members.party(1).finish())
        #expect(first.code == 1 && second.code == 1)
        #expect(second.lastLine.contains("x.npy has shape [12, 4]: one label a row is taken, [N]"))
        #expect(first.lastLine.contains("an input of its can't be used; its owner knows why"))
        #expect(!first.lastLine.contains("[12, 4]"))
    }

    @Test("when one is killed in the middle the other ends with an error that names it", arguments: [0, 1])
    func killed(victim: Int) async throws {
        let members = try Members(epochs: 100_000) { _, folder in
            ["--reveal-loss-every", "1", "--losses", folder.path("losses.npy")]
        }
        defer { members.end() }
        // Connected; what follows for half a second is training, or on a slow machine what comes before it.
        for party in 0..<2 {
            for _ in 0..<4000 where try !members.party(party).text("stderr").contains("party \(party): connected") {
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        try await Task.sleep(for: .milliseconds(500))
        #expect(members.party(0).process.isRunning && members.party(1).process.isRunning)
        kill(members.party(victim).process.processIdentifier, SIGKILL)
        let run = try await members.party(1 - victim).finish()
        #expect(run.code == 1)
        // It saw it itself, or was told by the dealer, which did.
        #expect(run.lastLine.contains("the connection to party \(victim) ") && run.lastLine.contains(" ended"))
    }
}
#endif
