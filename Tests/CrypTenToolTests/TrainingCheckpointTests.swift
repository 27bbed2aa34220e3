#if os(Linux)
import CrypTen
import Foundation
import Testing

@Suite("Training that is killed goes on", .serialized)
struct TrainingCheckpointTests {
    private let folder: TemporaryFolder
    private let options: [String]
    private static let isLong = ProcessInfo.processInfo.environment["CRYPTEN_LONG_TESTS"] != nil
    /// How often training is killed, at most; each step waits for disks, which may be slow.
    private static let kills = isLong ? 20 : 5
    /// So many that it isn't over before, where disks are fast.
    private static let epochs = kills * (isLong ? 20 : 8)

    init() throws {
        folder = try TemporaryFolder()
        let data = TrainingData(rows: 24, seed: 1)
        try data.write(to: folder.path("x.npy"))
        try data.write(labelsFor: .crossEntropy, to: folder.path("y.npy"))
        options = [
            "train", "--model", "\(TrainingData.model("softmax"))@1", "--input", "x=\(folder.path("x.npy"))@0",
            "--labels", "\(folder.path("y.npy"))@1", "--loss", "cross-entropy", "--optimizer", "adam",
            "--learning-rate", "0.02", "--batch-size", "8", "--epochs", "\(Self.epochs)", "--local", "2", "--json",
        ]
    }

    private func checkpointed(_ name: String, every steps: Int = 1) -> [String] {
        options + [
            "--checkpoint", folder.path(name), "--checkpoint-every", "\(steps)", "--losses", folder.path("\(name).npy"),
            "--export", "\(folder.path("\(name).npz"))@0",
        ]
    }

