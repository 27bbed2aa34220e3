import Foundation
import Testing

@Suite("Cluster files on the command line")
struct ClusterCommandTests {
    @Test("check says what is wrong with a line, or what all must agree on; cell says what clients need")
    func check() async throws {
        let cell = try TestCell()
        let file = cell.folder.path("cell.yaml")
        let good = try await Tool.run("cluster", "check", file, "--as", "p1")
        #expect(good.code == 0 && good.stdout.contains("agreement") && good.stderr.isEmpty, "\(good)")
        let told = try await Tool.run("cluster", "cell", file).json()
        let parties = try #require(told["parties"] as? [[String: Any]])
        #expect(told["cell"] as? String == "test" && parties.map { $0["name"] as? String } == ["p0", "p1"])
        #expect(parties[1]["url"] as? String == cell.door(1))
        // Runs that are prepared and won't fit are warned of, by whoever has the model.
        try cell.writeFile {
            $0.replacingOccurrences(of: "prepared: {1: 2}", with: "prepared: {1: 400, 8: 200}").replacingOccurrences(
                of: "limits: {",
                with: "limits: {memory: 64MiB, "
            )
        }
        let large = try await Tool.run("cluster", "check", file, "--as", "p1")
        #expect(large.code == 0 && large.stdout.contains("agreement"))
        #expect(large.lastLine.contains("the 600 runs of p1's models") && large.lastLine.contains("64 MiB"), "\(large)")
        #expect(try await Tool.run("cluster", "check", file, "--as", "p0").stderr.isEmpty)
        try cell.writeFile()
        // A member that isn't there, an identity that isn't the one that others know.
        #expect(try await Tool.run("cluster", "check", file, "--as", "p7").lastLine.contains("it has p0, p1, dealer"))
        try cell.writeFile {
            $0.replacingOccurrences(of: "owner: p1", with: "owner: p7").replacingOccurrences(
                of: "window: 2ms",
                with: "window: 2"
            )
        }
        let bad = try await Tool.run("cluster", "check", file)
        #expect(bad.code == 1 && bad.stdout.isEmpty)
        #expect(bad.stderr.contains("'p7' is no member") && bad.stderr.contains("write a number and ms"))
        #expect(bad.stderr.split(separator: "\n").allSatisfy { $0.contains(": line ") })
        let other = try cell.fingerprint("stranger")
        try cell.writeFile { [fingerprint = try cell.fingerprint("p1")] in
            $0.replacingOccurrences(of: fingerprint, with: other)
        }
        let own = try await Tool.run("cluster", "check", file, "--as", "p1")
        #expect(
            own.code == 1
                && own.stderr.contains("none of the identities of p1 has the fingerprint that others know it by")
        )
        #expect(
            try await Tool.run("cluster", "check", cell.folder.path("none.yaml")).lastLine.contains("can't be read")
        )
        #expect(try await Tool.run("serve", "--cluster", file, "--as", "p7").code == 1)
    }

    @Test("a member of one inference takes its place from the cluster file")
    func flags() async throws {
        let cell = try TestCell()
        let place = ["--cluster", cell.folder.path("cell.yaml"), "--as"]
        let folders = try (0..<3).map { _ in try TemporaryFolder() }
        defer { for folder in folders { folder.remove() } }
        let dealer = try Tool.start(["dealer"] + place + ["dealer"], in: folders[2])
        let one = try Tool.start(["party"] + place + ["p1", "--model", Tool.fixture("mlp.onnx")], in: folders[1])
        let zero = try Tool.start(
            ["party"] + place + [
                "p0", "--input", "x=\(Tool.fixture("x_test.npy"))", "--output-dir", folders[0].path("out"),
            ],
            in: folders[0]
        )
        let runs = (try await zero.finish(), try await one.finish())
        #expect(runs.0.code == 0 && runs.1.code == 0, "\(runs.0.stderr) \(runs.1.stderr)")
        #expect(FileManager.default.fileExists(atPath: folders[0].path("out/logits.npy")))
        kill(dealer.process.processIdentifier, SIGTERM)
        #expect(try dealer.text("stderr").contains("is \"p0\""))
        _ = try await dealer.finish()
        // What the file answers isn't asked twice, and each command is for its members.
        #expect(
            try await Tool.run(["party"] + place + ["p0", "--id", "1"]).lastLine.contains(
                "--id is what the cluster file says"
            )
        )
        #expect(try await Tool.run(["dealer"] + place + ["p0"]).lastLine.contains("p0 is a party of the cell"))
        #expect(try await Tool.run(["party", "--as", "p0"]).lastLine.contains("belong together"))
        #expect(try await Tool.run(["party"] + place).code == 64)
    }
}
