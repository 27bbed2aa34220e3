import CrypTen
import Foundation
import Testing

@Suite("Checked inferences")
struct CheckTests {
    private static let arguments = [
        "infer", "--check", "--model", Tool.fixture("mlp.onnx"), "--input", "x=\(Tool.fixture("x_test.npy"))",
        "--local", "2",
    ]

    @Test("--check prints value, error and head room of each layer, and writes outputs where it is told to")
    func table() async throws {
        let run = try await Tool.run(Self.arguments)
        #expect(run.code == 0)
        #expect(run.stderr.isEmpty)
        let lines = run.stdout.split(separator: "\n")
        #expect(lines.first?.hasPrefix("layer") == true)
        #expect(lines.first?.hasSuffix("largest value  largest error  bits of head room") == true)
        #expect(lines.contains { $0.hasPrefix("output logits") && $0.hasSuffix("no file") })

        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let json = try await Tool.run(Self.arguments + ["--json", "--output-dir", folder.path("out")])
        #expect(json.code == 0)
        let report = try json.json()
        let layers = try #require(report["layers"] as? [[String: Any]])
        #expect(layers.count > 2)
        for layer in layers { #expect(try #require(layer["largest_error"] as? Double) < 0.005) }
        #expect(layers.contains { ($0["head_room_bits"] as? Double).map { $0 > 10 } ?? false })
        #expect(report["out_of_range"] == nil)
        #expect(FileManager.default.fileExists(atPath: folder.path("out/logits.npy")))
    }

    @Test("a value that leaves its range ends it with 1 and one sentence; what was found before is printed")
    func outOfRange() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        // What fixed point can hold, and a product of it with weights can't.
        let inputs = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: Tool.fixture("x_test.npy")))
        let large = Tensor(inputs.doubles.map { max(-0x1p29, min($0 * 0x1p27, 0x1p29)) }, shape: inputs.shape)
        try large.write(toNumpyFile: URL(fileURLWithPath: folder.path("large.npy")))
        let run = try await Tool.run(
            "infer",
            "--check",
            "--model",
            Tool.fixture("mlp.onnx"),
            "--input",
            folder.path("large.npy"),
            "--local",
            "2"
        )
        #expect(run.code == 1)
        #expect(run.stdout.hasPrefix("layer"))
        #expect(run.lastLine.hasPrefix("error: "))
        #expect(run.lastLine.contains(" is outside ±2^30 = 1073741824, where "))
        #expect(
            run.lastLine.hasSuffix(
                "with 16 fraction bits; use fewer fraction bits, declare ranges of what goes in (--range), or scale it"
            )
        )
        #expect(run.stderr.split(separator: "\n").count == 1)
    }

    @Test("it follows one run in one process: nothing else is combined with it, and no party over a network has it")
    func refusals() async throws {
        for option in [["--prepare"], ["--memory-limit", "800MiB"], ["--profile"]] {
            let run = try await Tool.run(Self.arguments + option)
            #expect(run.code == 64)
            #expect(run.lastLine.hasPrefix("error: --check follows one run in one process"))
        }
        let party = try await Tool.run(
            "party",
            "--id",
            "0",
            "--parties",
            "127.0.0.1:1,127.0.0.1:2",
            "--dealer",
            "127.0.0.1:3",
            "--session",
            "s",
            "--check"
        )
        #expect(party.code == 64)
        #expect(party.lastLine == "error: Unknown option '--check'")
    }

    @Test("errors above --wanted-error end it with 1; what is said of outputs is in the table and in --json")
    func wantedError() async throws {
        let strict = try await Tool.run(Self.arguments + ["--wanted-error", "0.0000001"])
        #expect(strict.code == 1)
        #expect(strict.lastLine.hasPrefix("error: "))
        #expect(strict.lastLine.contains("the output is off by"))
        #expect(strict.stdout.contains("as exact as wanted"))
        let run = try await Tool.run(Self.arguments + ["--json"])
        let errors = try #require(try run.json()["output_errors"] as? [[String: Any]])
        #expect(errors.count == 1 && errors[0]["name"] as? String == "logits")
        #expect((errors[0]["part"] as? Double).map { $0 > 0 && $0 < 0x1p-8 } == true)
        #expect(try await Tool.run(Self.arguments).stdout.contains("error of logits"))
        for (arguments, message) in [
            (Array(Self.arguments.dropFirst(2)), "--wanted-error says what --check looks for"),
            (Array(Self.arguments.dropFirst()), "--wanted-error 2.0: choose more than 0"),
        ] {
            let refused = try await Tool.run(["infer"] + arguments + ["--wanted-error", "2"])
            #expect(refused.code == 64)
            #expect(refused.lastLine.contains(message), "\(refused.lastLine)")
        }
    }

    @Test(
        "--suggest prints fraction bits with which the run is as exact as wanted, and --fraction-bits auto runs with them"
    )
    func suggestion() async throws {
        let run = try await Tool.run(Self.arguments + ["--suggest"])
        #expect(run.code == 0)
        #expect(run.stdout.hasPrefix("fraction bits"))
        let line = try #require(run.stdout.split(separator: "\n").last)
        #expect(line.hasPrefix("--fraction-bits "))
        let options = line.split(separator: " ").map(String.init)
        #expect(try await Tool.run(Self.arguments + options).code == 0)
        let json = try await Tool.run(Self.arguments + ["--suggest", "--json"]).json()
        #expect((json["candidates"] as? [Any])?.count == 11)
        #expect((json["fraction_bits"] as? Int).map { "\($0)" } == options[1])

        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let found = try await Tool.run(
            ["infer"] + Self.arguments.dropFirst(2) + ["--fraction-bits", "auto", "--output-dir", folder.path("out")]
        )
        #expect(found.code == 0)
        #expect(found.stderr.contains("found on these inputs: \(line)"))
        #expect(FileManager.default.fileExists(atPath: folder.path("out/logits.npy")))
    }

    @Test("where data are others' no fraction bits can be found: what to do instead is said")
    func noSuggestion() async throws {
        let plan = try await Tool.run("plan", "--model", Tool.fixture("mlp.onnx"), "--fraction-bits", "auto")
        let party = try await Tool.run("party", "--id", "1", "--model", "m", "--fraction-bits", "auto")
        for run in [plan, party] {
            #expect(run.code == 64)
            #expect(run.lastLine.hasPrefix("error: --fraction-bits auto is for infer --local"))
            #expect(run.lastLine.contains("--check --suggest"))
        }
    }

    @Test(
        "a range that is none, is given twice, or is of a public input is refused, and so is a number outside",
        arguments: [
            (["x=5..1"], "5 is above 1; write the lower end first"), (["x=nan..1"], "'nan' is no number"),
            (["x=7"], "isn't two numbers with two dots between"), (["=0..1"], "the input's name is missing"),
            (["z=0..1"], "the model has no such input"), (["x=0..1", "x=0..2"], "is given twice"),
            (["x=0..1e300"], "ends are at most 2^46"), (["x=0..0.01"], "lies outside of the range 0.0 to 0.01"),
        ]
    )
    func wrongRanges(ranges: [String], sentence: String) async throws {
        let run = try await Tool.run(Self.arguments + ranges.flatMap { ["--range", $0] })
        #expect(run.code != 0)
        #expect(run.lastLine.hasPrefix("error: "))
        #expect(run.lastLine.contains(sentence))
    }

    @Test("a range may be written as in Swift; one of a public input says nothing")
    func ranges() async throws {
        #expect(try await Tool.run(Self.arguments + ["--range", "x=-1_000...1_000"]).code == 0)
        let arguments = ["plan", "--model", Tool.fixture("mlp.onnx"), "--input-shape", "x=1x30"]
        let known = try await Tool.run(arguments + ["--public", "x", "--range", "x=0..1"])
        #expect(known.lastLine.contains("input 'x' is public"))
    }

    @Test("with --suggest nothing is written, and words of a shell are quoted")
    func suggestionsOptions() async throws {
        let run = try await Tool.run(Self.arguments + ["--suggest", "--output-dir", "out"])
        #expect(run.code == 64)
        #expect(run.lastLine.hasPrefix("error: --suggest writes no outputs"))
    }
}
