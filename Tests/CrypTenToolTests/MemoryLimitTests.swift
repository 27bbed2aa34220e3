import CrypTen
import Foundation
import Testing

@Suite("Batches in slices that fit a memory limit")
struct MemoryLimitTests {
    /// The fixture's rows, again and again, as a file.
    private func input(rows: Int, in folder: TemporaryFolder) throws -> String {
        let once = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: Tool.fixture("x_test.npy")))
        let numbers = (0..<rows * 30).map { once.doubles[$0 % once.doubles.count] }
        let path = folder.path("x.npy")
        try Tensor(numbers, shape: [rows, 30]).write(toNumpyFile: URL(fileURLWithPath: path))
        return path
    }

    private func infer(
        _ model: String,
        _ input: String,
        _ folder: TemporaryFolder,
        _ more: [String]
    ) async throws
        -> Tool.Run
    {
        try await Tool.run(
            [
                "infer", "--model", model, "--input", input, "--output-dir", folder.path("out"), "--json",
            ] + more
        )
    }

    private func logits(_ folder: TemporaryFolder) throws -> Tensor {
        try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: folder.path("out/logits.npy")))
    }

    /// The model with another batch: the same number of bytes, in which the dimension's name becomes a number.
    private func model(fixedBatch: UInt8, in folder: TemporaryFolder) throws -> String {
        let file = try Data(contentsOf: URL(fileURLWithPath: Tool.fixture("mlp.onnx")))
        let fixed = file.replacing(
            Data([0x0A, 0x03, 0x12, 0x01, 0x4E]),
            with: Data([0x0A, 0x03, 0x08, fixedBatch | 0x80, 0])
        )
        #expect(fixed != file)
        try fixed.write(to: URL(fileURLWithPath: folder.path("fixed.onnx")))
        return folder.path("fixed.onnx")
    }

    @Test("slices give the whole batch's outputs, in one file, and cost as many runs", arguments: [2, 3])
    func slices(parties: Int) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let rows = 114 * 150
        let x = try input(rows: rows, in: folder)
        let whole = try await infer(Tool.fixture("mlp.onnx"), x, folder, ["--local", "\(parties)"]).json()
        #expect(whole["slices"] as? Int == 1)
        let expected = try logits(folder)
        let run = try await infer(
            Tool.fixture("mlp.onnx"),
            x,
            folder,
            ["--local", "\(parties)", "--memory-limit", "48MiB"]
        )
        #expect(run.code == 0, "\(run.stderr)")
        let report = try run.json()
        let slices = try #require(report["slices"] as? Int)
        #expect(slices > 1)
        let values = try logits(folder)
        #expect(values.shape == [rows, 2])
        guard case .float = values.elements else {
            Issue.record("the output has the model's own type, float32")
            return
        }
        #expect(zip(values.doubles, expected.doubles).allSatisfy { abs($0 - $1) < 0.005 })
        #expect(report["rounds"] as? Int == slices * (try #require(whole["rounds"] as? Int)))
        // The weights are masked once.
        #expect(report["setup_bytes_per_party"] as? [Int] == whole["setup_bytes_per_party"] as? [Int])
        let outputs = try #require(report["outputs"] as? [[String: Any]])
        #expect(outputs[0]["shape"] as? [Int] == [rows, 2])
        #expect(outputs[0]["file"] as? String == folder.path("out/logits.npy"))
    }

    @Test("a batch that fits runs as a whole, at the same cost")
    func fits() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let (model, x) = (Tool.fixture("mlp.onnx"), Tool.fixture("x_test.npy"))
        let plain = try await infer(model, x, folder, ["--local", "2"]).json()
        let limited = try await infer(model, x, folder, ["--local", "2", "--memory-limit", "1.5GiB"]).json()
        #expect(limited["slices"] as? Int == 1)
        for key in ["rounds", "dealer_bytes"] { #expect(limited[key] as? Int == plain[key] as? Int) }
        #expect(limited["online_bytes_per_party"] as? [Int] == plain["online_bytes_per_party"] as? [Int])
    }

    @Test("a model that fixes its batch gets slices of that, or says why not")
    func fixedBatch() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let model = try model(fixedBatch: 57, in: folder)
        let limit = ["--local", "2", "--memory-limit", "1GiB"]
        let run = try await infer(model, Tool.fixture("x_test.npy"), folder, limit)
        #expect(run.code == 0, "\(run.stderr)")
        #expect(try run.json()["slices"] as? Int == 2)
        let expected = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: Tool.fixture("mlp.logits.npy")))
        #expect(zip(try logits(folder).doubles, expected.doubles).allSatisfy { abs($0 - $1) < 0.005 })

        let odd = try await infer(model, try input(rows: 100, in: folder), folder, limit)
        #expect(odd.code == 1)
        #expect(odd.stdout.isEmpty)
        #expect(
            odd.lastLine
                == "error: the model fixes its batch at 57, and 100 isn't a multiple of it: no slices fit the model"
        )
    }

    @Test(
        "sizes that are none, and limits that nothing fits, end with 64 and what to write",
        arguments: [
            ("2", "'2' has no unit: write a number and MiB or GiB, as in 800MiB or 1.5GiB"),
            ("lotsMiB", "'lotsMiB' is no size: write a number and MiB or GiB, as in 800MiB or 1.5GiB"),
            ("MiB", "'MiB' is no size: write a number and MiB or GiB, as in 800MiB or 1.5GiB"),
            ("nanGiB", "'nanGiB' is no size: write a number and MiB or GiB, as in 800MiB or 1.5GiB"),
            ("0GiB", "'0GiB' is too little for a process: choose 48MiB or more"),
            ("12MiB", "'12MiB' is too little for a process: choose 48MiB or more"),
            ("1e300GiB", "'1e300GiB' is more than any machine has"),
        ]
    )
    func sizes(size: String, message: String) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let run = try await infer("m.onnx", "x.npy", folder, ["--local", "2", "--memory-limit", size])
        #expect(run.code == 64)
        #expect(run.stdout.isEmpty)
        #expect(run.stderr.contains(message))
    }

    @Test("a limit and a prepared run exclude each other; only party 0 and the dealer take one")
    func refusals() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        for option in [["--prepare"], ["--prepared-file", folder.path("runs")]] {
            let run = try await infer("m.onnx", "x.npy", folder, ["--local", "2", "--memory-limit", "1GiB"] + option)
            #expect(run.code == 64)
            #expect(run.stderr.contains("--prepare deals ahead: leave one out"))
        }
        let party = try await Tool.run(
            "party",
            "--id",
            "1",
            "--model",
            "m.onnx",
            "--parties",
            "127.0.0.1:1,127.0.0.1:2",
            "--dealer",
            "127.0.0.1:3",
            "--session",
            "s",
            "--memory-limit",
            "1GiB"
        )
        #expect(party.code == 64)
        #expect(party.stderr.contains("--memory-limit belongs to party 0 and to the dealer, and this is party 1"))
    }

    @Test("a plan tells what a run's values take, more for a larger batch")
    func plan() async throws {
        func memory(_ rows: Int) async throws -> (parties: [Int], dealer: Int) {
            let plan = try await Tool.run(
                "plan",
                "--model",
                Tool.fixture("mlp.onnx"),
                "--input-shape",
                "x=\(rows)x30",
                "--parties",
                "3",
                "--json"
            ).json()
            return (
                try #require(plan["memory_bytes_per_party"] as? [Int]),
                try #require(plan["dealer_memory_bytes"] as? Int)
            )
        }
        let (small, large) = (try await memory(100), try await memory(10_000))
        #expect(small.parties.count == 3)
        #expect(zip(small.parties, large.parties).allSatisfy { $0 > 0 && 20 * $0 < $1 })
        #expect(large.dealer > 20 * small.dealer)
    }

    @Test("what `plan --train` says that tensors take, each member's took when it trains, within a tenth")
    func training() async throws {
        let digits = Tool.executable.deletingLastPathComponent()
            .appendingPathComponent("swift-crypten_CrypTenTool.resources/digits").path
        let options = [
            "--model", "\(digits)/cnn.onnx@1", "--input", "x=\(digits)/x_test.npy@0", "--labels",
            "\(digits)/y_test.npy@1", "--loss", "cross-entropy", "--optimizer", "adam", "--learning-rate", "0.001",
            "--batch-size", "360", "--epochs", "12", "--local", "2", "--json",
        ]
        func memory(_ command: [String]) async throws -> [Int] {
            let run = try await Tool.run(command + options)
            try #require(run.code == 0, "\(run.stderr)")
            return try #require(try run.json()["tensor_memory_bytes"] as? [Int])
        }
        let (said, was) = (try await memory(["plan", "--train"]), try await memory(["train"]))
        try #require(said.count == 3 && was.count == 3)
        #expect(was.allSatisfy { $0 > 25 << 20 })
        for (said, was) in zip(said, was) { #expect(abs(said - was) * 10 < was, "\(said) said, \(was) seen") }
    }
}
