import CrypTen
import Foundation
import Testing

@Suite("Training, from the command line to the trained network")
struct TrainingTests {
    /// Whose the examples are.
    enum Layout: String, Sendable {
        case onePartys = "one party's"
        case rows
        case columns
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var loss: LinearReference.Loss
        var rule: LinearReference.Rule
        var options: [String]
        var layout: Layout

        var scores: Int { loss == .crossEntropy ? 3 : 1 }
        var testDescription: String { "\(loss.rawValue), \(layout.rawValue): \(options.joined(separator: " "))" }
    }

    static let cases: [Case] = [
        Case(
            loss: .crossEntropy,
            rule: .sgd(rate: 0.5, momentum: 0, isNesterov: false, decay: 0),
            options: ["--learning-rate", "0.5"],
            layout: .rows
        ),
        Case(
            loss: .binaryCrossEntropy,
            rule: .adam(rate: 0.05),
            options: ["--optimizer", "adam", "--learning-rate", "0.05"],
            layout: .columns
        ),
        Case(
            loss: .hinge,
            rule: .sgd(rate: 0.1, momentum: 0.9, isNesterov: true, decay: 0.01),
            options: ["--learning-rate", "0.1", "--momentum", "0.9", "--nesterov", "--weight-decay", "0.01"],
            layout: .onePartys
        ),
        Case(
            loss: .mse,
            rule: .rmsprop(rate: 0.01),
            options: ["--optimizer", "rmsprop", "--learning-rate", "0.01"],
            layout: .columns
        ),
        Case(
            loss: .l1,
            rule: .adagrad(rate: 0.1),
            options: ["--optimizer", "adagrad", "--learning-rate", "0.1"],
            layout: .rows
        ),
    ]

