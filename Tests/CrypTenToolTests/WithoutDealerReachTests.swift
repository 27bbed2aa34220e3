import CrypTen
import Foundation
import Testing

@Suite("Checks, predictions, limits of memory and plans of training without a dealer")
struct WithoutDealerReachTests {
    private let model = Tool.fixture("mlp.onnx")
    private let input = Tool.fixture("x_test.npy")

    /// The fixture's rows, again and again, as a file.
    private func input(rows: Int, in folder: TemporaryFolder) throws -> String {
        let once = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: input)).doubles
        let path = folder.path("x.npy")
        try Tensor((0..<rows * 30).map { once[$0 % once.count] }, shape: [rows, 30]).write(
            toNumpyFile: URL(fileURLWithPath: path)
        )
        return path
    }

    @Test("a checked inference follows what the parties make, and finds what it finds with a dealer")
    func checkedInference() async throws {
        let arguments = ["infer", "--check", "--model", model, "--input", input, "--local", "2", "--json"]
        let usual = try await Tool.run(arguments).json()
        let run = try await Tool.run(arguments + ["--dealer", "none"])
        #expect(run.code == 0 && run.stderr.isEmpty, "\(run.stderr)")
        let made = try run.json()
        let layers = try [usual, made].map { try #require($0["layers"] as? [[String: Any]]) }
        #expect(layers[0].count == layers[1].count && layers[0].count > 2)
        for (one, other) in zip(layers[0], layers[1]) {
            #expect(one["name"] as? String == other["name"] as? String)
            let largest = try [one, other].map { try #require($0["largest_magnitude"] as? Double) }
            #expect(abs(largest[0] - largest[1]) < 1e-3 * max(1, largest[0]))
            #expect(try #require(other["largest_error"] as? Double) < 0.005)
        }
        #expect((made["violations"] as? [Any])?.isEmpty == true)
        let suggested = try await Tool.run(arguments + ["--dealer", "none", "--suggest"])
        #expect(suggested.code == 0, "\(suggested.stderr)")
        #expect(try suggested.json()["fraction_bits"] is Int)
    }

    @Test("a checked training follows every step, and names the step in which a number leaves its range")
    func checkedTraining() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let arguments = try training(in: folder) + ["--check"]
        let good = try await Tool.run(arguments + ["--learning-rate", "0.1"])
        #expect(good.code == 0, "\(good.stderr)")
        let bad = try await Tool.run(arguments + ["--learning-rate", "10"])
        #expect(bad.code == 1 && bad.stdout.isEmpty)
        #expect(bad.lastLine.contains(try Regex("^error: epoch [0-9]+, step [1-3]: .+ / .+ is outside ±2\\^")))
    }

    /// Ten epochs of three steps.
    private func training(in folder: TemporaryFolder) throws -> [String] {
        let data = TrainingData(rows: 24, seed: 3)
        try data.write(to: folder.path("x.npy"))
        try data.write(labelsFor: .mse, to: folder.path("y.npy"))
        return [
            "train", "--model", TrainingData.model("logistic"), "--input", "x=\(folder.path("x.npy"))@0", "--labels",
            "\(folder.path("y.npy"))@1", "--loss", "mse", "--epochs", "10", "--batch-size", "8", "--local", "2",
            "--dealer", "none",
        ]
    }

    @Test(
        "a plan with a network says the seconds of the run and those of making its correlations, layer by layer and apart"
    )
    func predictions() async throws {
        let arguments = ["plan", "--model", model, "--input-shape", "x=3x30", "--dealer", "none"]
        let more = ["--network", "wan", "--threads", "1"]
        let plain = try await Tool.run(arguments + ["--json"]).json()
        let run = try await Tool.run(arguments + more + ["--json"])
        #expect(run.code == 0 && run.stderr.isEmpty, "\(run.stderr)")
        let plan = try run.json()
        #expect(plan["rounds"] as? Int == plain["rounds"] as? Int && plain["predicted_seconds"] == nil)
        let seconds = try #require(plan["predicted_seconds"] as? Double)
        let rounds = try #require(plan["rounds"] as? Int)
        #expect(seconds >= 0.02 * Double(rounds - 1))
        let layers = try #require(plan["layers"] as? [[String: Any]])
        #expect(abs(layers.reduce(0) { $0 + ($1["seconds"] as? Double ?? 0) } - seconds) <= 1e-6 * seconds)
        let parts = try #require(plan["predicted_parts"] as? [String: Double])
        #expect(parts["dealer"] == 0 && abs(parts.values.reduce(0, +) - seconds) <= 1e-6 * seconds)
        let offline = try #require(plan["offline"] as? [String: Any])
        #expect(offline["network"] as? String == "wan" && offline["seconds"] as? Double ?? 0 > 0)
        let text = try await Tool.run(arguments + more).stdout
        #expect(text.contains("predicted seconds online") && !text.contains("dealer"), "\(text)")
    }

    @Test("under a limit of memory slices are made and run in turn, and no process goes beyond it")
    func memoryLimit() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let rows = 114 * 150
        let arguments = [
            "infer", "--model", model, "--input", try input(rows: rows, in: folder), "--local", "2", "--dealer", "none",
            "--output-dir", folder.path("out"), "--json",
        ]
        func logits() throws -> Tensor {
            try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: folder.path("out/logits.npy")))
        }
        let whole = try await Tool.run(arguments).json()
        #expect(whole["slices"] as? Int == 1)
        let expected = try logits()
        let limit = 128 << 20
        let run = try await Tool.run(arguments + ["--memory-limit", "128MiB"])
        #expect(run.code == 0, "\(run.stderr)")
        let report = try run.json()
        let slices = try #require(report["slices"] as? Int)
        let rounds = try #require(whole["rounds"] as? Int)
        #expect(slices > 1 && report["rounds"] as? Int == slices * rounds)
        #expect(report["setup_bytes_per_party"] as? [Int] == whole["setup_bytes_per_party"] as? [Int])
        let peaks = try #require(report["peak_memory_bytes"] as? [Int])
        #expect(peaks.count == 2 && peaks.allSatisfy { $0 <= limit }, "\(peaks) of \(limit), \(slices) slices")
        #expect(zip(try logits().doubles, expected.doubles).allSatisfy { abs($0 - $1) < 0.005 })
    }

    @Test("a plan counts what comparing keys makes, and with what a session makes once it is what the parties count")
    func keys() async throws {
        let table = try OwnedTable()
        defer { table.folder.remove() }
        let joined = "--input x=%left.npy@0 --input x=%right.npy@1 --join x=columns --input z=%z.npy@0 --model %model@1"
        var transfers: [Int] = []
        for keys in ["", " --key %ids.npy@0 --key x=%customers.csv:id@1"] {
            let run = try await table.infer(joined + keys, parties: 2, more: ["--dealer", "none"])
            #expect(run.code == 0, "\(run.stderr)")
            let report = try run.json()
            let plan = try await Tool.run(["plan", "--json", "--dealer", "none"] + table.words(joined + keys)).json()
            #expect(plan["rounds"] as? Int == report["rounds"] as? Int)
            #expect(plan["online_bytes_per_party"] as? [Int] == report["online_bytes_per_party"] as? [Int])
            let planned = try #require(plan["offline"] as? [String: Any])
            let counted = try #require(report["offline"] as? [String: Any])
            let bytes = try ["bytes_per_party", "session_bytes_per_party"].map { try #require(planned[$0] as? [Int]) }
            #expect(zip(bytes[0], bytes[1]).map(+) == counted["bytes_per_party"] as? [Int])
            let exchanges = try ["exchanges", "session_exchanges"].map { try #require(planned[$0] as? Int) }
            #expect(exchanges.reduce(0, +) == counted["exchanges"] as? Int)
            transfers.append(try #require(planned["transfers"] as? Int))
            #expect(transfers.last == counted["transfers"] as? Int)
        }
        // Eight comparisons of digests' numbers, and one of how many are equal.
        #expect(transfers[1] > transfers[0])
    }

    @Test("a training's plan says what all steps make, which the parties then count")
    func trainingPlan() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let arguments = try training(in: folder) + ["--learning-rate", "0.1", "--json"]
        let run = try await Tool.run(arguments)
        #expect(run.code == 0, "\(run.stderr)")
        let spent = try #require(try run.json()["offline"] as? [String: Any])
        for option in [["--plan"], ["--plan", "--network", "wan"]] {
            let plan = try await Tool.run(arguments + option)
            #expect(plan.code == 0, "\(plan.stderr)")
            let report = try plan.json()
            #expect(report["steps"] as? Int == 30)
            let offline = try #require(report["offline"] as? [String: Any])
            for key in ["exchanges", "transfers"] { #expect(offline[key] as? Int == spent[key] as? Int, "\(key)") }
            #expect(offline["bytes_per_party"] as? [Int] == spent["bytes_per_party"] as? [Int])
            let step = try #require((report["step"] as? [String: Any])?["offline"] as? [String: Any])
            #expect(step["transfers"] as? Int ?? 0 > 0)
            #expect(report["data_bytes_at_dealer"] as? Int == 0)
            #expect((report["tensor_memory_bytes"] as? [Int])?.count == 2)
        }
        let text = try await Tool.run(arguments.filter { $0 != "--json" } + ["--plan"]).stdout
        #expect(text.contains("offline bytes in all, a party") && !text.contains("dealer"), "\(text)")
    }
}
