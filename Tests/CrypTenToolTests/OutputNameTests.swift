import CrypTen
import Foundation
import Testing

@Suite("Files of outputs whose names are no file names")
struct OutputNameTests {
    /// Outputs of `names.onnx`: the first is x, the second twice x, and so on.
    private let names = ["a/b", "a:b", "A_b", "a_b", String(repeating: "layer/", count: 50) + "Relu:0", "y\nz"]

    @Test("each output has a file of its own, short enough, also where names have no case, and is told before the run")
    func names() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let x = Tensor([1.0, -2], shape: [2])
        try x.write(toNumpyFile: URL(fileURLWithPath: folder.path("x.npy")))
        let run = try await Tool.run(
            "infer",
            "--model",
            Tool.fixture("names.onnx"),
            "--input",
            "x=\(folder.path("x.npy"))",
            "--local",
            "2",
            "--output-dir",
            folder.path("out"),
            "--json"
        )
        #expect(run.code == 0, "\(run.stderr)")
        let outputs = try #require(try run.json()["outputs"] as? [[String: Any]])
        #expect(outputs.map { $0["name"] as? String } == names)
        let files = outputs.compactMap { ($0["file"] as? String).map { URL(fileURLWithPath: $0) } }
        let last = files.map(\.lastPathComponent)
        #expect(Set(last.map { $0.lowercased() }).count == names.count)
        #expect(
            last.allSatisfy { $0.utf8.count <= 255 && $0.hasSuffix(".npy") && !$0.contains { "/:\n".contains($0) } }
        )
        #expect(last[2] == "A_b.npy" && last[5] == "y_z.npy")
        for (index, file) in files.enumerated() {
            let values = try Tensor(contentsOfNumpyFile: file).doubles
            let expected = x.doubles.map { $0 * Double(index + 1) }
            #expect(zip(values, expected).allSatisfy { abs($0 - $1) < 1e-3 })
            let line = "output '\(names[index].replacing("\n", with: " "))' goes to \(last[index])"
            #expect(run.stderr.contains(line) == (index != 2))
        }
        // The same names every time.
        let again = try await Tool.run(
            "infer",
            "--model",
            Tool.fixture("names.onnx"),
            "--input",
            "x=\(folder.path("x.npy"))",
            "--local",
            "2",
            "--output-dir",
            folder.path("out2")
        )
        #expect(again.code == 0)
        #expect(Set(try FileManager.default.contentsOfDirectory(atPath: folder.path("out2"))) == Set(last))
    }
}
