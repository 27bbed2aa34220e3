import CrypTenBase
import CrypTenDevice
import CrypTenRuntime
import Foundation
import Testing

@Suite("A device's profile")
struct DeviceProfileTests {
    private static var whole: DeviceProfile {
        var profile = KnownDevice.profile(launch: 3.5e-6)
        profile.roundSeconds = 2e-5
        profile.kernels["boolean_program"]?.secondsEach = 4e-8
        profile.bytesPerSecond = 4.3e12
        return profile
    }

    @Test("comes back from a file as it was, with names in snake case")
    func roundTrip() throws {
        let json = try Self.whole.json()
        #expect(try DeviceProfile(json: json) == Self.whole)
        let object = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
        #expect(object["format"] as? String == "crypten-device-profile-2")
        #expect(object["launch_seconds"] as? Double == 3.5e-6)
        let kernels = try #require(object["kernels"] as? [String: [String: Double]])
        #expect(kernels.keys.sorted() == KernelName.allCases.map(\.rawValue).sorted())
        #expect(kernels["boolean_program"]?["seconds_each"] == 4e-8)
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Self.whole.write(to: path)
        #expect(try DeviceProfile(contentsOf: path) == Self.whole)
    }

    @Test(
        "is refused where it is another version's, where a figure is missing or isn't positive, and where it's no profile",
        arguments: [
            ("crypten-device-profile-2", "crypten-device-profile-1", "it says that it's crypten-device-profile-1"),
            ("\"format\"", "\"form\"", "format is missing"),
            ("\"launch_seconds\"", "\"launch_second\"", "launch_seconds is missing"),
            ("\"per_second\"", "\"per_minute\"", "per_second is missing"),
            ("4300000000000", "-4300000000000", "bytes_per_second is -4300000000000.0, and not positive"),
            ("4300000000000", "0", "bytes_per_second is 0.0, and not positive"),
            ("4300000000000", "\"many\"", "bytes_per_second isn't a number"),
            ("4300000000000", "null", "bytes_per_second is null"),
            ("17179869184", "-1", "memory_bytes is -1, and not positive"),
            ("\"opencl\"", "\"vulkan\"", "its library is \"vulkan\", and neither cuda nor opencl"),
            ("\"truncate\"", "\"truncated\"", "it has a kernel truncated that this version doesn't"),
            ("{", "[", "it's no JSON"), ("}", "", "it's no JSON"),
        ]
    )
    func refusals(right: String, wrong: String, reason: String) throws {
        let text = String(decoding: try Self.whole.json(), as: UTF8.self)
        let range = try #require(text.range(of: right), "\(text)")
        let json = Data(text.replacingCharacters(in: range, with: wrong).utf8)
        #expect(
            performing: { try DeviceProfile(json: json) },
            throws: { error in
                let error = error as? CrypTenError
                return error?.code == .invalidArgument && error?.message.contains(reason) == true
            }
        )
    }

    @Test("names a file that isn't there, and one that is too large")
    func files() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).json").path
        #expect(performing: { try DeviceProfile(contentsOf: path) }, throws: { Self.names(path, $0) })
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(repeating: 0x20, count: 2 << 20).write(to: URL(fileURLWithPath: path))
        #expect(performing: { try DeviceProfile(contentsOf: path) }, throws: { Self.names(path, $0) })
    }

    private static func names(_ path: String, _ error: any Error) -> Bool {
        (error as? CrypTenError)?.code == .invalidArgument && (error as? CrypTenError)?.message.hasPrefix(path) == true
    }

    @Test("a call takes as long as the slowest of what bounds it")
    func seconds() throws {
        var profile = KnownDevice.profile(launch: 2)
        profile.bytesPerSecond = 100
        profile.kernels["sum"] = .init(perSecond: 10, secondsEach: 0.5)
        profile.sinesPerSecond = 4
        #expect(try profile.seconds(of: .sum, KernelWork(bytes: 100, amount: 10, depth: 2)) == 2)
        #expect(try profile.seconds(of: .sum, KernelWork(bytes: 700, amount: 10, depth: 2)) == 7)
        #expect(try profile.seconds(of: .sum, KernelWork(bytes: 700, amount: 80, depth: 2)) == 8)
        #expect(try profile.seconds(of: .sum, KernelWork(bytes: 700, amount: 80, depth: 18)) == 9)
        #expect(try profile.seconds(of: .sum, KernelWork(amount: 10, sines: 12)) == 4)
        profile.kernels["sum"] = nil
        #expect(
            performing: { try profile.seconds(of: .sum, KernelWork()) },
            throws: { ($0 as? CrypTenError)?.message.contains("says nothing of the kernel sum") == true }
        )
    }

    @Test("every kernel of the source has a name")
    func names() {
        let parts = KernelSource.text.components(separatedBy: "\nKERNEL(").dropFirst()
        let names = parts.map { String($0.prefix { $0 != "," }) }
        #expect(names.sorted() == KernelName.allCases.map(\.rawValue).sorted())
    }
}