    private func losses(_ name: String) throws -> [Double] {
        try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: folder.path("\(name).npy"))).doubles
    }

    /// The processes that another one has started.
    private func children(of parent: Int32) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { process in
            guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
            // What follows the name, which may hold anything: state, parent.
            let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
            return fields.count > 2 && Int32(fields[2]) == parent
        }.sorted()
    }

    @Test("whichever member is killed at whichever moment, it ends where it would have without")
    func killed() async throws {
        defer { folder.remove() }
        let whole = try await Tool.run(checkpointed("whole"))
        #expect(whole.code == 0, "\(whole.stderr)")
        let expected = try losses("whole")
        try #require(expected.count == Self.epochs * 3)
        var (kills, state) = (0, 0x5EED as UInt64)
        func random(_ below: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % below
        }
        var last: Tool.Run?
        for attempt in 0..<Self.kills * 4 where last?.code != 0 {
            let place = TemporaryFolder(url: folder.url.appendingPathComponent("\(attempt)"))
            try FileManager.default.createDirectory(at: place.url, withIntermediateDirectories: true)
            let running = try Tool.start(checkpointed("killed") + ["--resume"], in: place)
            if kills < Self.kills {
                try await Task.sleep(for: .milliseconds(150 + random(500)))
                let members = children(of: running.process.processIdentifier)
                if !members.isEmpty, running.process.isRunning {
                    kill(members[random(members.count)], SIGKILL)
                    kills += 1
                }
            }
            last = try await running.finish()
            // One that was killed in its last moments may have ended as it should.
            if last?.code != 0 { #expect(last?.lastLine.hasPrefix("error: ") == true, "\(last?.stderr ?? "")") }
        }
        let report = try #require(try last?.json(), "\(last?.stderr ?? "")")
        let found = try losses("killed")
        print("training was killed \(kills) times; the last run went on from step \(report["resumed_at"] ?? "0")")
        #expect(kills > 0 && found.count == expected.count)
        for (step, loss) in found.enumerated() where !loss.isNaN {
            #expect(abs(loss - expected[step]) < 2e-3, "step \(step + 1)")
        }
        // What was told after the newest checkpoint of a killed run is told again; what came before it is in the file.
        #expect(found.count { $0.isNaN } == 0)
        let weights = try ["whole", "killed"].map { name in
            try WeightsFile.tensors(of: URL(fileURLWithPath: folder.path("\(name).npz")))
        }
        for (one, other) in zip(weights[0], weights[1]) {
            #expect(one.name == other.name)
            #expect(zip(one.tensor.doubles, other.tensor.doubles).allSatisfy { abs($0 - $1) < 2e-3 }, "\(one.name)")
        }
    }

    @Test("checkpoints are sealed with a passphrase of a file or of standard input, and opened by no other")
    func passphrase() async throws {
        defer { folder.remove() }
        let short = checkpointed("sealed", every: 3).map { $0 == "\(Self.epochs)" ? "1" : $0 }
        for (name, text) in [("right", "some words\n"), ("wrong", "other words\n")] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: folder.path(name)))
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder.path(name))
        }
        let begun = try await Tool.run(short + ["--checkpoint-passphrase-file", folder.path("right")])
        #expect(begun.code == 0, "\(begun.stderr)")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path("sealed"))
        #expect(files.count == 2 && files.allSatisfy { $0.hasSuffix(".sealed") })
        let longer = short.map { $0 == "1" ? "2" : $0 } + ["--resume"]
        let wrong = try await Tool.run(longer + ["--checkpoint-passphrase-file", folder.path("wrong")])
        #expect(wrong.code == 1 && wrong.lastLine.contains("this passphrase doesn't open it"), "\(wrong.lastLine)")
        let without = try await Tool.run(longer)
        #expect(without.code == 1 && without.lastLine.contains("it is sealed"), "\(without.lastLine)")
        let right = try await Tool.run(
            longer + ["--checkpoint-passphrase-file", "-"],
            input: "some words\n"
        )
        #expect(right.code == 0, "\(right.stderr)")
        #expect(try right.json()["resumed_at"] as? Int == 3)
        let both = try await Tool.run(
            longer + ["--checkpoint-passphrase-file", "-", "--checkpoint-key", folder.path("right")]
        )
        #expect(both.code == 64 && both.lastLine.contains("not both"), "\(both.lastLine)")
    }

    @Test("a training that goes on with other rows is told so, and an epoch that ended with the checkpoint is scored")
    func order() async throws {
        defer { folder.remove() }
        func write(_ steps: [[Int64]], to name: String) throws {
            try Tensor(steps.flatMap { $0 }, shape: [steps.count, steps[0].count])
                .write(toNumpyFile: URL(fileURLWithPath: folder.path(name)))
        }
        let first: [[Int64]] = [[0, 1, 2, 3], [4, 5, 6, 7]]
        try write(first, to: "one.npy")
        try write(first + [[8, 9, 10, 11], [12, 13, 14, 15]], to: "longer.npy")
        try write([[4, 5, 6, 7], [0, 1, 2, 3], [8, 9, 10, 11], [12, 13, 14, 15]], to: "other.npy")
        func run(_ order: String, epochs: Int, _ more: [String] = []) async throws -> Tool.Run {
            var options = checkpointed("ordered", every: 2).map { $0 == "\(Self.epochs)" ? "\(epochs)" : $0 }
            options.removeSubrange(
                options.firstIndex(of: "--batch-size")!...options.firstIndex(of: "--batch-size")! + 1
            )
            let test = "x=\(folder.path("x.npy")),y=\(folder.path("y.npy"))"
            return try await Tool.run(options + ["--order", folder.path(order), "--validation", test] + more)
        }
        let begun = try await run("one.npy", epochs: 1)
        #expect(begun.code == 0, "\(begun.stderr)")
        let other = try await run("other.npy", epochs: 2, ["--resume"])
        #expect(other.code == 1 && other.lastLine.contains("took other rows than --order"), "\(other.lastLine)")
        // What is still to come may be another order.
        let longer = try await run("longer.npy", epochs: 2, ["--resume"])
        #expect(longer.code == 0, "\(longer.stderr)")
        let report = try longer.json()
        #expect(report["resumed_at"] as? Int == 2 && report["steps"] as? Int == 2)
        let epochs = try #require(report["epochs"] as? [[String: Any]])
        #expect(epochs.map { $0["epoch"] as? Int } == [1, 2])
        #expect(epochs.allSatisfy { ($0["scores"] as? [String: Double])?["accuracy"] != nil && $0["loss"] is Double })
        #expect(
            try #require(begun.json()["epochs"] as? [[String: Any]])[0]["loss"] as? Double == epochs[0]["loss"]
                as? Double
        )
    }

    @Test("a folder that holds another training, or none, and options that it wasn't begun with, are told")
    func refused() async throws {
        defer { folder.remove() }
        let short = checkpointed("shares", every: 3).map { $0 == "\(Self.epochs)" ? "4" : $0 }
        let begun = try await Tool.run(short)
        #expect(begun.code == 0, "\(begun.stderr)")
        let again = try await Tool.run(short)
        #expect(again.code == 1)
        #expect(again.lastLine.contains("holds checkpoints of another training"), "\(again.lastLine)")
        let other = try await Tool.run(short.map { $0 == "0.02" ? "0.5" : $0 } + ["--resume"])
        #expect(other.code == 1)
        #expect(other.lastLine.contains("the checkpoint is of a training with other options"), "\(other.lastLine)")
        // More epochs are no other training.
        let longer = try await Tool.run(short.map { $0 == "4" ? "6" : $0 } + ["--resume"])
        #expect(longer.code == 0, "\(longer.stderr)")
        #expect(try longer.json()["resumed_at"] as? Int == 12)
        #expect(try longer.json()["steps"] as? Int == 6)
        #expect(try losses("shares").count == 18)
        // The weights of one training are the first of another.
        let weights = try await Tool.run(
            options.map { $0 == "\(Self.epochs)" ? "1" : $0 } + ["--weights", "\(folder.path("shares.npz"))@1"]
        )
        #expect(weights.code == 0, "\(weights.stderr)")
        let missing = try await Tool.run(options + ["--resume"])
        #expect(missing.code == 64)
        #expect(missing.lastLine.hasPrefix("error: --checkpoint is missing"))
    }
}
#endif
