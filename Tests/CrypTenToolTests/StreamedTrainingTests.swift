import CrypTen
import Foundation
import Testing

@Suite("Training on data that are streamed")
struct StreamedTrainingTests {
    private func arguments(_ folder: TemporaryFolder, joins: String) throws -> [String] {
        let data = TrainingData(rows: 24, seed: 1)
        if joins == "rows" {
            try data.write(rows: 0..<10, to: folder.path("a.npy"))
            try data.write(rows: 10..<24, to: folder.path("b.npy"))
        } else {
            try data.write(columns: 0..<1, to: folder.path("a.npy"))
            try data.write(columns: 1..<4, to: folder.path("b.npy"))
        }
        try data.write(labelsFor: .crossEntropy, to: folder.path("y.npy"))
        return [
            "train", "--model", "\(TrainingData.model("softmax"))@1", "--input", "x=\(folder.path("a.npy"))@0",
            "--input",
            "x=\(folder.path("b.npy"))@1", "--join", "x=\(joins)", "--labels", "\(folder.path("y.npy"))@1", "--loss",
            "cross-entropy", "--learning-rate", "0.5", "--batch-size", "7", "--seed", "3", "--local", "2", "--json",
        ]
    }

    private func losses(_ path: String) throws -> [Double] {
        try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: path)).doubles
    }

    @Test("losses, rounds and plans are those of kept data", arguments: ["rows", "columns"])
    func streamed(joins: String) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let options = try arguments(folder, joins: joins) + ["--epochs", "2"]
        var reports: [[String: Any]] = []
        var told: [[Double]] = []
        for way in ["--stream", "--no-stream"] {
            let run = try await Tool.run(options + [way, "--losses", folder.path("losses.npy")])
            try #require(run.code == 0, "\(run.stderr)")
            reports.append(try run.json())
            told.append(try losses(folder.path("losses.npy")))
        }
        try #require(told[0].count == 8 && told[1].count == 8)
        for (one, other) in zip(told[0], told[1]) { #expect(abs(one - other) < 2e-3) }
        for key in ["rounds", "plans", "steps"] {
            #expect(reports[0][key] as? Int == reports[1][key] as? Int, "\(key)")
        }
        let sent = try reports.map { try #require($0["online_bytes_per_party"] as? [Int]) }
        let setup = try reports.map { try #require($0["setup_bytes_per_party"] as? [Int]) }
        #expect(sent[0][0] > sent[1][0] && sent[0][1] > sent[1][1] && setup[0][1] < setup[1][1])
    }

    @Test("training that goes on from a checkpoint goes on at the right batch")
    func resumed() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let options = try arguments(folder, joins: "rows") + ["--stream"]
        func run(_ more: [String], _ name: String) async throws -> [Double] {
            let run = try await Tool.run(options + more + ["--losses", folder.path("\(name).npy")])
            try #require(run.code == 0, "\(run.stderr)")
            return try losses(folder.path("\(name).npy"))
        }
        let whole = try await run(["--epochs", "3"], "whole")
        let kept = ["--checkpoint", folder.path("kept")]
        _ = try await run(["--epochs", "1"] + kept, "part")
        let resumed = try await run(["--epochs", "3", "--resume"] + kept, "part")
        try #require(whole.count == 12 && resumed.count == 12)
        for (one, other) in zip(resumed, whole) { #expect(abs(one - other) < 2e-3) }
    }

    @Test("what doesn't fit in the memory that is given is streamed, and the plan says so before")
    func chosen() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        // Numbers that are there only in the file's length: 2²⁰ rows take 64 MiB, masked, and their labels more.
        let rows = 1 << 20
        for (name, shape) in [("x", "\(rows), 4"), ("y", "\(rows), ")] {
            let type = name == "x" ? "<f4" : "<i8"
            var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(shape)), }"
            header += String(repeating: " ", count: 117 - header.utf8.count) + "\n"
            var bytes = Data([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, UInt8(header.utf8.count), 0])
            bytes.append(contentsOf: Array(header.utf8))
            try bytes.write(to: URL(fileURLWithPath: folder.path("\(name).npy")))
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: folder.path("\(name).npy")))
            try file.truncate(atOffset: UInt64(bytes.count + rows * (name == "x" ? 16 : 8)))
            try file.close()
        }
        try Tensor((0..<16).map { Int64($0 * 65_535) }, shape: [2, 8])
            .write(toNumpyFile: URL(fileURLWithPath: folder.path("order.npy")))
        let options = [
            "train", "--model", "\(TrainingData.model("softmax"))@1", "--input", "x=\(folder.path("x.npy"))@0",
            "--labels", "\(folder.path("y.npy"))@1", "--loss", "cross-entropy", "--learning-rate", "0.5", "--order",
            folder.path("order.npy"), "--local", "2", "--json",
        ]
        for (more, isStreamed) in [(["--data-memory", "48MiB"], true), (["--data-memory", "4GiB"], false)] {
            let plan = try await Tool.run(options + more + ["--plan"])
            try #require(plan.code == 0, "\(plan.stderr)")
            let report = try plan.json()
            #expect(report["is_streamed"] as? Bool == isStreamed)
            #expect(report["kept_data_bytes_per_party"] as? Int == 16 * 7 * rows)
            guard isStreamed else { continue }
            let run = try await Tool.run(options + more)
            try #require(run.code == 0, "\(run.stderr)")
            let setup = try #require(run.json()["setup_bytes_per_party"] as? [Int])
            // A batch of eight rows, and no more, is masked before the first step.
            #expect(setup[0] < 4096, "\(setup)")
        }
    }

    @Test("a label that there isn't is named with its row in the file")
    func wrongLabel() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let options = try arguments(folder, joins: "rows")
        var labels = (0..<24).map { Int64($0 % 3) }
        labels[17] = 5
        try Tensor(labels, shape: [24]).write(toNumpyFile: URL(fileURLWithPath: folder.path("y.npy")))
        let run = try await Tool.run(options + ["--stream"])
        #expect(run.code != 0 && run.stderr.contains("number 17") && run.stderr.contains("y.npy"), "\(run.stderr)")
    }
}
