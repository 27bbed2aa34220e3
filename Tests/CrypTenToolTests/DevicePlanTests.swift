import CrypTenDevice
import Foundation
import Testing

@Suite("Plans for devices")
struct DevicePlanTests {
    /// A device of CUDA's, which no test's machine has, whose launches take a millisecond and everything else nothing.
    private static func profile(_ change: (inout String) -> Void = { _ in }) -> String {
        let kernels = KernelName.allCases.map { "\"\($0.rawValue)\": { \"per_second\": 1e30 }" }
        var text = """
            {
              "format": "crypten-device-profile-2", "device": "a card of round numbers", "library": "cuda",
              "memory_bytes": 17179869184, "launch_seconds": 1e-3, "submit_seconds": 1e-30, "bytes_per_second": 1e30,
              "upload_seconds": 1e-30, "uploaded_bytes_per_second": 1e30, "download_seconds": 1e-30,
              "downloaded_bytes_per_second": 1e30, "sines_per_second": 1e30, "kernels": { \(kernels.joined(separator: ", ")) }
            }
            """
        change(&text)
        return text
    }

    private static let plan = ["plan", "--model", Tool.fixture("mlp.onnx"), "--input-shape", "x=300x30"]

    private func run(_ profile: String, _ arguments: [String]) async throws -> Tool.Run {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        try profile.write(toFile: folder.path("card.json"), atomically: true, encoding: .utf8)
        return try await Tool.start(Self.plan + arguments + ["--device-profile", folder.path("card.json")], in: folder)
            .finish()
    }

