import CrypTen
import Foundation
import Testing

@Suite("What the tool says and does without a dealer")
struct WithoutDealerTests {
    private let model = Tool.fixture("mlp.onnx")
    private let input = Tool.fixture("x_test.npy")

    @Test("what needs a dealer is refused beside --dealer none, by a sentence that says what to do")
    func refusals() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let infer = [
            "infer", "--model", model, "--input", input, "--output-dir", folder.path("out"), "--dealer", "none",
        ]
        let parties = "--dealer none is for two parties, who can make their correlations themselves, and there are 3"
        try await Tool.expectRefusal(infer + ["--local", "3"], parties)
        try await Tool.expectRefusal(["demo", "--parties", "3", "--dealer", "none"], parties)
        try await Tool.expectRefusal(["bench", "--list", "--parties", "3", "--dealer", "none"], parties)
        try await Tool.expectRefusal(
            [
                "plan", "--model", model, "--input", input, "--dealer", "none", "--threads", "1",
            ],
            "--threads says how a time is predicted: give --network, too"
        )
        let addresses = (0..<3).map { "127.0.0.1:\(9400 + $0)" }
        try await Tool.expectRefusal(
            [
                "party", "--id", "0", "--parties", addresses.joined(separator: ","), "--dealer", "none", "--session",
                "s",
            ],
            parties
        )
        try await Tool.expectRefusal(
            [
                "party", "--id", "0", "--parties", addresses.prefix(2).joined(separator: ","), "--dealer", "none",
                "--session", "s", "--identity", "own.pem", "--peer-identity", "1=3f9a-11c0", "--peer-identity",
                "dealer=3f9a-11c0",
            ],
            "--dealer none: there is no dealer that --peer-identity or --peer-name could know"
        )
    }

    @Test("a plan without a dealer has the same rounds and online bytes, and says what making the correlations takes")
    func plan() async throws {
        let arguments = ["plan", "--model", model, "--input", input, "--json"]
        let usual = try Tool.decoder.decode(Plan.self, from: Data(try await Tool.run(arguments).stdout.utf8))
        let run = try await Tool.run(arguments + ["--dealer", "none"])
        let plan = try Tool.decoder.decode(Plan.self, from: Data(run.stdout.utf8))
        #expect(plan.rounds == usual.rounds && plan.onlineBytesPerParty == usual.onlineBytesPerParty)
        #expect(plan.setupBytesPerParty == usual.setupBytesPerParty)
        #expect(plan.dealerBytes == 0 && usual.offline == nil)
        let offline = try #require(plan.offline)
        #expect(offline.storedBytesPerParty > 0 && offline.storedBytesPerParty % 8 == 0)
        #expect(offline.bytesPerParty.count == 2 && offline.bytesPerParty.allSatisfy { $0 > 0 })
        #expect((1...8).contains(offline.exchanges) && offline.transfers > 0 && offline.network == "loop")
        let wan = try Tool.decoder.decode(
            Plan.self,
            from: Data(try await Tool.run(arguments + ["--dealer", "none", "--network", "wan"]).stdout.utf8)
        ).offline
        #expect(wan?.bytesPerParty == offline.bytesPerParty && wan?.network == "wan")
        #expect((wan?.seconds ?? 0) > offline.seconds)
        let text = try await Tool.run(["plan", "--model", model, "--input", input, "--dealer", "none"]).stdout
        #expect(
            text.contains("correlated transfers") && text.contains("stored a party") && !text.contains("dealer"),
            "\(text)"
        )
    }

    @Test("an inference of two processes gives what it gives with a dealer, in as many rounds and online bytes")
    func inference() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        func infer(_ out: String, _ more: [String]) async throws -> (report: Report, outputs: Tensor) {
            let run = try await Tool.run(
                [
                    "infer", "--model", model, "--input", input, "--local", "2", "--output-dir", folder.path(out),
                    "--json",
                ] + more
            )
            #expect(run.code == 0, "\(run.stderr)")
            let report = try Tool.decoder.decode(Report.self, from: Data(run.stdout.utf8))
            let file = try #require(report.outputs.first?.file)
            return (report, try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: file)))
        }
        let usual = try await infer("dealt", [])
        #expect(usual.report.offline == nil && usual.report.dealerBytes > 0)
        let file = folder.path("prepared")
        for (out, more) in [("made", []), ("prepared", ["--prepare"]), ("stored", ["--prepared-file", file])] {
            let (report, outputs) = try await infer(out, ["--dealer", "none"] + more)
            #expect(report.rounds == usual.report.rounds)
            #expect(report.onlineBytesPerParty == usual.report.onlineBytesPerParty)
            #expect(report.setupBytesPerParty == usual.report.setupBytesPerParty)
            #expect(report.dealerBytes == 0 && report.peakMemoryBytes.count == 2)
            let offline = try #require(report.offline)
            #expect(offline.bytesPerParty.count == 2 && offline.bytesPerParty.allSatisfy { $0 > 0 })
            #expect(offline.exchanges > 0 && offline.transfers > 0 && offline.seconds > 0)
            #expect((report.secondsPrepare > 0) == !more.isEmpty)
            #expect(outputs.shape == usual.outputs.shape)
            let errors = zip(outputs.doubles, usual.outputs.doubles).map { abs($0 - $1) }
            #expect(errors.max() ?? 1 < 2e-3, "\(errors.max() ?? 1)")
        }
        for party in 0..<2 {
            let text = try Data(contentsOf: URL(fileURLWithPath: "\(file).\(party)"))
            #expect(String(decoding: text, as: UTF8.self).contains("consumed"))
        }
    }

    @Test("parties that are started by hand need each other alone")
    func byHand() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let addresses = try FreePorts.find(2).joined(separator: ",")
        func arguments(_ party: Int) -> [String] {
            ["party", "--id", "\(party)", "--parties", addresses, "--dealer", "none", "--session", "hand"]
        }
        async let owner = Tool.run(arguments(1) + ["--model", model])
        let run = try await Tool.run(arguments(0) + ["--input", input, "--output-dir", folder.path("out")])
        #expect(run.code == 0, "\(run.stderr)")
        #expect(run.stdout.contains("offline bytes a party") && run.stdout.contains("correlated transfers"))
        let other = try await owner
        #expect(other.code == 0, "\(other.stderr)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("out")).count == 1)
    }

    /// What each of two parties is told of preparing, and the sentence that both end with; nil where they run.
    static let preparations: [(parties: [[String]], sentence: String?)] = [
        (
            [["--prepared-file", "%0"], []],
            "party 0 was told --prepared-file and not --prepare: nothing would be made ahead of the run; give party 0 --prepare, which all parties follow, or leave out --prepared-file at party 0"
        ),
        (
            [[], ["--prepared-file", "%1"]],
            "party 1 was told --prepared-file, and party 0 not --prepare: nothing would be made ahead of the run; give party 0 --prepare, which all parties follow, or leave out --prepared-file at party 1"
        ),
        (
            [[], ["--prepare"]],
            "party 1 was told --prepare, and party 0 not --prepare: nothing would be made ahead of the run; give party 0 --prepare, which all parties follow, or leave out --prepare at party 1"
        ),
        (
            [["--prepared-file", "%0"], ["--prepare", "--prepared-file", "%1"]],
            "party 0 was told --prepared-file and not --prepare: nothing would be made ahead of the run; give party 0 --prepare, which all parties follow, or leave out --prepared-file at party 0"
        ),
        ([["--prepare"], ["--prepared-file", "%1"]], nil),
        ([["--prepare", "--prepared-file", "%0"], ["--prepare"]], nil),
    ]

    @Test(
        "where one party prepares ahead and party 0 doesn't, both say so before anything is made",
        arguments: preparations
    )
    func preparing(parties: [[String]], sentence: String?) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let addresses = try FreePorts.find(2).joined(separator: ",")
        func run(_ party: Int, _ more: [String]) async throws -> Tool.Run {
            let told = parties[party].map { $0.replacing("%", with: folder.path("prepared.")) }
            return try await Tool.run(
                ["party", "--id", "\(party)", "--parties", addresses, "--dealer", "none", "--session", "ahead"] + more
                    + told
            )
        }
        async let owner = run(1, ["--model", model])
        let runs = [try await run(0, ["--input", input, "--output-dir", folder.path("out")]), try await owner]
        for (party, run) in runs.enumerated() {
            #expect(run.code == (sentence == nil ? 0 : 1), "party \(party): \(run.stderr)")
            if let sentence { #expect(run.lastLine == "error: \(sentence)", "party \(party)") }
            let file = folder.path("prepared.\(party)")
            let isStored = sentence == nil && parties[party].contains("--prepared-file")
            #expect(FileManager.default.fileExists(atPath: file) == isStored, "party \(party)")
        }
    }

    @Test("the demonstration has its two parties alone, and no label differs")
    func demo() async throws {
        let run = try await Tool.run(["demo", "--dealer", "none", "--json"])
        #expect(run.code == 0, "\(run.stderr)")
        struct Demo: Decodable {
            var labelsDiffer: Int
            var images: Int
            var offline: Offline?
        }
        let report = try Tool.decoder.decode(Demo.self, from: Data(run.stdout.utf8))
        #expect(report.images == 360 && report.labelsDiffer == 0)
        #expect(report.offline != nil)
    }

    private struct Offline: Decodable {
        var bytesPerParty: [Int]
        var exchanges: Int
        var transfers: Int
        var seconds: Double
    }

    private struct Report: Decodable {
        struct Output: Decodable {
            var file: String?
        }

        var rounds: Int
        var onlineBytesPerParty: [Int]
        var setupBytesPerParty: [Int]
        var dealerBytes: Int
        var secondsPrepare: Double
        var peakMemoryBytes: [Int]
        var offline: Offline?
        var outputs: [Output]
    }

    private struct Plan: Decodable {
        struct Offline: Decodable {
            var bytesPerParty: [Int]
            var exchanges: Int
            var transfers: Int
            var storedBytesPerParty: Int
            var network: String
            var seconds: Double
        }

        var rounds: Int
        var onlineBytesPerParty: [Int]
        var setupBytesPerParty: [Int]
        var dealerBytes: Int
        var offline: Offline?
    }
}
