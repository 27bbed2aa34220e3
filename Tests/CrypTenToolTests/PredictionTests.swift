import Foundation
import Testing

@Suite("Predicted times, and the report in HTML")
struct PredictionTests {
    @Test("a network adds seconds to the plan, layer by layer, and changes no other figure")
    func network() async throws {
        let arguments = ["plan", "--model", Tool.fixture("mlp.onnx"), "--input-shape", "x=3x30", "--json"]
        let plain = try await Tool.run(arguments).json()
        let run = try await Tool.run(arguments + ["--network", "wan", "--threads", "1"])
        #expect(run.code == 0)
        #expect(run.stderr.isEmpty)
        let plan = try run.json()
        for key in ["rounds", "dealer_bytes"] { #expect(plan[key] as? Int == plain[key] as? Int) }
        #expect(plan["network"] as? String == "wan")
        let seconds = try #require(plan["predicted_seconds"] as? Double)
        let rounds = try #require(plan["rounds"] as? Int)
        #expect(seconds >= 0.02 * Double(rounds - 1), "half a round trip for each round after the first")
        let layers = try #require(plan["layers"] as? [[String: Any]])
        let sum = layers.reduce(0) { $0 + ($1["seconds"] as? Double ?? 0) }
        #expect(abs(sum - seconds) <= 1e-6 * seconds, "layers add up")
        let parts = try #require(plan["predicted_parts"] as? [String: Double])
        #expect(parts.keys.sorted() == ["bandwidth", "computing", "dealer", "latency"])
        #expect(abs(parts.values.reduce(0, +) - seconds) <= 1e-6 * seconds, "parts add up")
        #expect(plain["network"] == nil && plain["predicted_seconds"] == nil && plain["predicted_parts"] == nil)
    }

    @Test(
        "a network of one's own is given by its speed and its round trip",
        arguments: ["400Mbit/40ms", "0.4Gbit/0.04s"]
    )
    func ownNetwork(name: String) async throws {
        let arguments = ["plan", "--model", Tool.fixture("mlp.onnx"), "--input-shape", "x=3x30", "--json", "--network"]
        let known = try await Tool.run(arguments + ["wan"]).json()
        let own = try await Tool.run(arguments + [name]).json()
        #expect(own["network"] as? String == name)
        let parts = try [known, own].map { try #require($0["predicted_parts"] as? [String: Double]) }
        for part in ["latency", "bandwidth"] {
            let (known, own) = (try #require(parts[0][part]), try #require(parts[1][part]))
            #expect(abs(known - own) < 0.02 * known, "\(part)")
        }
    }

    @Test("a plan in other slabs costs the same, and so does a run of it")
    func slabs() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let names = ["rounds", "online_bytes_per_party", "dealer_bytes"]
        var plans: [[String: Any]] = []
        for slabs in [[], ["--slab-bits", "12"], ["--slab-bits", "18"]] {
            let run = try await Tool.run(
                ["plan", "--model", Tool.fixture("mlp.onnx"), "--input", "x=\(Tool.fixture("x_test.npy"))", "--json"]
                    + slabs
            )
            #expect(run.code == 0)
            plans.append(try run.json())
        }
        let run = try await Tool.run(
            ["infer", "--model", Tool.fixture("mlp.onnx"), "--input", "x=\(Tool.fixture("x_test.npy"))", "--json"]
                + ["--output-dir", folder.path("out"), "--local", "2", "--slab-bits", "18"]
        )
        #expect(run.code == 0)
        plans.append(try run.json())
        for name in names {
            let figures = plans.map { "\($0[name] ?? "none")" }
            #expect(Set(figures).count == 1 && figures[0] != "none", "\(name): \(figures)")
        }
    }

    @Test("the page has every layer, escapes what files name, and refers to nothing", arguments: [false, true])
    func page(timed: Bool) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        // The model's first layer is renamed, to as many letters.
        let model = try Data(contentsOf: URL(fileURLWithPath: Tool.fixture("mlp.onnx")))
        let renamed = model.replacing(Data("/0/Gemm".utf8), with: Data("<i>&\"'x".utf8))
        try renamed.write(to: URL(fileURLWithPath: folder.path("<b>.onnx")))
        let run = try await Tool.run(
            ["plan", "--model", folder.path("<b>.onnx"), "--input-shape", "x=3x30", "--html", folder.path("plan.html")]
                + ["--json"] + (timed ? ["--network", "lan"] : [])
        )
        #expect(run.code == 0)
        #expect(run.stderr.isEmpty)
        let layers = try #require(try run.json()["layers"] as? [[String: Any]])
        let html = try String(contentsOf: URL(fileURLWithPath: folder.path("plan.html")), encoding: .utf8)
        for layer in layers {
            let name = try #require(layer["name"] as? String)
            if !name.contains("<") { #expect(html.contains("<th scope=\"row\">\(name)</th>")) }
        }
        let report = try run.json()
        let constants = try #require(report["constants"] as? [[String: Any]])
        #expect(!constants.isEmpty)
        for constant in constants {
            let name = try #require(constant["name"] as? String)
            let reason = try #require(constant["reason"] as? String)
            #expect(html.contains("<th scope=\"row\">\(name)</th>") && html.contains(reason))
        }
        #expect(html.contains("Parties other than the model’s owner see none."))
        #expect(html.contains("\(constants.count) secret</summary>"))
        #expect(html.contains("<th scope=\"row\">&lt;i&gt;&amp;&quot;&#39;x</th>"))
        #expect(html.contains("&lt;b&gt;.onnx</h1>"))
        #expect(!html.contains("<b>.onnx") && !html.contains("<i>&"))
        #expect(html.contains("<th scope=\"col\">time</th>") == timed)
        for word in ["http:", "https:", "src=", "href=", "<script", "@import", "url("] { #expect(!html.contains(word)) }
        #expect(html.contains("prefers-color-scheme: dark"))
    }

    @Test("a report that can't be written is one error")
    func unwritable() async throws {
        let run = try await Tool.run(
            "plan",
            "--model",
            Tool.fixture("mlp.onnx"),
            "--input-shape",
            "x=3x30",
            "--html",
            "/nonexistent/plan.html"
        )
        #expect(run.code != 0)
        #expect(run.stdout.isEmpty)
        #expect(run.lastLine.hasPrefix("error: the report /nonexistent/plan.html can't be written"))
    }
}
