import CrypTen
import Foundation
import Testing

@Suite("Inferences in processes")
struct InferenceTests {
    @Test("the demonstration's labels are those of the clear network", arguments: [2, 3])
    func demo(parties: Int) async throws {
        let run = try await Tool.run("demo", "--parties", "\(parties)", "--json")
        #expect(run.code == 0)
        #expect(run.stderr.isEmpty)
        let report = try run.json()
        #expect(
            report.keys.sorted() == [
                "accuracy_plain", "accuracy_private", "dealer_bytes", "images", "labels_differ", "max_logit_error",
                "online_bytes_per_party", "rounds", "seconds", "setup_bytes_per_party",
            ]
        )
        #expect(report["images"] as? Int == 360)
        #expect(report["labels_differ"] as? Int == 0)
        #expect(try #require(report["max_logit_error"] as? Double) < 0.003)
        #expect(report["accuracy_private"] as? Double == report["accuracy_plain"] as? Double)
        #expect((report["online_bytes_per_party"] as? [Int])?.count == parties)
        #expect((report["setup_bytes_per_party"] as? [Int])?.count == parties)
    }

    @Test("the demonstration's table goes to stdout, alone")
    func demoTable() async throws {
        let run = try await Tool.run("demo")
        #expect(run.code == 0)
        #expect(run.stderr.isEmpty)
        let lines = run.stdout.split(separator: "\n").map(String.init)
        for (line, name) in zip(
            lines,
            [
                "images", "accuracy, private", "accuracy, in the clear", "labels that differ", "largest logit error",
                "rounds", "online bytes a party", "setup bytes a party", "dealer bytes", "seconds",
            ]
        ) { #expect(line.hasPrefix(name)) }
        #expect(lines.count == 10)
    }

    @Test("outputs are within 0.005 of onnxruntime's, and the plan told the cost to the byte", arguments: [2, 3])
    func inferMatchesPlan(parties: Int) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let run = try await Tool.run(
            "infer",
            "--model",
            Tool.fixture("mlp.onnx"),
            "--input",
            "x=\(Tool.fixture("x_test.npy"))",
            "--output-dir",
            folder.path("out"),
            "--local",
            "\(parties)",
            "--json"
        )
        #expect(run.code == 0)
        #expect(run.stderr.isEmpty)
        let report = try run.json()
        #expect(
            report.keys.sorted() == [
                "dealer_bytes", "online_bytes_per_party", "outputs", "parties", "peak_memory_bytes", "rounds",
                "seconds", "seconds_online", "seconds_plan", "seconds_prepare", "setup_bytes_per_party", "slices",
            ]
        )
        let outputs = try #require(report["outputs"] as? [[String: Any]])
        #expect(outputs.count == 1)
        #expect(outputs[0]["name"] as? String == "logits")
        #expect(outputs[0]["shape"] as? [Int] == [114, 2])
        #expect(outputs[0]["file"] as? String == folder.path("out/logits.npy"))

        let logits = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: folder.path("out/logits.npy")))
        let expected = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: Tool.fixture("mlp.logits.npy")))
        #expect(logits.shape == expected.shape)
        guard case .float = logits.elements else {
            Issue.record("the output has the model's own type, float32")
            return
        }
        #expect(zip(logits.doubles, expected.doubles).allSatisfy { abs($0 - $1) < 0.005 })

        let planned = try await Tool.run(
            "plan",
            "--model",
            Tool.fixture("mlp.onnx"),
            "--input-shape",
            "x=114x30",
            "--parties",
            "\(parties)",
            "--json"
        )
        #expect(planned.code == 0)
        let plan = try planned.json()
        for key in ["rounds", "dealer_bytes"] { #expect(plan[key] as? Int == report[key] as? Int, "\(key)") }
        for key in ["online_bytes_per_party", "setup_bytes_per_party"] {
            #expect(plan[key] as? [Int] == report[key] as? [Int], "\(key)")
        }
        let layers = try #require(plan["layers"] as? [[String: Any]])
        for key in ["rounds", "dealer_bytes", "multiply_accumulates"] {
            #expect(layers.reduce(0) { $0 + ($1[key] as? Int ?? 0) } == plan[key] as? Int, "layers add up: \(key)")
        }
    }

    @Test("a prepared inference costs and computes the same; a second one can't have its file", arguments: [2, 3])
    func prepared(parties: Int) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        func infer(_ more: [String] = []) async throws -> Tool.Run {
            try await Tool.run(
                [
                    "infer", "--model", Tool.fixture("mlp.onnx"), "--input", Tool.fixture("x_test.npy"), "--output-dir",
                    folder.path("out"), "--local", "\(parties)", "--json",
                ] + more
            )
        }
        func logits() throws -> [Double] {
            try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: folder.path("out/logits.npy"))).doubles
        }
        let ordinary = try await infer().json()
        #expect(ordinary["seconds_prepare"] as? Double == 0)
        let expected = try logits()
        let file = folder.path("runs")
        for options in [["--prepare"], ["--prepared-file", file]] {
            let run = try await infer(options)
            #expect(run.code == 0, "\(run.stderr)")
            let report = try run.json()
            #expect(try #require(report["seconds_prepare"] as? Double) > 0)
            for key in ["rounds", "dealer_bytes"] { #expect(report[key] as? Int == ordinary[key] as? Int, "\(key)") }
            for key in ["online_bytes_per_party", "setup_bytes_per_party"] {
                #expect(report[key] as? [Int] == ordinary[key] as? [Int], "\(key)")
            }
            #expect(zip(try logits(), expected).allSatisfy { abs($0 - $1) < 0.005 })
        }
        let again = try await infer(["--prepared-file", file])
        #expect(again.code == 1)
        #expect(again.stdout.isEmpty)
        #expect(again.lastLine.hasPrefix("error: \(file) was consumed by run 2 on 20"))
        #expect(again.lastLine.hasSuffix("; prepare again, into a new file"))
    }

    @Test("the plan lists every constant and who sees it")
    func planListsConstants() async throws {
        let run = try await Tool.run(
            "plan",
            "--model",
            Tool.fixture("mlp.onnx"),
            "--input-shape",
            "x=1x30",
            "--open",
            "0.bias",
            "--json"
        )
        let constants = try #require(try run.json()["constants"] as? [[String: Any]])
        let visibility = Dictionary(
            uniqueKeysWithValues: constants.compactMap { constant in
                (constant["name"] as? String).flatMap { name in (constant["visibility"] as? String).map { (name, $0) } }
            }
        )
        #expect(
            visibility == [
                "0.weight": "secret", "0.bias": "public", "2.weight": "secret", "2.bias": "secret",
                "4.weight": "secret",
                "4.bias": "secret",
            ]
        )
    }

    @Test("parties and dealer that are started by hand do the same")
    func byHand() async throws {
        let folders = try (0..<4).map { _ in try TemporaryFolder() }
        defer { for folder in folders { folder.remove() } }
        let ports = try FreePorts.find(3)
        let dealer = try Tool.start(
            ["dealer", "--listen", ports[2], "--parties", "2"],
            in: folders[2]
        )
        defer { dealer.process.terminate() }
        let common = ["--parties", "\(ports[0]),\(ports[1])", "--dealer", ports[2], "--session", "by hand"]
        let second = try Tool.start(
            ["party", "--id", "1", "--model", Tool.fixture("mlp.onnx")] + common,
            in: folders[1]
        )
        let first = try Tool.start(
            ["party", "--id", "0", "--input", Tool.fixture("x_test.npy"), "--output-dir", folders[3].path("out")]
                + common,
            in: folders[0]
        )
        let runs = [try await first.finish(), try await second.finish()]
        for run in runs { #expect(run.code == 0, "\(run.stderr)") }
        #expect(runs[0].stdout.contains("output logits"))
        #expect(FileManager.default.fileExists(atPath: folders[3].path("out/logits.npy")))
        #expect(runs[1].stdout.contains("setup bytes"))
    }

    #if os(Linux)
    @Test("an interrupted inference leaves no process behind", arguments: [SIGINT, SIGTERM, SIGKILL])
    func interruption(signal: Int32) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let output = folder.path("out")
        let running = try Tool.start(
            [
                "infer", "--model", Tool.fixture("mlp.onnx"), "--input", Tool.fixture("x_test.npy"), "--output-dir",
                output,
                "--local", "5",
            ],
            in: folder
        )
        while children(with: output).count < 2, running.process.isRunning {
            try await Task.sleep(for: .milliseconds(1))
        }
        kill(running.process.processIdentifier, signal)
        _ = try await running.finish()
        let deadline = ContinuousClock.now + .seconds(15)
        while !children(with: output).isEmpty, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(children(with: output).isEmpty)
    }

    /// Processes whose command line names the folder: the one started here, and party 0.
    private func children(with folder: String) -> [String] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.filter { entry in
            guard Int(entry) != nil, let line = FileManager.default.contents(atPath: "/proc/\(entry)/cmdline") else {
                return false
            }
            return String(decoding: line, as: UTF8.self).contains(folder)
        }
    }
    #endif
}

