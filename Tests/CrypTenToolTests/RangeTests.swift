import CrypTen
import CrypTenBase
import CrypTenRuntime
import Foundation
import Testing

@Suite("Public ranges of inputs and exponents of weights, from the command line to the outputs")
struct RangeTests {
    private static let model = ["--model", Tool.fixture("mlp.onnx")]

    /// The fixture's numbers times a factor, as a file.
    private func input(times factor: Double, in folder: TemporaryFolder) throws -> String {
        let once = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: Tool.fixture("x_test.npy")))
        let path = folder.path("x.npy")
        try Tensor(once.doubles.map { $0 * factor }, shape: once.shape).write(toNumpyFile: URL(fileURLWithPath: path))
        return path
    }

    @Test(
        "with both, outputs are within 0.005 of onnxruntime's, and the plan tells the cost to the byte",
        arguments: [2, 3]
    )
    func inference(parties: Int) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let options = Self.model + ["--range", "x=-16..16", "--weight-exponents", "--json"]
        let run = try await Tool.run(
            ["infer", "--input", "x=\(Tool.fixture("x_test.npy"))", "--local", "\(parties)", "--output-dir"]
                + [folder.path("out")] + options
        )
        #expect(run.code == 0)
        #expect(run.stderr.hasPrefix("all parties will see how large these weights are: "))
        let logits = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: folder.path("out/logits.npy")))
        let expected = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: Tool.fixture("mlp.logits.npy")))
        #expect(zip(logits.doubles, expected.doubles).allSatisfy { abs($0 - $1) < 0.005 })
        let report = try run.json()
        let plan = try await Tool.run(
            ["plan", "--input-shape", "x=114x30", "--parties", "\(parties)"] + options
        ).json()
        for key in ["rounds", "online_bytes_per_party", "dealer_bytes", "setup_bytes_per_party"] {
            let (spent, planned) = (report[key] as? NSObject, plan[key] as? NSObject)
            #expect(spent != nil && spent == planned, "\(key)")
        }
        #expect((plan["weight_exponents"] as? [Any])?.isEmpty == false)
    }

    @Test("what an input loses is told by its range, where one is given")
    func losses() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        // About as large as a step of 16 fraction bits; of a range to 0.002 numbers have 28.
        let input = try input(times: 1e-4, in: folder)
        func run(_ more: [String]) async throws -> Tool.Run {
            let output = folder.path(UUID().uuidString)
            return try await Tool.run(
                ["infer"] + Self.model + ["--input", "x=\(input)", "--local", "2", "--json", "--output-dir", output]
                    + more
            )
        }
        for check in [[], ["--check"]] {
            let plain = try await run(check)
            #expect(plain.code == 0)
            #expect(plain.stderr.contains("inputs of which 16 fraction bits take more than 2^-8 of their size: x ("))
            #expect(plain.stderr.contains(" or --range keeps them"))
            let listed = try #require(try plain.json()["losses"] as? [[String: Any]])
            #expect(listed.map { $0["name"] as? String } == ["x"])
            let declared = try await run(check + ["--range", "x=-0.001..0.002"])
            #expect(declared.code == 0)
            #expect(!declared.stderr.contains("inputs of which"))
            #expect(try declared.json()["losses"] == nil)
            let wide = try await run(check + ["--range", "x=-100..100"])
            #expect(wide.stderr.contains("a narrower --range keeps them"))
        }
    }

    @Test(
        "slices of an input with a range give the outputs of the whole"
    )
    func slices() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let once = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: Tool.fixture("x_test.npy")))
        let rows = 114 * 150
        let numbers = (0..<rows * 30).map { once.doubles[$0 % once.doubles.count] }
        try Tensor(numbers, shape: [rows, 30]).write(toNumpyFile: URL(fileURLWithPath: folder.path("x.npy")))
        let run = try await Tool.run(
            [
                "infer", "--input", folder.path("x.npy"), "--local", "2", "--memory-limit", "48MiB", "--range",
                "x=-16..16",
            ]
                + ["--output-dir", folder.path("out"), "--json"] + Self.model
        )
        #expect(run.code == 0)
        #expect((try run.json()["slices"] as? Int).map { $0 > 1 } == true)
        let logits = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: folder.path("out/logits.npy"))).doubles
        let expected = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: Tool.fixture("mlp.logits.npy"))).doubles
        #expect(logits.count == rows * 2)
        #expect(logits.indices.allSatisfy { abs(logits[$0] - expected[$0 % expected.count]) < 0.005 })
    }

    @Test("the help of a party says whose they are")
    func help() async throws {
        let help = try await Tool.run("party", "--help").stdout.split(whereSeparator: \.isWhitespace)
            .joined(separator: " ")
        #expect(help.contains("Each party gives what it has: --input and --public its own files,"))
        #expect(
            help.contains(
                "--range their ranges, --model the model if it has it, which may give its weights --weight-exponents"
            )
        )
    }
}

#if os(Linux)
@Suite("Ranges of a peer that isn't this program")
struct HostileRangeTests {
    private let members: Members
    private let other: Tool.Running

    /// Party 1 and the dealer are this program.
    init() throws {
        members = try Members(parties: 2, options: ["--silence-limit", "2"])
        try members.start(2)
        other = try members.start(1)
    }

    /// Party 0, which has told its list.
    private func peer(telling ends: String) async throws -> Session {
        let list = """
            {"hasModel":false,"entries":[{"name":"x","isPublic":false,"shape":[1,30],"isReal":true}],"keys":[],"joins":[],\
            "receivers":[],"prepares":false,"storesPrepared":false,"ranges":[{"name":"x",\(ends)}]}
            """
        let session = try await Session.connect(
            party: .init(0),
            parties: [members.address(of: 0), members.address(of: 1)],
            dealer: members.address(of: 2),
            session: "failures",
            timeout: .seconds(30)
        )
        _ = try await session.tellEachOther(.success(Array(list.utf8)), refusing: .unnamed)
        return session
    }

    private func expectRefusal() async throws {
        let run = try await other.finish()
        #expect(run.code == 1)
        #expect(run.lastLine.contains("--range x="))
        #expect(run.lastLine.contains("can't be declared: it goes up, and its ends are at most 2^46"))
    }

    @Test(
        "a reversed range, or one beyond what can be declared, ends the others with one sentence and no crash",
        arguments: ["\"low\":2,\"high\":1", "\"low\":0,\"high\":1e300", "\"low\":-1e300,\"high\":1"]
    )
    func reversed(ends: String) async throws {
        defer { members.end() }
        let session = try await peer(telling: ends)
        // What follows of the protocol is the model's skeleton, and the other's refusal.
        _ = try await session.broadcast(from: .init(1)) { [] }
        await session.close()
        try await expectRefusal()
    }

    @Test("who lives and does something else then is waited for no longer than the silence limit")
    func waiting() async throws {
        defer { members.end() }
        let session = try await peer(telling: "\"low\":2,\"high\":1")
        try await expectRefusal()
        await session.close()
    }
}
#endif
