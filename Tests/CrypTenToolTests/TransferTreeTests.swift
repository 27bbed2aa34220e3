import CrypTen
import Foundation
import Testing

@Suite("The tool's option for the trees that transfers are extended by")
struct TransferTreeTests {
    private let model = Tool.fixture("mlp.onnx")
    private let input = Tool.fixture("x_test.npy")

    /// Command lines of all that takes `--dealer none`, without it.
    private func commands(_ folder: TemporaryFolder) -> [[String]] {
        let training = [
            "train", "--model", "\(model)@1", "--input", "\(input)@0", "--labels", "\(input)@0", "--loss", "mse",
            "--learning-rate", "0.1", "--local", "2",
        ]
        return [
            ["demo"], ["bench", "--list"], ["plan", "--model", model, "--input", input], training,
            ["infer", "--model", model, "--input", input, "--output-dir", folder.path("out"), "--local", "2"],
        ]
    }

    @Test("is refused where there is a dealer, and where there are no such trees, by sentences that say what to do")
    func refusals() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let dealt =
            "--transfer-tree-height is for parties who make the correlations themselves: leave it out where there is a dealer, or give --dealer none"
        for command in commands(folder) {
            try await Tool.expectRefusal(command + ["--transfer-tree-height", "8"], dealt)
            for height in ["0", "3", "16", "-2"] {
                try await Tool.expectRefusal(
                    command + ["--dealer", "none", "--transfer-tree-height=\(height)"],
                    "--transfer-tree-height \(height): choose 2, 4 or 8"
                )
            }
            try await Tool.expectRefusal(
                command + ["--dealer", "none", "--transfer-tree-height", "eight"],
                "The value 'eight' is invalid for '--transfer-tree-height <2|4|8>'"
            )
        }
        let party = [
            "party", "--id", "0", "--parties", "127.0.0.1:9400,127.0.0.1:9401", "--session", "s",
            "--transfer-tree-height",
        ]
        try await Tool.expectRefusal(party + ["8", "--dealer", "127.0.0.1:9402"], dealt)
        try await Tool.expectRefusal(party + ["5", "--dealer", "none"], "--transfer-tree-height 5: choose 2, 4 or 8")
    }

    @Test(
        "changes bytes and times of a plan, and neither rounds nor what goes online; on a slow link the plan says which is quickest"
    )
    func plan() async throws {
        func plan(_ height: Int?, _ network: String? = nil) async throws -> (plan: Plan, text: String) {
            let arguments =
                ["plan", "--model", model, "--input", input, "--dealer", "none"]
                + (height.map { ["--transfer-tree-height", "\($0)"] } ?? [])
                + (network.map { ["--network", $0] } ?? [])
            let run = try await Tool.run(arguments + ["--json"])
            #expect(run.code == 0, "\(run.stderr)")
            return (
                try Tool.decoder.decode(Plan.self, from: Data(run.stdout.utf8)),
                network == nil ? "" : try await Tool.run(arguments).stdout
            )
        }
        let usual = try await plan(nil).plan
        #expect(usual.offline.transferTreeHeight == 4 && usual.offline.quickest == nil)
        for height in [2, 4, 8] {
            let own = try await plan(height).plan
            #expect(own.rounds == usual.rounds && own.onlineBytesPerParty == usual.onlineBytesPerParty)
            #expect(own.offline.transferTreeHeight == height)
            #expect(own.offline.transfers == usual.offline.transfers)
            #expect(own.offline.extensionBytes * height == usual.offline.extensionBytes * 4)
        }
        let slow = try await plan(nil, "1Mbit/80ms")
        let quickest = try #require(slow.plan.offline.quickest)
        #expect(quickest.transferTreeHeight == 8 && quickest.seconds < slow.plan.offline.seconds)
        let line = try #require(slow.text.split(separator: "\n").first { $0.contains("least with") })
        #expect(line.hasPrefix("least with --transfer-tree-height 8, about"), "\(line)")
        let told = String(format: "%.3f, not %.3f", quickest.seconds, slow.plan.offline.seconds)
        #expect(line.hasSuffix(told), "\(line)")
        let chosen = try await plan(8, "1Mbit/80ms")
        #expect(chosen.plan.offline.quickest == nil && !chosen.text.contains("least with"))
        #expect(abs(chosen.plan.offline.seconds - quickest.seconds) < 0.01 * quickest.seconds)
    }

    @Test(
        "reaches the processes of an inference, which give the same labels and count what was planned",
        arguments: [2, 8]
    )
    func inference(height: Int) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        func infer(_ more: [String]) async throws -> Report {
            let run = try await Tool.run(
                [
                    "infer", "--model", model, "--input", input, "--local", "2", "--output-dir", folder.path("out"),
                    "--json", "--dealer", "none",
                ] + more
            )
            #expect(run.code == 0, "\(run.stderr)")
            return try Tool.decoder.decode(Report.self, from: Data(run.stdout.utf8))
        }
        let (own, usual) = (
            try await infer(["--transfer-tree-height", "\(height)"]), try await infer([])
        )
        #expect(own.rounds == usual.rounds && own.onlineBytesPerParty == usual.onlineBytesPerParty)
        #expect(own.offline.transfers == usual.offline.transfers && own.offline.exchanges == usual.offline.exchanges)
        for (own, usual) in zip(own.offline.bytesPerParty, usual.offline.bytesPerParty) {
            #expect(height == 2 ? own > usual : own < usual, "\(own), \(usual)")
        }
        // A plane of choices takes whole words, so somewhat more are extended.
        let sums = (own.offline.bytesPerParty.reduce(0, +), usual.offline.bytesPerParty.reduce(0, +))
        let expected = Double(own.offline.transfers) * (16 / Double(height) - 4)
        #expect(Double(sums.0 - sums.1).magnitude >= expected.magnitude, "\(sums), \(expected)")
    }

    @Test("that two parties name differently ends both, with what each has")
    func differing() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let addresses = try FreePorts.find(2).joined(separator: ",")
        func arguments(_ party: Int, _ height: Int) -> [String] {
            [
                "party", "--id", "\(party)", "--parties", addresses, "--dealer", "none", "--session", "trees",
                "--transfer-tree-height", "\(height)",
            ]
        }
        async let owner = Tool.run(arguments(1, 8) + ["--model", model])
        let runs = [
            try await Tool.run(arguments(0, 2) + ["--input", input, "--output-dir", folder.path("out")]),
            try await owner,
        ]
        for (party, run) in runs.enumerated() {
            #expect(run.code == 1 && run.stdout.isEmpty, "\(run)")
            let own = "trees of \(party == 0 ? 2 : 8) levels"
            let other = "trees of \(party == 0 ? 8 : 2) levels"
            #expect(
                run.stderr.contains(
                    "party \(party) extends correlated transfers by \(own), and party \(1 - party) by \(other): give both parties the same"
                ),
                "\(run.stderr)"
            )
        }
    }

    private struct Plan: Decodable {
        struct Quickest: Decodable {
            var transferTreeHeight: Int
            var seconds: Double
        }

        struct Offline: Decodable {
            var transfers: Int
            var extensionBytes: Int
            var transferTreeHeight: Int
            var seconds: Double
            var quickest: Quickest?
        }

        var rounds: Int
        var onlineBytesPerParty: [Int]
        var offline: Offline
    }

    private struct Report: Decodable {
        struct Offline: Decodable {
            var bytesPerParty: [Int]
            var exchanges: Int
            var transfers: Int
        }

        var rounds: Int
        var onlineBytesPerParty: [Int]
        var offline: Offline
    }
}
