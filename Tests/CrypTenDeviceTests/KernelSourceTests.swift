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
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path())
        #expect(Set(names) == Set(KernelSource.files), "a file that nobody compiles, or none of a name")
    }
}
