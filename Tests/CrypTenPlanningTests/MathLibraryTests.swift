import Foundation
import Testing

@Suite("Nothing that enters a plan comes from the system's math library")
struct MathLibraryTests {
    /// Functions that libraries round in different ways; square roots are rounded correctly everywhere.
    private static var call: Regex<(Substring, Substring)> {
        /(?:^|[^.\w]|Foundation\.|Glibc\.|Darwin\.|Musl\.)(exp|exp2|expm1|log|log2|log10|log1p|sin|cos|tan|sinh|cosh|tanh|asin|acos|atan|atan2|asinh|acosh|atanh|pow|erf|erfc|tgamma|lgamma|cbrt|hypot)\(/
    }

    /// The lines of a file that call the library, which only one that imports it can.
    private static func calls(in text: String) -> [String] {
        guard text.contains(/import (Foundation|FoundationEssentials|Glibc|Darwin|Musl)\b/) else { return [] }
        return text.split(separator: "\n").map(String.init).filter { line in
            let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
            return !code.contains("func ") && code.contains(call)
        }
    }

    @Test("no file of a layer that makes plans or public operands calls it")
    func sources() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Sources")
        var count = 0
        for layer in [
            "CrypTenBase", "CrypTenRing", "CrypTenGates", "CrypTenExpressions", "CrypTenPlanning", "CrypTenRuntime",
            "CrypTen", "CrypTenONNX",
        ] {
            let folder = root.appendingPathComponent(layer)
            for case let file as URL in FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)! {
                // Checks compare what a run has shown, and make nothing that a plan holds.
                guard file.pathExtension == "swift", !file.path.contains("CrypTenPlanning/Checking/") else { continue }
                let text = try String(contentsOf: file, encoding: .utf8)
                #expect(Self.calls(in: text) == [], "\(file.lastPathComponent)")
                count += 1
            }
        }
        #expect(count > 250, "\(count) files")
        for file in try FileManager.default.contentsOfDirectory(
            at: root.appendingPathComponent("CCrypTenKernels"),
            includingPropertiesForKeys: nil
        ) where file.pathExtension == "c" {
            #expect(!(try String(contentsOf: file, encoding: .utf8).contains("<math.h>")), "\(file.lastPathComponent)")
        }
    }

    @Test("a planted call is found")
    func planted() {
        #expect(
            Self.calls(in: "import Foundation\nlet y = Foundation.exp(x)\nlet z = 2 * sin(x)  // sin(y)").count == 2
        )
        #expect(Self.calls(in: "import Foundation\nlet y = x.exp() // cos(x)\nlet z = PortableFunctions.exp(x)") == [])
    }
}
