import CrypTen
import Foundation
import Testing

@Suite("What can't be run is refused in one line, and nothing is written")
struct RefusalTests {
    private func infer(
        model: String,
        _ inputs: [String],
        more: [String] = []
    ) async throws -> (run: Tool.Run, wrote: Bool) {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let run = try await Tool.run(
            ["infer", "--model", model, "--output-dir", folder.path("out"), "--local", "2", "--json"]
                + inputs.flatMap { ["--input", $0] } + more
        )
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path("out"))) ?? []
        return (run, !files.isEmpty)
    }

    private func expectRefusal(_ outcome: (run: Tool.Run, wrote: Bool), _ message: String) {
        #expect((1...127).contains(outcome.run.code))
        #expect(outcome.run.stdout.isEmpty)
        #expect(outcome.run.stderr == "error: \(message)\n")
        #expect(!outcome.wrote)
    }

    private let model = Tool.fixture("mlp.onnx")
    private let input = Tool.fixture("x_test.npy")

    @Test("an input's numbers must be finite and fit; the index is named", arguments: [Float.nan, .infinity, -1e12])
    func numbers(value: Float) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let file = folder.path("x.npy")
        let tensor = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: input))
        var numbers = tensor.doubles.map(Float.init)
        numbers[97] = value
        try Tensor(.float(numbers), shape: tensor.shape).write(toNumpyFile: URL(fileURLWithPath: file))
        let why =
            value.isFinite
            ? "magnitudes below 1073741824.0 fit the fixed point, use fewer fraction bits" : "numbers must be finite"
        expectRefusal(
            try await infer(model: model, [file]),
            "\(file): the number at index [3, 7] is \(Double(value)); \(why)"
        )
    }

    @Test("an input's shape and type must be the model's")
    func shapes() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let file = folder.path("x.npy")
        try Tensor(.float([1, 2, 3]), shape: [1, 3]).write(toNumpyFile: URL(fileURLWithPath: file))
        expectRefusal(
            try await infer(model: model, [file]),
            "input 'x' takes shape [N, 30], not [1, 3] (N = 1); 'x' is read from \(file)"
        )
        try Tensor([Int64](repeating: 1, count: 30), shape: [1, 30]).write(toNumpyFile: URL(fileURLWithPath: file))
        expectRefusal(
            try await infer(model: model, [file]),
            "input 'x' takes float elements (kind real), not integer; 'x' is read from \(file)"
        )
    }

    @Test("an input's name must be one of the model's, once")
    func names() async throws {
        expectRefusal(
            try await infer(model: model, ["y=\(input)"]),
            "the model has no input 'y'; it has x float [N, 30]"
        )
        expectRefusal(try await infer(model: model, ["x=\(input)", "x=\(input)"]), "input 'x' is given twice")
        expectRefusal(
            try await infer(model: model, [input, input]),
            "2 inputs are given, but the model has 1: x float [N, 30]"
        )
        expectRefusal(
            try await infer(model: model, [input], more: ["--secret", "nope"]),
            "the model has no constant 'nope' that is used; it has 0.bias, 0.weight, 2.bias, 2.weight, 4.bias, 4.weight"
        )
    }

    @Test("files that are missing, empty, truncated or something else are named")
    func files() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let file = folder.path("broken")
        expectRefusal(try await infer(model: model, [file]), "\(file): there is no such file")
        expectRefusal(try await infer(model: file, [input]), "\(file): there is no such file")
        try Data().write(to: URL(fileURLWithPath: file))
        expectRefusal(try await infer(model: model, [file]), "\(file): it is empty, not a NumPy file")
        expectRefusal(try await infer(model: file, [input]), "\(file): it is empty, not an ONNX model")
        for (source, isModel) in [(input, false), (model, true)] {
            try Data(contentsOf: URL(fileURLWithPath: source)).prefix(500).write(to: URL(fileURLWithPath: file))
            let outcome = try await isModel ? infer(model: file, [input]) : infer(model: model, [file])
            #expect(outcome.run.code == 1)
            #expect(outcome.run.stderr.hasPrefix("error: \(file): ") && outcome.run.stderr.contains("truncated"))
            #expect(outcome.run.stdout.isEmpty && !outcome.wrote)
        }
        // Each in the other's place.
        #expect(try await infer(model: input, [input]).run.stderr.hasPrefix("error: \(input): it isn't an ONNX model"))
        #expect(try await infer(model: model, [model]).run.stderr.hasPrefix("error: \(model): it isn't a NumPy file"))
    }

    @Test("an unsupported operator is named with its node, by infer and by plan")
    func unsupportedOperator() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let file = folder.path("model.onnx")
        var bytes = try Data(contentsOf: URL(fileURLWithPath: model))
        // An operator that there isn't, of a name as long as the one it stands for.
        let name = try #require(bytes.range(of: Data("\u{22}\u{4}Relu".utf8)))
        bytes.replaceSubrange(name, with: Data("\u{22}\u{4}Rely".utf8))
        try bytes.write(to: URL(fileURLWithPath: file))
        let outcome = try await infer(model: file, [input])
        #expect((1...127).contains(outcome.run.code))
        #expect(outcome.run.lastLine.hasPrefix("error: unsupported operator Rely (node /1/Relu): "))
        #expect(outcome.run.stdout.isEmpty && !outcome.wrote)
        let plan = try await Tool.run("plan", "--model", file, "--input-shape", "x=1x30")
        #expect(plan.lastLine == outcome.run.lastLine)
        #expect((1...127).contains(plan.code))
    }

    @Test("a dynamic dimension needs a shape, and the inputs are listed")
    func dynamicDimension() async throws {
        let run = try await Tool.run("plan", "--model", model)
        #expect(run.code == 1)
        #expect(
            run.stderr
                == "error: input 'x' has a dynamic dimension: give --input-shape x=…, extents with x between; the model has x float [N, 30]\n"
        )
    }

    @Test("addresses of other machines need a word; what is no address is refused")
    func addresses() async throws {
        for arguments in [
            ["dealer", "--listen", "0.0.0.0:0", "--parties", "2"],
            [
                "party", "--id", "0", "--parties", "127.0.0.1:9,192.0.2.1:9", "--dealer", "127.0.0.1:9", "--session",
                "s",
                "--input", input,
            ],
        ] {
            let run = try await Tool.run(arguments)
            #expect(run.code == 1)
            #expect(run.lastLine.contains("is not on this machine") && run.lastLine.contains("--insecure-no-tls"))
        }
        let run = try await Tool.run("dealer", "--listen", "nonsense", "--parties", "2")
        #expect(run.code == 1)
        #expect(run.lastLine == "error: \"nonsense\" is no address: write host:port, as in 127.0.0.1:9000")
    }

    @Test("outputs that can't be written are refused before the run")
    func outputFolder() async throws {
        let run = try await Tool.run(
            "infer",
            "--model",
            model,
            "--input",
            input,
            "--output-dir",
            "\(input)/out",
            "--local",
            "2"
        )
        #expect(run.code == 1)
        #expect(run.lastLine.hasPrefix("error: \(input)/out: no folder can be made"))
    }
}

@Suite("Kernels named by the environment")
struct NamedKernelsTests {
    private func run(_ kernels: String, _ arguments: [String]) async throws -> Tool.Run {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        return try await Tool.start(arguments, in: folder, environment: ["CRYPTEN_KERNELS": kernels]).finish()
    }

    @Test("a name that there isn't is a wrong command line")
    func unknown() async throws {
        let run = try await run("fast", ["plan", "--model", Tool.fixture("mlp.onnx"), "--parties", "2"])
        #expect(run.code == 64)
        #expect(run.stdout.isEmpty)
        #expect(run.lastLine.hasPrefix("error: CRYPTEN_KERNELS=\"fast\": there are no such kernels; choose "))
    }

    @Test("a session runs with the portable ones, which every machine has")
    func portable() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let run = try await run(
            "portable",
            [
                "infer", "--model", Tool.fixture("mlp.onnx"), "--input", Tool.fixture("x_test.npy"), "--output-dir",
                folder.path("out"), "--local", "2", "--json",
            ]
        )
        #expect(run.code == 0, "\(run.stderr)")
        #expect(try !FileManager.default.contentsOfDirectory(atPath: folder.path("out")).isEmpty)
    }
}
