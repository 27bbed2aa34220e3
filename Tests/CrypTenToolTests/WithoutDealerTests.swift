import CrypTen
import Foundation
import Testing

@Suite("What the tool says and does without a dealer")
struct WithoutDealerTests {
    private let model = Tool.fixture("mlp.onnx")
    private let input = Tool.fixture("x_test.npy")

    private func expectRefusal(_ arguments: [String], _ words: String) async throws {
        let run = try await Tool.run(arguments)
        #expect(run.code == 64, "\(run)")
        #expect(run.stdout.isEmpty)
        #expect(run.stderr.contains(words), "\(run.stderr)")
    }

    @Test("what needs a dealer is refused beside --dealer none, by a sentence that says what to do")
    func refusals() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let infer = [
            "infer", "--model", model, "--input", input, "--output-dir", folder.path("out"), "--dealer", "none",
        ]
        let parties = "--dealer none is for two parties, who can make their correlations themselves, and there are 3"
        try await expectRefusal(infer + ["--local", "3"], parties)
        try await expectRefusal(infer + ["--local", "2", "--check"], "leave out --dealer none")
        try await expectRefusal(
            infer + ["--local", "2", "--memory-limit", "1GiB"],
            "--memory-limit reckons with a dealer, who deals as a run goes on"
        )
        try await expectRefusal(["demo", "--parties", "3", "--dealer", "none"], parties)
        try await expectRefusal(["bench", "--list", "--parties", "3", "--dealer", "none"], parties)
        try await expectRefusal(
            ["plan", "--model", model, "--input", input, "--dealer", "none", "--network", "wan"],
            "--network predicts times of runs with a dealer"
        )
        let addresses = (0..<3).map { "127.0.0.1:\(9400 + $0)" }
        try await expectRefusal(
            [
                "party", "--id", "0", "--parties", addresses.joined(separator: ","), "--dealer", "none", "--session",
                "s",
            ],
            parties
        )
        try await expectRefusal(
            [
                "party", "--id", "0", "--parties", addresses.prefix(2).joined(separator: ","), "--dealer", "none",
                "--session", "s", "--identity", "own.pem", "--peer-identity", "1=3f9a-11c0", "--peer-identity",
                "dealer=3f9a-11c0",
            ],
            "--dealer none: there is no dealer that --peer-identity or --peer-name could know"
        )
    }

    @Test("a plan without a dealer has the same rounds and online bytes, and says what either party stores")
    func plan() async throws {
        let arguments = ["plan", "--model", model, "--input", input, "--json"]
        let usual = try JSONDecoder().decode(Plan.self, from: Data(try await Tool.run(arguments).stdout.utf8))
        let run = try await Tool.run(arguments + ["--dealer", "none"])
        let plan = try JSONDecoder().decode(Plan.self, from: Data(run.stdout.utf8))
        #expect(plan.rounds == usual.rounds && plan.onlineBytesPerParty == usual.onlineBytesPerParty)
        #expect(plan.setupBytesPerParty == usual.setupBytesPerParty)
        #expect(plan.dealerBytes == 0 && usual.offline == nil)
        let stored = try #require(plan.offline?.storedBytesPerParty)
        #expect(stored > 0 && stored <= usual.dealerBytes && stored % 8 == 0)
        let text = try await Tool.run(["plan", "--model", model, "--input", input, "--dealer", "none"]).stdout
        #expect(text.contains("stored a party, at least") && !text.contains("dealer"), "\(text)")
    }

    private struct Plan: Decodable {
        struct Offline: Decodable {
            var storedBytesPerParty: Int
        }

        var rounds: Int
        var onlineBytesPerParty: [Int]
        var setupBytesPerParty: [Int]
        var dealerBytes: Int
        var offline: Offline?
    }
}
