import Foundation
import Testing

@Suite("What all will see of a model")
struct PublicConstantTests {
    private let shown = """
        all parties will see these constants of the model:
          named with --open: 2.bias float [8] (8 numbers), 4.weight float [2, 8] (16 numbers)

        """

    private let opening = ["--open", "2.bias", "--open", "4.weight"]

    @Test("infer says it on stderr, once, with sizes and reasons; of a model that shows nothing it says nothing")
    func infer() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let arguments = [
            "infer", "--model", Tool.fixture("mlp.onnx"), "--input", Tool.fixture("x_test.npy"), "--local", "2",
            "--output-dir", folder.path("out"),
        ]
        let run = try await Tool.run(arguments + opening)
        #expect(run.code == 0)
        #expect(run.stderr == shown)
        #expect(try await Tool.run(arguments).stderr.isEmpty)
        let check = try await Tool.run(arguments + opening + ["--check"])
        #expect(check.stderr == shown)
    }

    #if os(Linux)
    @Test("the party that has the model says it before it calls anybody")
    func party() async throws {
        let members = try Members(parties: 2, options: ["--timeout", "0.5"])
        defer { members.end() }
        let run = try await members.start(1, opening).finish()
        #expect(run.code == 1)
        #expect(run.stderr.hasPrefix(shown + "party 1: connecting\n"))
        #expect(run.lastLine.hasPrefix("error: "))
    }
    #endif

    @Test("plan says of each constant whether it is secret, and by which rule")
    func plan() async throws {
        let arguments = ["plan", "--model", Tool.fixture("mlp.onnx"), "--input-shape", "x=1x30"] + opening
        let report = try await Tool.run(arguments + ["--json"]).json()
        let constants = try #require(report["constants"] as? [[String: Any]])
        #expect(constants.count == 6)
        for constant in constants {
            let isOpen = ["2.bias", "4.weight"].contains(constant["name"] as? String)
            #expect(constant["visibility"] as? String == (isOpen ? "public" : "secret"))
            #expect(constant["rule"] as? String == (isOpen ? "open" : "weight"))
            #expect(constant["reason"] as? String == (isOpen ? "named with --open" : "a float"))
        }
        let text = try await Tool.run(arguments).stdout
        let lines = text.split(separator: "\n").filter { $0.contains(" constant ") }
        #expect(lines.count == 6)
        #expect(lines.filter { $0.hasSuffix("named with --open") && $0.contains("public constant") }.count == 2)
        #expect(lines.filter { $0.hasSuffix("a float") && $0.contains("secret constant") }.count == 4)
    }
}