/// Addresses of this machine that nobody listens on just now.
enum FreePorts {
    static func find(_ count: Int) throws -> [String] {
        // On Linux all of 127.0.0.0/8 is this machine: a random one keeps out of other tests' way.
        #if os(Linux)
        let host = UInt32(0x7F40_0000) + .random(in: 1..<0x1F_FFFE)
        #else
        let host = UInt32(0x7F00_0001)
        #endif
        let bytes = [24, 16, 8, 0].map { String(host >> $0 & 0xFF) }.joined(separator: ".")
        var open: [Int32] = []
        defer { for descriptor in open { close(descriptor) } }
        return try (0..<count).map { _ in "\(bytes):\(try #require(port(0, at: host, &open)))" }
    }

    /// Ports of 127.0.0.1, none of those that the system chooses for whoever calls somebody.
    static func onLoopback(_ count: Int) throws -> [Int] {
        var (open, found): ([Int32], [Int]) = ([], [])
        defer { for descriptor in open { close(descriptor) } }
        for _ in 0..<100 * count where found.count < count {
            if let port = port(.random(in: 20000..<32000), at: 0x7F00_0001, &open) { found.append(port) }
        }
        try #require(found.count == count)
        return found
    }

    /// A port of a host, the given one or, of 0, any, held until what is open is closed; nil where it can't be had.
    private static func port(_ port: UInt16, at host: UInt32, _ open: inout [Int32]) -> Int? {
        #if os(Linux)
        let kind = Int32(SOCK_STREAM.rawValue)
        #else
        let kind = SOCK_STREAM
        #endif
        let descriptor = socket(AF_INET, kind, 0)
        open.append(descriptor)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = host.bigEndian
        address.sin_port = port.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 ? getsockname(descriptor, address, &length) : -1
            }
        }
        return result == 0 ? Int(UInt16(bigEndian: address.sin_port)) : nil
    }
}
