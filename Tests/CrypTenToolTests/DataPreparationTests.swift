import CrypTen
import Foundation
import Testing

@Suite("Data that are standardised and shuffled in secret, by the tool")
struct DataPreparationTests {
    private func read(_ path: String) throws -> [Double] {
        try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: path)).doubles
    }

    /// The columns of rows by the mean and deviation of others'.
    private func standardized(_ rows: [[Double]], by others: [[Double]]) -> [[Double]] {
        let count = Double(others.count)
        let means = others[0].indices.map { column in others.reduce(0) { $0 + $1[column] } / count }
        let deviations = means.indices.map { column in
            (others.reduce(0) { $0 + ($1[column] - means[column]) * ($1[column] - means[column]) } / count).squareRoot()
        }
        return rows.map { row in row.indices.map { (row[$0] - means[$0]) / deviations[$0] } }
    }

    @Test(
        "steps are those on standardised rows, tests go by the same statistics, and an order that nobody knows changes no whole batch",
        arguments: [2, 3]
    )
    func steps(parties: Int) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let (data, test) = (TrainingData(rows: 24, seed: 1), TrainingData(rows: 40, seed: 2))
        try data.write(columns: 0..<1, to: folder.path("a.npy"))
        try data.write(columns: 1..<4, to: folder.path("b.npy"))
        try data.write(labelsFor: .mse, to: folder.path("y.npy"))
        try test.write(to: folder.path("xt.npy"))
        try test.write(labelsFor: .mse, to: folder.path("yt.npy"))
        let run = try await Tool.run(
            [
                "train", "--model", "\(TrainingData.model("logistic"))@1", "--input", "x=\(folder.path("a.npy"))@0",
                "--input",
                "x=\(folder.path("b.npy"))@1", "--join", "x=columns", "--labels",
                "\(folder.path("y.npy"))@\(parties - 1)",
                "--loss", "mse", "--learning-rate", "0.1", "--epochs", "4", "--batch-size", "24", "--standardize", "x",
                "--shuffle", "secret", "--validation", "x=\(folder.path("xt.npy"))@0,y=\(folder.path("yt.npy"))",
                "--losses",
                folder.path("losses.npy"), "--export", "\(folder.path("trained.npz"))@0", "--local", "\(parties)",
                "--json",
            ]
        )
        try #require(run.code == 0, "\(run.stderr)")
        // Who gets the network gets what its inputs are standardised by.
        for (what, deviations) in [("mean", false), ("deviation", true)] {
            let told = try read(folder.path("trained.x-\(what).npy"))
            for column in 0..<4 {
                let values = data.x.map { $0[column] }
                let mean = values.reduce(0, +) / Double(values.count)
                let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
                #expect(abs(told[column] - (deviations ? variance.squareRoot() : mean)) < 2e-3)
            }
        }
        var reference = LinearReference(
            columns: 4,
            scores: 1,
            parameters: TrainingData.parameters(scores: 1),
            loss: .mse,
            rule: .sgd(rate: 0.1, momentum: 0, isNesterov: false, decay: 0)
        )
        let rows = standardized(data.x, by: data.x)
        let labels = data.labels(for: .mse)
        let losses = try read(folder.path("losses.npy"))
        try #require(losses.count == 4)
        for (step, loss) in losses.enumerated() {
            #expect(abs(loss - reference.step(rows, labels)) < 0.002, "step \(step + 1)")
        }
        let scores = standardized(test.x, by: data.x).map { reference.scores(of: $0)[0] }
        let error = zip(scores, test.labels(for: .mse)).reduce(0) { $0 + ($1.0 - $1.1[0]) * ($1.0 - $1.1[0]) } / 40
        let epochs = try #require(try run.json()["epochs"] as? [[String: Any]])
        let told = try #require(epochs[3]["scores"] as? [String: Double])
        #expect(abs(try #require(told["mean_squared_error"]) - error) < 0.005)
    }

    @Test("a plan says what they take: a shuffle a round a party, and one that masks", arguments: [2, 3])
    func plan(parties: Int) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let data = TrainingData(rows: 24, seed: 1)
        try data.write(to: folder.path("x.npy"))
        try data.write(labelsFor: .mse, to: folder.path("y.npy"))
        func rounds(_ options: [String]) async throws -> (rounds: Int?, dealt: Int?) {
            let run = try await Tool.run(
                [
                    "train", "--plan", "--model", TrainingData.model("logistic"), "--input",
                    "\(folder.path("x.npy"))@0",
                    "--labels", "\(folder.path("y.npy"))@1", "--loss", "mse", "--learning-rate", "0.1", "--local",
                    "\(parties)", "--json",
                ] + options
            )
            try #require(run.code == 0, "\(run.stderr)")
            let preparation = try run.json()["preparation"] as? [String: Any]
            return (preparation?["rounds"] as? Int, preparation?["dealer_bytes"] as? Int)
        }
        let (none, shuffled) = (try await rounds([]), try await rounds(["--shuffle", "secret"]))
        #expect(none.rounds == nil)
        #expect(shuffled.rounds == parties + 1)
        // Four columns and a label.
        let dealt = 8 * 24 * 5 * parties
        #expect((dealt + 1...dealt + 64).contains(try #require(shuffled.dealt)))
        let both = try await rounds(["--shuffle", "secret", "--standardize", "x"])
        #expect(try #require(both.rounds) > parties + 20)
        // A test's rows are standardised, too, in rounds of their own.
        let test = "x=\(folder.path("x.npy")),y=\(folder.path("y.npy"))"
        let tested = try await rounds(["--shuffle", "secret", "--standardize", "x", "--validation", test])
        #expect(try #require(tested.rounds) > #require(both.rounds))
        #expect(try #require(tested.dealt) > #require(both.dealt))
        let untouched = try await rounds(["--shuffle", "secret", "--validation", test])
        #expect(untouched.rounds == shuffled.rounds && untouched.dealt == shuffled.dealt)
    }

    @Test("a plan refuses an order that training refuses, and makes no folder")
    func planRefuses() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let data = TrainingData(rows: 12, seed: 1)
        try data.write(to: folder.path("x.npy"))
        try data.write(labelsFor: .mse, to: folder.path("y.npy"))
        try Tensor((0..<12).map { Int64($0) }, shape: [3, 4])
            .write(toNumpyFile: URL(fileURLWithPath: folder.path("order.npy")))
        for (epochs, code) in [("2", 1 as Int32), ("3", 0)] {
            let run = try await Tool.run(
                [
                    "plan", "--train", "--model", TrainingData.model("logistic"), "--input",
                    "\(folder.path("x.npy"))@0", "--labels", "\(folder.path("y.npy"))@1", "--loss", "mse",
                    "--learning-rate", "0.1", "--local", "2", "--order", folder.path("order.npy"), "--epochs", epochs,
                    "--checkpoint", folder.path("shares"),
                ]
            )
            #expect(run.code == code, "\(run.stderr)")
            if code == 1 {
                #expect(run.lastLine == "error: --order has 3 steps, which aren't 2 epochs of as many")
            }
            #expect(!FileManager.default.fileExists(atPath: folder.path("shares")))
        }
    }

    @Test("an input that there isn't is named before anything is sent")
    func refusal() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let data = TrainingData(rows: 8, seed: 1)
        try data.write(to: folder.path("x.npy"))
        try data.write(labelsFor: .mse, to: folder.path("y.npy"))
        for (options, message) in [
            (["--standardize", "z"], "--standardize z: the model has no such input; it has x"),
            (["--standardize", "x", "--standardize", "x"], "--standardize names x twice"),
            (["--shuffle", "well"], "well"),
        ] {
            let run = try await Tool.run(
                [
                    "train", "--model", TrainingData.model("logistic"), "--input", "\(folder.path("x.npy"))@0",
                    "--labels",
                    "\(folder.path("y.npy"))@1", "--loss", "mse", "--learning-rate", "0.1", "--local", "2",
                ] + options
            )
            #expect(run.code != 0 && run.stderr.contains(message), "\(run.stderr)")
        }
    }
}
