import CrypTen
import Foundation
import Testing

@Suite("What is in a model")
struct ModelCommandTests {
    @Test("a model that can be run ends with 0, and every key is there")
    func runnable() async throws {
        let run = try await Tool.run("model", Tool.fixture("mlp.onnx"), "--json")
        #expect(run.code == 0, "\(run.stderr)")
        let report = try run.json()
        #expect(
            report.keys.sorted() == [
                "fraction_bits", "held_factors", "inputs", "is_runnable", "losses", "name", "operators", "opsets",
                "outputs",
                "parameters", "producer", "public_constants", "refusals", "tried_shapes",
            ]
        )
        #expect(report["is_runnable"] as? Bool == true)
        let operators = try #require(report["operators"] as? [[String: Any]])
        #expect(operators.map { $0["name"] as? String } == ["Gemm", "Relu"])
        #expect(operators.map { $0["count"] as? Int } == [3, 2])
        #expect(operators.allSatisfy { $0["is_supported"] as? Bool == true && $0["domain"] as? String == "" })
        let parameters = try #require(report["parameters"] as? [String: Int])
        #expect(
            parameters == ["tensors": 6, "numbers": 650, "bytes": 2600, "secret_tensors": 6, "secret_numbers": 650]
        )
        let inputs = try #require(report["inputs"] as? [[String: Any]])
        #expect(inputs.count == 1 && inputs[0]["dimensions"] as? [String] == ["N", "30"])
        #expect(inputs[0]["must_be_public"] as? Bool == false && inputs[0]["type"] as? String == "float")
        #expect((report["refusals"] as? [Any])?.isEmpty == true)
        let table = try await Tool.run("model", Tool.fixture("mlp.onnx"))
        #expect(table.code == 0)
        #expect(table.stdout.contains("can be run    yes"))
        #expect(table.stdout.contains("6 tensors, 650 numbers"))
    }

    @Test("all reasons for a refusal are listed, each with its nodes, and the exit code is 1")
    func refused() async throws {
        let run = try await Tool.run("model", Tool.fixture("owners/refused.onnx"), "--json")
        #expect(run.code == 1)
        let report = try run.json()
        #expect(report["is_runnable"] as? Bool == false)
        let refusals = try #require(report["refusals"] as? [[String: Any]])
        let nodes = Dictionary(
            uniqueKeysWithValues: refusals.map { ($0["operation"] as? String ?? "", $0["nodes"] as? [String] ?? []) }
        )
        #expect(nodes["com.example.Wobble"] == ["wobble_1", "wobble_2"])
        #expect(nodes["StringNormalizer"] == ["text"])
        #expect(nodes.count == 2, "\(refusals)")
        let operators = try #require(report["operators"] as? [[String: Any]])
        let unsupported = operators.filter { $0["is_supported"] as? Bool == false }.map { $0["name"] as? String ?? "" }
        #expect(unsupported.sorted() == ["StringNormalizer", "Wobble"])
        // What no refused node reads is classified as ever.
        #expect((report["parameters"] as? [String: Int])?["secret_tensors"] == 3)
        let table = try await Tool.run("model", Tool.fixture("owners/refused.onnx"))
        #expect(table.code == 1)
        #expect(table.stdout.contains("can be run    no, for 2 reasons"))
        #expect(table.stdout.contains("  com.example.Wobble (nodes wobble_1, wobble_2): "))
    }

    @Test("a file that is none is one sentence; help teaches")
    func others() async throws {
        let none = try await Tool.run("model", Tool.fixture("x_test.npy"))
        #expect(none.code == 1)
        #expect(none.lastLine.hasPrefix("error: ") && none.lastLine.contains("it isn't an ONNX model"))
        #expect(try await Tool.run("model", "missing.onnx").lastLine == "error: missing.onnx: there is no such file")
        let help = try await Tool.run("model", "--help")
        #expect(help.code == 0)
        #expect(help.stdout.contains("crypten model m.onnx --json"))
        #expect(help.stdout.contains("The exit code is 0 where the model can be run"))
    }

    @Test("public words are predicted, with the file and without", arguments: [false, true])
    func predictedWords(given: Bool) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        try Tensor([0, 5, 3, 1, 2, 4] as [Int64], shape: [2, 3])
            .write(toNumpyFile: URL(fileURLWithPath: folder.path("ids.npy")))
        let model = ["--model", Tool.fixture("owners/words.onnx"), "--json"]
        let plan = try await Tool.run(
            ["plan", "--network", "lan"] + model
                + (given
                    ? ["--public", "ids=\(folder.path("ids.npy"))"] : ["--public", "ids", "--input-shape", "ids=2x3"])
        )
        #expect(plan.code == 0, "\(plan.stderr)")
        #expect(try #require(try plan.json()["predicted_seconds"] as? Double) > 0)
        let run = try await Tool.run(
            ["infer", "--local", "2", "--public", "ids=\(folder.path("ids.npy"))", "--output-dir", folder.path("out")]
                + model
        )
        #expect(run.code == 0, "\(run.stderr)")
        let (predicted, report) = (try plan.json(), try run.json())
        for key in ["rounds", "dealer_bytes"] { #expect(predicted[key] as? Int == report[key] as? Int, "\(key)") }
        #expect(predicted["online_bytes_per_party"] as? [Int] == report["online_bytes_per_party"] as? [Int])
    }
}
