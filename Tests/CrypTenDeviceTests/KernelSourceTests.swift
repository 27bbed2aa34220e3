import CrypTenDevice
import Crypto
import Foundation
import Testing

@Suite("The kernels' source")
struct KernelSourceTests {
    @Test("is what stands in the folder: run Scripts/gpu-kernels where it isn't")
    func hash() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources/CrypTenDevice/Kernels")
        var source = Data()
        for file in KernelSource.files { source += try Data(contentsOf: folder.appending(path: file)) }
        let digest = SHA256.hash(data: source).map { String(format: "%02x", $0) }.joined()
        #expect(digest == KernelSource.sha256)
        #expect(Data(KernelSource.text.utf8) == source)
        #expect(KernelPTX.sourceSHA256 == digest, "PTX of other sources")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path())
        #expect(Set(names) == Set(KernelSource.files), "a file that nobody compiles, or none of a name")
    }

    @Test("is compiled for cards from Ampere on, so that drivers from 525 on take it, every kernel of it")
    func ptx() {
        let lines = KernelPTX.text.split(separator: "\n")
        #expect(lines.contains(".version 8.0"))
        #expect(lines.contains(".target sm_80"))
        #expect(KernelPTX.text.utf8.last == UInt8(ascii: "\n"))
        let kernels = KernelSource.text.matches(of: /(?m)^KERNEL\((\w+),/).map { String($0.1) }
        #expect(kernels.count >= 17)
        for kernel in kernels { #expect(KernelPTX.text.contains(".entry \(kernel)("), "\(kernel)") }
    }
}
