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
        #expect(run.lastLine.hasSuffix("with 16 fraction bits; use fewer fraction bits, or scale what goes in"))
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
}
