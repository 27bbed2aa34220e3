#if os(Linux)
import Foundation
import Testing
import _CrypTenTestSupport

/// Members that a scheduler has started, with one command line for all of them.
@Suite("Members by their rank", .serialized)
struct SchedulerTests {
    private static let members: [String: String?] = [
        "RANK": nil, "WORLD_SIZE": nil, "LOCAL_WORLD_SIZE": nil, "OMPI_COMM_WORLD_RANK": nil, "SLURM_PROCID": nil,
    ]

    private static func rank(_ rank: Int, of size: Int, port: Int = 1) -> [String: String?] {
        members.merging(
            [
                "RANK": "\(rank)", "WORLD_SIZE": "\(size)", "LOCAL_WORLD_SIZE": "\(size)", "MASTER_ADDR": "localhost",
                "MASTER_PORT": "\(port)", "TORCHELASTIC_RUN_ID": "test",
            ]
        ) { $1 }
    }

    @Test("three ranks are two parties and the dealer, whichever rank that is", arguments: ["last", "0", "1"])
    func inference(dealer: String) async throws {
        // Below the ports that the system gives away: hardly ever taken.
        let port = Int.random(in: 20_000..<32_000)
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let arguments = [
            "party", "--from-environment", "--dealer-rank", dealer, "--model", Tool.fixture("mlp.onnx"), "--input",
            Tool.fixture("x_test.npy"), "--output-dir", folder.path("out"), "--threads", "1", "--timeout", "40",
        ]
        let running = try (0..<3).map { rank in
            let place = TemporaryFolder(url: folder.url.appendingPathComponent("\(rank)"))
            try FileManager.default.createDirectory(at: place.url, withIntermediateDirectories: true)
            return try Tool.start(arguments, in: place, environment: Self.rank(rank, of: 3, port: port))
        }
        let dealing = dealer == "last" ? 2 : try #require(Int(dealer))
        for (rank, member) in running.enumerated() {
            let run = try await member.finish()
            #expect(run.code == 0, "\(run.stderr)")
            #expect(run.stderr.contains("dealer: listening at 127.0.0.1:\(port + 1 + rank)") == (rank == dealing))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("out")).count == 1)
    }

    @Test(
        "what the rank can't say is asked for in a sentence",
        arguments: [
            (["--dealer-rank", "last", "--id", "0"], "--id is what the rank says"),
            (["--model", "m.onnx"], "nothing says who the dealer is"),
            (["--dealer-rank", "3"], "there are ranks 0 to 2"),
            (["--dealer-rank", "last", "--dealer", "127.0.0.1:1"], "both say who the dealer is"),
            (["--dealer-rank", "last", "--base-port", "65535"], "are too few for 3 ranks"),
            (["--dealer-rank", "last", "--base-port"], "--base-port wants a value"),
        ]
    )
    func refused(_ arguments: [String], _ message: String) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let run = try await Tool.start(
            ["party", "--from-environment"] + arguments,
            in: folder,
            environment: Self.rank(1, of: 3)
        ).finish()
        #expect(run.code == 64 && run.lastLine.contains(message), "\(run.stderr)")
    }

    @Test("ranks on hosts that nobody names need a cluster file, and its parties are ranks")
    func hosts() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        var several = Self.rank(0, of: 3)
        several["LOCAL_WORLD_SIZE"] = "1"
        let arguments = ["party", "--from-environment", "--dealer-rank", "last", "--model", "m.onnx"]
        let unknown = try await Tool.start(arguments, in: folder, environment: several).finish()
        #expect(unknown.code == 64 && unknown.lastLine.contains("--cluster FILE"), "\(unknown.stderr)")
        // The name is the rank's; an identity is asked for as always.
        let print = String(repeating: "a", count: 63)
        let text = """
            cell: ranks
            members:
              left: {party: 0, address: "left.example:9400", identity: [\(print)1]}
              right: {party: 1, address: "right.example:9400", identity: [\(print)2]}
            dealers: {third: {address: "third.example:9400", identity: [\(print)3]}}
            models: {m: {owner: right, inputs: {x: {shapes: [[rows, 2]], range: [0, 1]}}}}
            """
        try text.write(toFile: folder.path("cluster.yaml"), atomically: true, encoding: .utf8)
        for (rank, name) in ["left", "right", "third"].enumerated() {
            several["RANK"] = "\(rank)"
            let run = try await Tool.start(
                arguments + ["--cluster", folder.path("cluster.yaml")],
                in: folder,
                environment: several
            ).finish()
            #expect(run.code == 1 && run.lastLine.contains("\(name) has no identity"), "\(run.stderr)")
        }
        several["WORLD_SIZE"] = "4"
        let more = try await Tool.start(
            arguments + ["--cluster", folder.path("cluster.yaml")],
            in: folder,
            environment: several
        ).finish()
        #expect(more.code == 64 && more.lastLine.contains("the cluster file has 2"), "\(more.stderr)")
    }

    @Test("without a scheduler it says which variables are missing; beside no --from-environment the rest says nothing")
    func nobody() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let run = try await Tool.start(["dealer", "--from-environment"], in: folder, environment: Self.members).finish()
        #expect(run.code == 1 && run.lastLine.contains("OMPI_COMM_WORLD_RANK (Open MPI)"), "\(run.stderr)")
        let alone = try await Tool.run("train", "--dealer-rank", "last")
        #expect(alone.code == 64 && alone.lastLine.contains("--dealer-rank goes with --from-environment"))
    }
}
#endif
