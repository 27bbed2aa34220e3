import CrypTenDevice
import Foundation
import Testing

@Suite("Devices")
struct DevicesTests {
    private static let found = DeviceList.all()
    /// A processor that OpenCL knows, such as PoCL's.
    private static let processor = found.devices.first { $0.isProcessor && $0.obstacle == nil }.map { "\($0.choice)" }

    @Test("explains itself")
    func help() async throws {
        let run = try await Tool.run("devices", "--help")
        #expect(run.code == 0)
        for line in [
            "USAGE: crypten devices [--check] [--bench] [--device <device>] [--write <file>] [--short] [--json]",
            "crypten devices --check --device opencl:0", "nothing was measured for them",
        ] { #expect(run.stdout.contains(line)) }
    }

    @Test("lists what there is, and a sentence for each library that has none, and ends with 0")
    func list() async throws {
        let run = try await Tool.run("devices")
        #expect(run.code == 0)
        #expect(run.stderr.isEmpty)
        let lines = run.stdout.split(separator: "\n")
        #expect(
            lines.count == Self.found.missing.count + (Self.found.devices.isEmpty ? 0 : 1 + Self.found.devices.count)
        )
        for device in Self.found.devices {
            #expect(lines.contains { $0.hasPrefix("\(device.choice) ") && $0.contains(device.name) })
        }
        for reason in Self.found.missing { #expect(lines.contains { $0.hasSuffix(reason.dropFirst() + ".") }) }
        let json = try await Tool.run("devices", "--json").json()
        let devices = try #require(json["devices"] as? [[String: Any]])
        #expect(devices.compactMap { $0["device"] as? String } == Self.found.devices.map { "\($0.choice)" })
        #expect(devices.compactMap { $0["memory_bytes"] as? Int } == Self.found.devices.map(\.memoryBytes))
        #expect(json["missing"] as? [String] == Self.found.missing)
    }

    @Test("where no driver is, both libraries are missing, and that is no error")
    func none() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        // A folder of drivers that is empty; of CUDA's library there is no such thing.
        let nothing = ["OCL_ICD_VENDORS": folder.path(""), "LD_LIBRARY_PATH": nil]
        let list = try await Tool.start(["devices", "--json"], in: folder, environment: nothing).finish()
        #expect(list.code == 0)
        let json = try list.json()
        let devices = try #require(json["devices"] as? [[String: Any]])
        guard devices.isEmpty else { return }
        #expect((json["missing"] as? [String])?.count == 2)
        let check = try await Tool.start(["devices", "--check"], in: folder, environment: nothing).finish()
        #expect(check.code == 1)
        #expect(check.stdout.isEmpty)
        #expect(
            check.lastLine
                == "error: no device can be used but processors: crypten devices says what is missing"
        )
    }

    @Test(
        "what can't be meant ends with 64",
        arguments: [
            (["--device", "cuda"], "error: --device says what --check and --bench work on: give one of them, or both"),
            (["--short"], "error: --short is for --check and --bench"),
            (["--check", "--write", "f"], "error: --write needs --bench, which measures what it writes"),
            (
                ["--check", "--device", "cpu"],
                "error: --device cpu: the processor is what devices are held to; name another"
            ),
            (["--check", "--device", "gpu"], "error: The value 'gpu' is invalid for '--device <device>'"),
        ]
    )
    func usageErrors(arguments: [String], message: String) async throws {
        let run = try await Tool.run(["devices"] + arguments)
        #expect(run.code == 64)
        #expect(run.stdout.isEmpty)
        #expect(run.lastLine.hasPrefix(message))
    }

    @Test("a device that isn't there is named, and what to do")
    func missing() async throws {
        let run = try await Tool.run("devices", "--check", "--device", "opencl:99")
        #expect(run.code == 1)
        #expect(run.lastLine.hasPrefix("error: opencl:99 was asked for"))
    }

    @Test(
        "a processor under OpenCL equals the program's own kernels, networks and all",
        .enabled(if: processor != nil, "OpenCL finds no processor on this machine")
    )
    func check() async throws {
        let processor = try #require(Self.processor)
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let arguments = ["devices", "--check", "--short", "--device", processor]
        let run = try await Tool.start(arguments, in: folder).finish(within: .seconds(300))
        #expect(run.code == 0)
        #expect(run.stderr.isEmpty)
        let lines = run.stdout.split(separator: "\n")
        #expect(lines.first?.hasPrefix("\(processor): ") == true)
        #expect(lines.dropFirst().first?.hasPrefix("compared ") == true)
        #expect(lines.count == 23)
        #expect(lines.last?.hasPrefix("LeNet with 1 image, word by word ") == true)
        #expect(lines.dropFirst(2).allSatisfy { $0.hasSuffix("  0") })
    }

    @Test(
        "measures it, and writes what a program reads",
        .enabled(if: processor != nil, "OpenCL finds no processor on this machine")
    )
    func bench() async throws {
        let processor = try #require(Self.processor)
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let file = folder.path("card.json")
        let arguments = ["devices", "--bench", "--short", "--json", "--device", processor, "--write", file]
        let run = try await Tool.start(arguments, in: folder).finish(within: .seconds(300))
        #expect(run.code == 0)
        let report = try run.json()
        #expect((report["measurements"] as? [[String: Any]])?.isEmpty == false)
        #expect((report["checks"] as? [Any])?.isEmpty == true)
        #expect(report["failure"] == nil)
        let profile = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: file))) as? [String: Any]
        )
        #expect(profile["format"] as? String == DeviceProfile.currentFormat)
        #expect(profile["library"] as? String == "opencl")
        for key in ["launch_seconds", "bytes_per_second", "download_seconds", "sines_per_second"] {
            #expect((profile[key] as? Double ?? 0) > 0, "\(key)")
        }
        let kernels = try #require(profile["kernels"] as? [String: Any])
        #expect(kernels.keys.sorted() == KernelName.allCases.map(\.rawValue).sorted())
    }
}
