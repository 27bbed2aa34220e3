import Foundation
import Testing

/// The built executable, run as a user would.
enum Tool {
    struct Run {
        var code: Int32
        var stdout: String
        var stderr: String

        /// The last line of stderr.
        var lastLine: String {
            stderr.split(separator: "\n").last.map(String.init) ?? ""
        }

        /// Stdout as one JSON object.
        func json() throws -> [String: Any] {
            let object = try JSONSerialization.jsonObject(with: Data(stdout.utf8))
            return try #require(object as? [String: Any], "stdout is one JSON object, and was \(stdout)")
        }

        /// Stdout as JSON objects, one a line.
        func jsonLines() throws -> [[String: Any]] {
            try stdout.split(separator: "\n").map { line in
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
                return try #require(object as? [String: Any], "each line is a JSON object, and one was \(line)")
            }
        }
    }

    /// It lies beside the tests' resources.
    static let executable = Bundle.module.bundleURL.deletingLastPathComponent().appendingPathComponent("crypten")

    /// The path of a fixture.
    static func fixture(_ name: String) -> String {
        Bundle.module.bundleURL.appendingPathComponent("Fixtures/\(name)").path
    }

    /// Runs it to its end.
    static func run(_ arguments: String...) async throws -> Run {
        try await run(arguments)
    }

    /// - Parameter input: What it reads of its standard input; nil: nothing.
    static func run(_ arguments: [String], input: String? = nil) async throws -> Run {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        return try await start(arguments, in: folder, input: input).finish()
    }

    /// A run that goes on.
    struct Running {
        var process: Process
        var folder: TemporaryFolder

        func finish(within limit: Duration = .seconds(60)) async throws -> Run {
            let deadline = ContinuousClock.now + limit
            while process.isRunning {
                try await Task.sleep(for: .milliseconds(5))
                if ContinuousClock.now > deadline { process.terminate() }
            }
            return Run(
                code: process.terminationStatus,
                stdout: try text("stdout"),
                stderr: try text("stderr")
            )
        }

        /// What one of its streams holds so far.
        func text(_ stream: String) throws -> String {
            try String(contentsOfFile: folder.path(stream), encoding: .utf8)
        }
    }

    /// Starts it.
    ///
    /// - Parameters:
    ///   - arguments: Its command line.
    ///   - folder: Where its streams go.
    ///   - environment: What is different in its environment; nil takes a variable away.
    ///   - input: What it reads of its standard input; nil: nothing.
    ///   - starter: A program that starts it, with the arguments before its path; nil: nobody else.
    static func start(
        _ arguments: [String],
        in folder: TemporaryFolder,
        environment: [String: String?] = [:],
        input: String? = nil,
        by starter: [String] = []
    ) throws -> Running {
        let process = Process()
        process.executableURL = starter.first.map { URL(fileURLWithPath: $0) } ?? executable
        process.arguments = starter.isEmpty ? arguments : starter.dropFirst() + [executable.path] + arguments
        var changed = ProcessInfo.processInfo.environment
        for (name, value) in environment { changed[name] = value }
        process.environment = changed
        process.standardInput = FileHandle.nullDevice
        if let input {
            try Data(input.utf8).write(to: URL(fileURLWithPath: folder.path("stdin")))
            let handle: FileHandle = try #require(FileHandle(forReadingAtPath: folder.path("stdin")))
            process.standardInput = handle
        }
        func file(_ name: String) throws -> FileHandle {
            _ = FileManager.default.createFile(atPath: folder.path(name), contents: nil)
            return try #require(FileHandle(forWritingAtPath: folder.path(name)))
        }
        process.standardOutput = try file("stdout")
        process.standardError = try file("stderr")
        try process.run()
        return Running(process: process, folder: folder)
    }
}

/// A folder for one test, which removes it.
struct TemporaryFolder: Sendable {
    let url: URL

    /// A folder that is there.
    init(url: URL) {
        self.url = url
    }

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("crypten-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    func remove() {
        try? FileManager.default.removeItem(at: url)
    }

    func path(_ name: String) -> String {
        url.appendingPathComponent(name).path
    }
}

extension Tool {
    /// Reads reports, whose names are in lower case.
    static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }

    /// Expects that a command line is refused before anything is done, by a sentence with some words.
    static func expectRefusal(_ arguments: [String], _ words: String) async throws {
        let run = try await run(arguments)
        #expect(run.code == 64, "\(run)")
        #expect(run.stdout.isEmpty)
        #expect(run.stderr.contains(words), "\(run.stderr)")
    }
}
