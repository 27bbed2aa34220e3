import CrypTen
import Foundation
import Testing

/// Small inputs of the kinds on which people's runs have failed, here or elsewhere: each is right, or said beforehand to need an option.
@Suite("Cases from people's reports")
struct CaseTests {
    struct Case: Codable, Sendable, CustomTestStringConvertible {
        var name: String
        var inputs: [String]
        var `public`: [String]
        var outputs: [String]
        var atol: Double
        var rtol: Double
        var args: [String]?

        var testDescription: String { name }

        func path(_ file: String) -> String { Tool.fixture("cases/\(name)/\(file)") }
    }

    /// What everybody may know of the inputs of a case whose numbers don't fit otherwise: without it `--check` says so.
    static let declared: [String: [String]] = [
        "noise-of-a-mechanism": ["--range", "delta=0..0.0001"],
        "product-beyond-the-range": ["--range", "x=-2000000..2000000", "--range", "y=-2000000..2000000"],
        "regression-of-raw-amounts": ["--weight-exponents"],
        "statistics-of-salaries": ["party0", "party1", "party2"].flatMap { ["--range", "\($0)=0..250000"] },
    ]

    static let all: [Case] = {
        let folder = URL(fileURLWithPath: Tool.fixture("cases"))
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.sorted().compactMap { name in
            guard let data = try? Data(contentsOf: folder.appending(path: "\(name)/case.json")) else { return nil }
            return try? JSONDecoder().decode(Case.self, from: data)
        }
    }()

    private static func array(_ path: String) throws -> Tensor {
        try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: path))
    }

    /// A name as a file's.
    private static func fileName(_ name: String) -> String {
        String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "_" })
    }

    private func arguments(_ item: Case) -> [String] {
        ["infer", "--model", item.path("model.onnx")]
            + item.inputs.flatMap {
                [item.public.contains($0) ? "--public" : "--input", "\($0)=\(item.path("in.\($0).npy"))"]
            }
            + (item.args ?? [])
    }

    @Test("there are as many as there were reports")
    func count() {
        #expect(CaseTests.all.count == 36)
    }

    @Test("right", arguments: CaseTests.all, [2, 3])
    func right(item: Case, parties: Int) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let run = try await Tool.run(
            arguments(item) + (CaseTests.declared[item.name] ?? [])
                + ["--local", "\(parties)", "--output-dir", folder.path("out"), "--json"]
        )
        try #require(run.code == 0, "\(run.lastLine)")
        let outputs = try #require(try run.json()["outputs"] as? [[String: Any]])
        for output in item.outputs {
            let want = try CaseTests.array(
                item.path(item.outputs.count == 1 ? "expected.npy" : "expected.\(CaseTests.fileName(output)).npy")
            )
            let file = outputs.first { $0["name"] as? String == output }?["file"] as? String
            let got = try CaseTests.array(try #require(file))
            #expect(got.shape == want.shape)
            for (index, (value, expected)) in zip(got.doubles, want.doubles).enumerated() {
                let distance = (value - expected).magnitude
                #expect(
                    distance <= item.atol + item.rtol * expected.magnitude,
                    "\(output) at \(index): \(value), not \(expected)"
                )
            }
        }
    }

    @Test("what doesn't fit without an option is said by the check", arguments: CaseTests.declared.keys.sorted())
    func announced(name: String) async throws {
        let item = try #require(CaseTests.all.first { $0.name == name })
        let run = try await Tool.run(arguments(item) + ["--local", "2", "--check"])
        #expect(run.code == 1)
        #expect(run.lastLine.hasPrefix("error: "))
    }
}