    private func read(_ path: String) throws -> [Double] {
        try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: path)).doubles
    }

    /// Writes an order of batches of eight, so many epochs of three steps, and gives it.
    private func order(epochs: Int, to path: String) throws -> [[Int]] {
        // 5, 7 and 11 have no divisor in common with 24: each epoch sees every row once.
        let rows = (0..<epochs).flatMap { epoch in (0..<24).map { ($0 * [5, 7, 11][epoch % 3] + epoch) % 24 } }
        try Tensor(rows.map(Int64.init), shape: [epochs * 3, 8]).write(toNumpyFile: URL(fileURLWithPath: path))
        return (0..<epochs * 3).map { Array(rows[$0 * 8..<($0 + 1) * 8]) }
    }

    private func options(_ layout: Layout, _ data: TrainingData, in folder: TemporaryFolder) throws -> [String] {
        switch layout {
        case .onePartys:
            try data.write(to: folder.path("x.npy"))
            return ["--input", "x=\(folder.path("x.npy"))@0"]
        case .rows:
            try data.write(rows: 0..<10, to: folder.path("a.npy"))
            try data.write(rows: 10..<data.x.count, to: folder.path("b.npy"))
        case .columns:
            try data.write(columns: 0..<1, to: folder.path("a.npy"))
            try data.write(columns: 1..<4, to: folder.path("b.npy"))
        }
        return [
            "--input", "x=\(folder.path("a.npy"))@0", "--input", "x=\(folder.path("b.npy"))@1", "--join",
            "x=\(layout.rawValue)",
        ]
    }

    @Test(
        "each step's loss is within 0.001 of that of the same step in double, and so are the exported network's scores",
        arguments: cases,
        [2, 3]
    )
    func steps(of example: Case, parties: Int) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let (data, test) = (TrainingData(rows: 24, seed: 1), TrainingData(rows: 40, seed: 2))
        try data.write(labelsFor: example.loss, to: folder.path("y.npy"))
        try test.write(to: folder.path("xt.npy"))
        try test.write(labelsFor: example.loss, to: folder.path("yt.npy"))
        let order = try order(epochs: 3, to: folder.path("order.npy"))
        var arguments = ["train", "--model", "\(TrainingData.model(example.scores == 3 ? "softmax" : "logistic"))@1"]
        arguments += try options(example.layout, data, in: folder)
        // With three parties the labels are a third one's.
        arguments += ["--labels", "\(folder.path("y.npy"))@\(parties - 1)", "--loss", example.loss.rawValue]
        arguments += example.options + ["--epochs", "3", "--order", folder.path("order.npy")]
        arguments += ["--validation", "x=\(folder.path("xt.npy"))@0,y=\(folder.path("yt.npy"))"]
        arguments += ["--losses", folder.path("losses.npy"), "--export", "\(folder.path("out.onnx"))@0"]
        let run = try await Tool.run(arguments + ["--local", "\(parties)", "--json"])
        try #require(run.code == 0, "\(run.stderr)")

        var reference = LinearReference(
            columns: 4,
            scores: example.scores,
            parameters: TrainingData.parameters(scores: example.scores),
            loss: example.loss,
            rule: example.rule
        )
        let labels = data.labels(for: example.loss)
        let losses = try read(folder.path("losses.npy"))
        try #require(losses.count == order.count)
        let report = try run.json()
        let epochs = try #require(report["epochs"] as? [[String: Any]])
        try #require(epochs.count == 3)
        for (step, rows) in order.enumerated() {
            let expected = reference.step(rows.map { data.x[$0] }, rows.map { labels[$0] })
            #expect(abs(losses[step] - expected) < 0.001, "step \(step + 1)")
            guard step % 3 == 2 else { continue }
            let scores = try #require(epochs[step / 3]["scores"] as? [String: Double])
            let wanted = score(reference, on: test)
            #expect(abs(try #require(scores[wanted.name]) - wanted.value) < wanted.error, "epoch \(step / 3 + 1)")
            let mean = losses[step - 2...step].reduce(0, +) / 3
            #expect(abs(try #require(epochs[step / 3]["loss"] as? Double) - mean) < 1e-9)
        }
        #expect(report["parties"] as? Int == parties)
        #expect(report["steps"] as? Int == order.count)
        #expect(report["exports"] as? [String] == [folder.path("out.onnx")])

        let inference = try await Tool.run(
            "infer",
            "--model",
            folder.path("out.onnx"),
            "--input",
            "x=\(folder.path("xt.npy"))",
            "--output-dir",
            folder.path("out"),
            "--local",
            "2"
        )
        try #require(inference.code == 0, "\(inference.stderr)")
        let expected = test.x.flatMap { reference.scores(of: $0) }
        let scores = try read(folder.path("out/scores.npy"))
        #expect(scores.count == expected.count && zip(scores, expected).allSatisfy { abs($0 - $1) < 0.001 })
    }

    /// What the tool tells of a test, and how far it may be off.
    ///
    /// No accuracy hangs on a score that rounding could turn.
    private func score(
        _ reference: LinearReference,
        on test: TrainingData
    ) -> (name: String, value: Double, error: Double) {
        let scores = test.x.map { reference.scores(of: $0) }
        let hits: [Bool]
        switch reference.loss {
        case .crossEntropy:
            hits = zip(scores, test.classes).map { row, label in row[Int(label)] == row.max() }
            #expect(
                scores.allSatisfy {
                    let sorted = $0.sorted(by: >)
                    return sorted[0] - sorted[1] > 0.0005
                }
            )
        case .binaryCrossEntropy, .hinge:
            hits = zip(scores, test.bits).map { row, label in (row[0] > 0) == (label == 1) }
            #expect(scores.allSatisfy { abs($0[0]) > 0.0005 })
        case .mse, .l1:
            let squares = zip(scores, test.amounts).map { row, label in (row[0] - label) * (row[0] - label) }
            return ("mean_squared_error", squares.reduce(0, +) / Double(squares.count), 0.001)
        }
        return ("accuracy", Double(hits.filter { $0 }.count) / Double(hits.count), 1e-9)
    }

    @Test("without an order batches are drawn by the seed, and the last one may be smaller")
    func seeded() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let data = TrainingData(rows: 24, seed: 3)
        try data.write(labelsFor: .crossEntropy, to: folder.path("y.npy"))
        let run = try await Tool.run(
            ["train", "--model", TrainingData.model("softmax")] + options(.onePartys, data, in: folder)
                + [
                    "--labels", "\(folder.path("y.npy"))@1", "--loss", "cross-entropy", "--learning-rate", "0.25",
                    "--epochs", "2", "--batch-size", "10", "--seed", "7", "--losses", folder.path("losses.npy"),
                    "--local", "2",
                ]
        )
        try #require(run.code == 0, "\(run.stderr)")
        let losses = try read(folder.path("losses.npy"))
        let batches = (0..<2).flatMap { BatchOrder(count: 24, batchSize: 10, seed: 7).batches(ofEpoch: $0) }
        #expect(batches.map(\.count) == [10, 10, 4, 10, 10, 4])
        try #require(losses.count == batches.count)
        var reference = LinearReference(
            columns: 4,
            scores: 3,
            parameters: TrainingData.parameters(scores: 3),
            loss: .crossEntropy,
            rule: .sgd(rate: 0.25, momentum: 0, isNesterov: false, decay: 0)
        )
        for (step, rows) in batches.enumerated() {
            let expected = reference.step(rows.map { data.x[$0] }, rows.map { [Double(data.classes[$0])] })
            #expect(abs(losses[step] - expected) < 0.001, "step \(step + 1)")
        }
    }

    @Test("the loss of every second step is told to whom --to names, and of no other step")
    func toldLosses() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let data = TrainingData(rows: 24, seed: 3)
        try data.write(labelsFor: .hinge, to: folder.path("y.npy"))
        let arguments =
            try ["train", "--model", TrainingData.model("logistic")] + options(.onePartys, data, in: folder) + [
                "--labels", "\(folder.path("y.npy"))@1", "--loss", "hinge", "--learning-rate", "0.1", "--epochs", "2",
                "--batch-size", "8", "--local", "3", "--json",
            ]
        let told = try await Tool.run(
            arguments + ["--reveal-loss-every", "2", "--to", "2", "--losses", folder.path("losses.npy")]
        )
        try #require(told.code == 0, "\(told.stderr)")
        let losses = try read(folder.path("losses.npy"))
        #expect(losses.map(\.isNaN) == [true, false, true, false, true, false])
        let epochs = try #require(told.json()["epochs"] as? [[String: Any]])
        #expect(abs(try #require(epochs[0]["loss"] as? Double) - losses[1]) < 1e-9)
        #expect(abs(try #require(epochs[1]["loss"] as? Double) - (losses[3] + losses[5]) / 2) < 1e-9)
        let untold = try await Tool.run(arguments)
        try #require(untold.code == 0, "\(untold.stderr)")
        let silent = try #require(untold.json()["epochs"] as? [[String: Any]])
        #expect(silent.count == 2 && silent.allSatisfy { $0["loss"] == nil && $0["scores"] == nil })
    }

    @Test("a frozen weight is exported to the bit as it was, and the other goes its way")
    func frozen() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let data = TrainingData(rows: 24, seed: 5)
        try data.write(labelsFor: .crossEntropy, to: folder.path("y.npy"))
        let order = try order(epochs: 2, to: folder.path("order.npy"))
        let run = try await Tool.run(
            ["train", "--model", TrainingData.model("softmax")] + options(.columns, data, in: folder) + [
                "--labels", "\(folder.path("y.npy"))@0", "--loss", "cross-entropy", "--learning-rate", "0.5",
                "--epochs", "2", "--order", folder.path("order.npy"), "--freeze", "fc.weight", "--losses",
                folder.path("losses.npy"), "--export", "\(folder.path("out.onnx"))@1", "--local", "2",
            ]
        )
        try #require(run.code == 0, "\(run.stderr)")
        var reference = LinearReference(
            columns: 4,
            scores: 3,
            parameters: TrainingData.parameters(scores: 3),
            loss: .crossEntropy,
            rule: .sgd(rate: 0.5, momentum: 0, isNesterov: false, decay: 0)
        )
        reference.trained = 12..<15
        let losses = try read(folder.path("losses.npy"))
        for (step, rows) in order.enumerated() {
            let expected = reference.step(rows.map { data.x[$0] }, rows.map { [Double(data.classes[$0])] })
            #expect(abs(losses[step] - expected) < 0.001, "step \(step + 1)")
        }
        func bytes(_ numbers: [Double]) -> Data {
            numbers.reduce(into: Data()) { data, number in
                withUnsafeBytes(of: Float(number).bitPattern.littleEndian) { data.append(contentsOf: $0) }
            }
        }
        // What is left of a file without the weight, in which the bias would be found, too.
        func rest(_ path: String) throws -> Data {
            var file = try Data(contentsOf: URL(fileURLWithPath: path))
            let weight = bytes(TrainingData.numbers(from: 0, count: 12))
            file.removeSubrange(try #require(file.range(of: weight), "\(path) has the weight as it was"))
            return file
        }
        let bias = bytes(TrainingData.numbers(from: 100, count: 3))
        #expect(try rest(TrainingData.model("softmax")).range(of: bias) != nil)
        #expect(try rest(folder.path("out.onnx")).range(of: bias) == nil)
    }

    @Test("a network of two inputs, of two parties, is trained as one of all columns", arguments: [2, 3])
    func sides(parties: Int) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let (data, more) = (TrainingData(rows: 24, seed: 8), TrainingData(rows: 24, seed: 9))
        try data.write(to: folder.path("x.npy"))
        try more.write(columns: 0..<2, to: folder.path("z.npy"))
        try data.write(labelsFor: .crossEntropy, to: folder.path("y.npy"))
        let order = try order(epochs: 2, to: folder.path("order.npy"))
        let run = try await Tool.run(
            "train",
            "--model",
            "\(TrainingData.model("sides"))@0",
            "--input",
            "z=\(folder.path("z.npy"))@1",
            "--input",
            "x=\(folder.path("x.npy"))@0",
            "--labels",
            "\(folder.path("y.npy"))@\(parties - 1)",
            "--loss",
            "cross-entropy",
            "--learning-rate",
            "0.5",
            "--epochs",
            "2",
            "--order",
            folder.path("order.npy"),
            "--losses",
            folder.path("losses.npy"),
            "--local",
            "\(parties)"
        )
        try #require(run.code == 0, "\(run.stderr)")
        // The file has its weights by column, the reference by score; there is no bias.
        let (left, right) = (TrainingData.numbers(from: 0, count: 12), TrainingData.numbers(from: 50, count: 6))
        var weight: [Double] = []
        for score in 0..<3 {
            weight += (0..<4).map { left[$0 * 3 + score] }
            weight += (0..<2).map { right[$0 * 3 + score] }
        }
        var reference = LinearReference(
            columns: 6,
            scores: 3,
            parameters: weight + [0, 0, 0],
            loss: .crossEntropy,
            rule: .sgd(rate: 0.5, momentum: 0, isNesterov: false, decay: 0)
        )
        reference.trained = 0..<18
        let losses = try read(folder.path("losses.npy"))
        try #require(losses.count == order.count)
        for (step, rows) in order.enumerated() {
            let expected = reference.step(
                rows.map { data.x[$0] + more.x[$0].prefix(2) },
                rows.map { [Double(data.classes[$0])] }
            )
            #expect(abs(losses[step] - expected) < 0.001, "step \(step + 1)")
        }
    }

    @Test("words of two parties' texts train the table that they are looked up in", arguments: [2, 3])
    func words(parties: Int) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        // The mean of rows of a table is its product with the parts of each word in a text.
        let texts: [[Int]] = (0..<24).map { row in
            (0..<5).map { (place: Int) -> Int in (row * 3 + place * place + row / 7) % 7 }
        }
        let classes = texts.map { Int64($0.filter { $0 < 3 }.count % 3) }
        let parts = texts.map { text in
            (0..<7).map { word in Double(text.filter { $0 == word }.count) / 5 }
        }
        func write(_ rows: Range<Int>, to name: String) throws {
            try Tensor(texts[rows].flatMap { $0 }.map(Int64.init), shape: [rows.count, 5])
                .write(toNumpyFile: URL(fileURLWithPath: folder.path(name)))
        }
        try write(0..<11, to: "a.npy")
        try write(11..<24, to: "b.npy")
        try Tensor(classes, shape: [24]).write(toNumpyFile: URL(fileURLWithPath: folder.path("y.npy")))
        let order = try order(epochs: 2, to: folder.path("order.npy"))
        let run = try await Tool.run(
            "train",
            "--model",
            "\(TrainingData.model("words"))@1",
            "--input",
            "x=\(folder.path("a.npy"))@0",
            "--input",
            "x=\(folder.path("b.npy"))@1",
            "--join",
            "rows",
            "--labels",
            "\(folder.path("y.npy"))@\(parties - 1)",
            "--loss",
            "cross-entropy",
            "--learning-rate",
            "1",
            "--epochs",
            "2",
            "--order",
            folder.path("order.npy"),
            "--losses",
            folder.path("losses.npy"),
            "--local",
            "\(parties)"
        )
        try #require(run.code == 0, "\(run.stderr)")
        let table = TrainingData.numbers(from: 0, count: 21)
        var reference = LinearReference(
            columns: 7,
            scores: 3,
            parameters: (0..<3).flatMap { score in (0..<7).map { table[$0 * 3 + score] } } + [0, 0, 0],
            loss: .crossEntropy,
            rule: .sgd(rate: 1, momentum: 0, isNesterov: false, decay: 0)
        )
        reference.trained = 0..<21
        let losses = try read(folder.path("losses.npy"))
        try #require(losses.count == order.count)
        for (step, rows) in order.enumerated() {
            let expected = reference.step(rows.map { parts[$0] }, rows.map { [Double(classes[$0])] })
            #expect(abs(losses[step] - expected) < 0.001, "step \(step + 1)")
        }
    }

    @Test("one batch of all rows, one row, and batches of an extent that the file fixes are trained on")
    func extents() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let data = TrainingData(rows: 24, seed: 3)
        try data.write(rows: 0..<1, to: folder.path("row.npy"))
        try Tensor(Array(data.classes.prefix(1)), shape: [1])
            .write(toNumpyFile: URL(fileURLWithPath: folder.path("label.npy")))
        try data.write(to: folder.path("x.npy"))
        try data.write(labelsFor: .crossEntropy, to: folder.path("y.npy"))
        for (model, x, y, size, steps) in [
            ("softmax", "x", "y", 100, 1), ("softmax", "row", "label", 32, 1), ("fixed", "x", "y", 4, 6),
        ] {
            let run = try await Tool.run(
                "train",
                "--model",
                TrainingData.model(model),
                "--input",
                "\(folder.path("\(x).npy"))@0",
                "--labels",
                "\(folder.path("\(y).npy"))@0",
                "--loss",
                "cross-entropy",
                "--learning-rate",
                "0.1",
                "--batch-size",
                "\(size)",
                "--local",
                "2",
                "--json"
            )
            try #require(run.code == 0, "\(run.stderr)")
            #expect(try run.json()["steps"] as? Int == steps)
        }
    }

    @Test("in the clear, a rate that throws numbers out of their range ends with the step and the layer")
    func leavingTheRange() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let data = TrainingData(rows: 24, seed: 3)
        try data.write(labelsFor: .mse, to: folder.path("y.npy"))
        let arguments =
            try ["train", "--model", TrainingData.model("logistic")] + options(.onePartys, data, in: folder) + [
                "--labels", "\(folder.path("y.npy"))@1", "--loss", "mse", "--epochs", "10", "--batch-size", "8",
                "--local", "2", "--check", "--losses", folder.path("losses.npy"),
            ]
        let good = try await Tool.run(arguments + ["--learning-rate", "0.1"])
        #expect(good.code == 0, "\(good.stderr)")
        try FileManager.default.removeItem(atPath: folder.path("losses.npy"))
        // Errors grow eightfold and more a step.
        let bad = try await Tool.run(arguments + ["--learning-rate", "10"])
        #expect(bad.code == 1)
        #expect(bad.stdout.isEmpty)
        #expect(bad.lastLine.contains(try Regex("^error: epoch [0-9]+, step [1-3]: .+ / .+ is outside ±2\\^")))
        #expect(!FileManager.default.fileExists(atPath: folder.path("losses.npy")))
    }
}
