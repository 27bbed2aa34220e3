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

    #if os(Linux)
    /// Functions of one number, each off by a unit in the last place.
    private static let skewed = [
        "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin",
        "acos",
        "atan", "asinh", "acosh", "atanh", "erf", "erfc", "cbrt", "tgamma", "lgamma",
    ]

    /// A library to be loaded before the system's.
    private static var skewedLibrary: String {
        let functions = skewed.map { name in
            """
            double \(name)(double x) {
                static double (*real)(double);
                if (!real) real = (double (*)(double))dlsym(RTLD_NEXT, "\(name)");
                return nextafter(real(x), INFINITY);
            }
            """
        }
        return """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <math.h>
            \(functions.joined(separator: "\n"))
            double pow(double x, double y) {
                static double (*real)(double, double);
                if (!real) real = (double (*)(double, double))dlsym(RTLD_NEXT, "pow");
                return nextafter(real(x, y), INFINITY);
            }
            """
    }

    @Test("fingerprints and operands stay as they are under a library that is off by a unit in the last place")
    func skewedLibrary() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("skewed-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (source, library) = (folder.appendingPathComponent("math.c"), folder.appendingPathComponent("math.so"))
        try Self.skewedLibrary.write(to: source, atomically: true, encoding: .utf8)
        // The compiler comes with every Swift toolchain.
        let compiler = [
            "clang", "-shared", "-fPIC", "-fno-builtin", "-O1", "-o", library.path, source.path, "-lm", "-ldl",
        ]
        let (built, messages) = try run("/usr/bin/env", compiler)
        try #require(built == 0, "\(messages)")
        let (status, output) = try run(
            CommandLine.arguments[0],
            ["--testing-library", "swift-testing", "--filter", "FingerprintTests"],
            ["LD_PRELOAD": library.path, "CRYPTEN_SKEWED_MATH": "1"]
        )
        #expect(status == 0, "\(output)")
        #expect(output.contains("the library is the one that is expected"), "\(output)")
    }

    /// Runs a program to its end, which is within a minute.
    private func run(
        _ path: String,
        _ arguments: [String],
        _ environment: [String: String] = [:]
    ) throws -> (Int32, String) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        (process.standardOutput, process.standardError) = (pipe, pipe)
        let watchdog = DispatchWorkItem { process.terminate() }
        try process.run()
        DispatchQueue.global().asyncAfter(deadline: .now() + 60, execute: watchdog)
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        watchdog.cancel()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
    #endif
}
