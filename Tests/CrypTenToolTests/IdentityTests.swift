#if os(Linux)
import CrypTen
import Foundation
import Testing
import _CrypTenTestSupport

@Suite("Identities on the command line", .serialized)
struct IdentityTests {
    /// Makes an identity in a folder; returns its file and fingerprint.
    private func create(
        _ name: String,
        in folder: TemporaryFolder,
        _ more: [String] = []
    ) async throws -> (file: String, fingerprint: String) {
        let run = try await Tool.run(["identity", "create", name, "--out", folder.url.path] + more)
        #expect(run.code == 0 && run.stderr.isEmpty)
        let line = try #require(run.stdout.split(separator: "\n").first { $0.hasPrefix("fingerprint") })
        return (folder.path("\(name).identity.pem"), String(try #require(line.split(separator: " ").last)))
    }

    @Test("create and show say the same, of the secret file and of the open one") func show() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let (file, fingerprint) = try await create("clinic", in: folder, ["--days", "100"])
        for path in [file, folder.path("clinic.certificate.pem")] {
            let run = try await Tool.run("identity", "show", path)
            #expect(run.code == 0 && run.stdout.contains(fingerprint) && !run.stdout.contains("PRIVATE"))
            let rows = run.stdout.split(separator: "\n").map {
                $0.split(separator: " ", omittingEmptySubsequences: true)
            }
            #expect(rows.map(\.first) == ["name", "fingerprint", "valid", "valid", "days"])
            #expect(rows[0].last == "clinic" && rows[4].last == "99")
        }
        let again = try await Tool.run("identity", "create", "clinic", "--out", folder.url.path)
        #expect(again.code == 1 && again.lastLine.contains("can't be made: File exists"))
        // A folder that isn't there is made, for this user alone.
        let inner = folder.path("keys/clinic")
        #expect(try await Tool.run("identity", "create", "clinic", "--out", inner + "/").code == 0)
        for made in [inner, folder.path("keys")] {
            #expect(try FileManager.default.attributesOfItem(atPath: made)[.posixPermissions] as? Int == 0o700)
        }
        let garbage = try await Tool.run("identity", "show", Tool.fixture("mlp.onnx"))
        #expect(garbage.code == 1 && garbage.lastLine.hasPrefix("error: "))
        let name = try await Tool.run("identity", "create", "a b", "--out", folder.url.path)
        #expect(name.code == 1 && name.lastLine.hasPrefix("error: \"a b\" can't be a member's name: take 1 to 63"))
    }

    @Test("an inference by hand over TLS, with fingerprints and with authorities, gives the outputs of one without")
    func inference() async throws {
        var outputs: [[Double]] = []
        for kind in ["none", "fingerprints", "authorities"] {
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            let names = ["0", "1", "dealer"]
            var own: [[String]] = [[], [], []]
            switch kind {
            case "fingerprints":
                var made: [(file: String, fingerprint: String)] = []
                for name in names { made.append(try await create("m\(name)", in: folder)) }
                for index in names.indices {
                    own[index] = ["--identity", made[index].file]
                    for (other, name) in names.enumerated() where other != index {
                        own[index] += ["--peer-identity", "\(name)=\(made[other].fingerprint)"]
                    }
                }
            case "authorities":
                for name in names {
                    let run = try await Tool.run("identity", "authority", "ca\(name)", "--out", folder.url.path)
                    #expect(run.code == 0)
                    _ = try await create(
                        "m\(name)",
                        in: folder,
                        ["--authority", folder.path("ca\(name).identity.pem")]
                    )
                }
                for (index, name) in names.enumerated() {
                    own[index] = ["--identity", folder.path("m\(name).identity.pem")]
                    for other in names where other != name {
                        own[index] += ["--peer-name", "\(other)=m\(other)"]
                        own[index] += ["--authority", "\(other)=\(folder.path("ca\(other).certificate.pem"))"]
                    }
                }
            default: break
            }
            let members = try Members(parties: 2, options: [])
            defer { members.end() }
            for index in [2, 1, 0] { try members.start(index, session: "tls", own[index]) }
            for index in 0...1 {
                let run = try await #require(members.running[index]).finish()
                #expect(run.code == 0, "\(run.stderr)")
                if kind != "none" {
                    #expect(run.stderr.contains("the dealer at \(members.address(of: 2)) is \"mdealer\""))
                }
            }
            let logits = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: members.folder.path("out/logits.npy")))
            outputs.append(logits.doubles)
        }
        let expected = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: Tool.fixture("mlp.logits.npy"))).doubles
        for output in outputs {
            #expect(output.count == expected.count && zip(output, expected).allSatisfy { abs($0 - $1) < 0.01 })
        }
    }

    @Test("a member that isn't known is refused, and told; the dealer goes on") func stranger() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let dealer = try await create("d", in: folder)
        let zero = try await create("m0", in: folder)
        let one = try await create("m1", in: folder)
        let stranger = try await create("stranger", in: folder)
        let members = try Members(parties: 2, options: [])
        defer { members.end() }
        try members.start(
            2,
            [
                "--identity", dealer.file, "--peer-identity", "0=\(zero.fingerprint)", "--peer-identity",
                "1=\(one.fingerprint)",
            ]
        )
        try members.start(
            1,
            [
                "--identity", stranger.file, "--peer-identity", "0=\(zero.fingerprint)", "--peer-identity",
                "dealer=\(dealer.fingerprint)", "--timeout", "10",
            ]
        )
        let run = try await #require(members.running[1]).finish()
        #expect(run.code == 1)
        #expect(
            run.lastLine.contains(
                "the dealer at \(members.address(of: 2)) refused the connection: it doesn't know the certificate"
            )
        )
        #expect(
            run.lastLine.contains(
                "read \(stranger.fingerprint) to its owner, who gives it as --peer-identity 1=FINGERPRINT"
            )
        )
        let said = try #require(members.running[2]).text("stderr")
        #expect(said.contains("dealer: warning: turned a caller away: the caller at 127.0.0.1:"))
        #expect(said.contains("\"stranger\", \(stranger.fingerprint)"))
        #expect(members.running[2]?.process.isRunning == true)
    }

    @Test(
        "what is missing or doesn't fit is a usage error with what to do",
        arguments: [
            (
                ["--peer-identity", "1=00"],
                "error: --identity is missing: who names others says who it is itself (crypten identity create NAME)"
            ),
            (
                ["--identity", "a", "--insecure-no-tls"],
                "error: --insecure-no-tls is for members without --identity: leave one of them out"
            ),
            (
                ["--identity", "a"],
                "error: nothing says who party 1 is: give --peer-identity 1=FINGERPRINT, which its owner reads out to you"
            ),
            (
                ["--identity", "a", "--peer-name", "1=b"],
                "error: --peer-name 1=…: give the --authority that has issued its certificate, too"
            ),
            (
                ["--identity", "a", "--peer-name", "1=b", "--authority", "c"],
                "error: nothing says who the dealer is: give --peer-identity dealer=FINGERPRINT"
            ),
            (
                ["--identity", "a", "--peer-identity", "0=00"],
                "error: --peer-identity 0=00: this is that member itself"
            ),
            (
                ["--identity", "a", "--peer-identity", "2=00"],
                "error: --peer-identity 2=00: there are parties 0 to 1, and the dealer"
            ),
            (
                ["--identity", "a", "--peer-identity", "1=00"],
                "error: \"00\" is no fingerprint: write its 64 hexadecimal digits"
            ),
            (
                ["--identity", "a", "--peer-identity", "bob=00"],
                "error: --peer-identity bob=00: write a party's number or dealer"
            ),
            (["--identity", "a", "--revoked", "x"], "error: \"x\" is no fingerprint: write its 64 hexadecimal digits"),
        ]
    )
    func usage(arguments: [String], message: String) async throws {
        let run = try await Tool.run(
            [
                "party", "--id", "0", "--parties", "127.0.0.1:1,127.0.0.1:2", "--dealer", "127.0.0.1:3", "--session",
                "s",
                "--input", "x.npy", "--output-dir", "o",
            ] + arguments
        )
        #expect(run.code == 64 && run.lastLine.hasPrefix(message), "\(run.lastLine)")
    }
}
#endif