    @Test(
        "a profile from elsewhere is enough: launches, bytes and seconds beside rounds and bytes, which stay as they are"
    )
    func elsewhere() async throws {
        let run = try await run(Self.profile(), ["--json"])
        #expect(run.code == 0 && run.stderr.isEmpty)
        let plan = try run.json()
        let plain = try await Tool.run(Self.plan + ["--json"]).json()
        for key in ["rounds", "dealer_bytes"] { #expect(plan[key] as? Int == plain[key] as? Int) }
        #expect(plain["device"] == nil)
        let device = try #require(plan["device"] as? [String: Any])
        #expect(device["name"] as? String == "a card of round numbers" && device["library"] as? String == "cuda")
        let launches = try #require(device["launches"] as? Int)
        let seconds = try #require(device["seconds"] as? Double)
        #expect(launches > 20 && abs(seconds - 1e-3 * Double(launches)) < 1e-9 * Double(launches))
        let kernels = try #require(device["kernels"] as? [[String: Any]])
        #expect(kernels.reduce(0) { $0 + ($1["launches"] as? Int ?? 0) } == launches)
        for key in ["memory_bytes", "aes_blocks", "held_memory_bytes"] {
            #expect((device[key] as? Int ?? 0) > 0, "\(key)")
        }
        let down = try #require(device["down"] as? [String: Any])
        #expect((down["bytes"] as? Int ?? 0) > 0 && (down["copies"] as? Int ?? 0) > 0)
        #expect(plan["predicted_seconds"] == nil, "no network was named")
    }

    @Test("slabs for devices take fewer launches")
    func slabs() async throws {
        func launches(_ bits: String) async throws -> Int {
            let plan = try await run(Self.profile(), ["--json", "--slab-bits", bits]).json()
            return try #require((plan["device"] as? [String: Any])?["launches"] as? Int)
        }
        #expect(try await launches("18") < launches("12"))
    }

    @Test("with a network the whole time is predicted, and grows with the device's")
    func network() async throws {
        let quick = try await run(Self.profile(), ["--json", "--network", "lan"]).json()
        let slow = try await run(
            Self.profile { $0 = $0.replacing("\"launch_seconds\": 1e-3", with: "\"launch_seconds\": 2e-2") },
            ["--json", "--network", "lan"]
        ).json()
        let seconds = try [quick, slow].map { try #require($0["predicted_seconds"] as? Double) }
        let device = try #require((quick["device"] as? [String: Any])?["seconds"] as? Double)
        #expect(seconds[0] > 0.5 * device && seconds[1] > 4 * seconds[0])
        let parts = try #require(slow["predicted_parts"] as? [String: Double])
        #expect(abs(parts.values.reduce(0, +) - seconds[1]) <= 1e-6 * seconds[1])
    }

    @Test("people get a table of kernels, and what they come to")
    func text() async throws {
        let run = try await run(Self.profile(), [])
        #expect(run.code == 0)
        for line in [
            "party 0's kernels", "\nexpand ", "\nboolean_program ", "\n(copies to the host) ",
            "a card of round numbers (cuda)", "\nkernel calls ", "\nblocks of AES ", "\nthe device's seconds ",
        ] { #expect(run.stdout.contains(line), "\(line)") }
    }

    @Test(
        "a profile that can't be used is an error that says why",
        arguments: [
            (
                "-profile-2", "-profile-1",
                "says that it's crypten-device-profile-1, and this version reads crypten-device-profile-2"
            ),
            ("\"submit_seconds\": 1e-30, ", "", "submit_seconds is missing"),
            ("\"launch_seconds\": 1e-3", "\"launch_seconds\": -1", "launch_seconds is -1.0, and not positive"),
            ("\"truncate\"", "\"cut\"", "it has a kernel cut that this version doesn't"),
            ("{", "", "it's no JSON"),
        ]
    )
    func refusals(right: String, wrong: String, reason: String) async throws {
        let run = try await run(Self.profile { $0 = $0.replacing(right, with: wrong, maxReplacements: 1) }, [])
        #expect(run.code == 1 && run.stdout.isEmpty)
        #expect(run.lastLine.hasPrefix("error: ") && run.lastLine.contains("card.json"))
        #expect(run.lastLine.contains(reason), "\(run.lastLine)")
    }

    @Test("a device of another library than the profile's is refused, and so is a file that isn't there")
    func contradictions() async throws {
        let other = try await run(Self.profile(), ["--device", "opencl:0"])
        #expect(other.code == 1)
        #expect(other.lastLine.contains("--device opencl:0 is another than what"))
        let none = try await Tool.run(Self.plan + ["--device-profile", "/nowhere/card.json"])
        #expect(none.code == 1)
        #expect(none.lastLine.hasPrefix("error: /nowhere/card.json can't be read"))
        let bench = try await Tool.run("bench", "kernels", "--write", "card.json")
        #expect(bench.code == 64)
        #expect(bench.lastLine.hasPrefix("error: --write is for the speeds of a device"))
        let unknown = try await Tool.run(Self.plan + ["--device", "gpu"])
        #expect(unknown.code == 64)
    }

    @Test("without a profile and without the device: an error with the remedy")
    func missing() async throws {
        let run = try await Tool.run(Self.plan + ["--device", "opencl:99"])
        #expect(run.code == 1 && run.stdout.isEmpty)
        #expect(run.lastLine.hasPrefix("error: opencl:99 was asked for"))
        #expect(
            run.lastLine.contains(
                "give --device-profile a file that `crypten bench kernels --device opencl --write FILE` has made"
            )
        )
    }

    private static let processor = DeviceList.all().devices.first { $0.isProcessor && $0.obstacle == nil }
        .map { "\($0.choice)" }

    @Test(
        "a device that is here is measured first",
        .enabled(if: processor != nil, "OpenCL finds no processor on this machine")
    )
    func measured() async throws {
        let processor = try #require(Self.processor)
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let arguments = Self.plan + ["--device", processor, "--network", "loop", "--json"]
        let run = try await Tool.start(arguments, in: folder).finish(within: .seconds(300))
        #expect(run.code == 0 && run.stderr.isEmpty)
        let plan = try run.json()
        #expect((plan["predicted_seconds"] as? Double ?? 0) > 0)
        #expect((plan["device"] as? [String: Any])?["library"] as? String == "opencl")
    }
}
