import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing
import _CrypTenTestSupport

@Suite("Files of prepared runs are consumed once")
struct PreparedFileTests {
    /// A place for a file, in a folder of its own.
    struct Place: ~Copyable {
        let folder: URL
        var file: URL { folder.appendingPathComponent("runs") }

        init() throws {
            folder = FileManager.default.temporaryDirectory.appendingPathComponent("crypten-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        }

        deinit {
            try? FileManager.default.removeItem(at: folder)
        }
    }

    /// Prepares runs of a product, lets one party do something, and uses some of the runs.
    @discardableResult
    private static func products(
        _ file: URL,
        prepared: Int,
        used: Int,
        between: @escaping @Sendable () throws -> Void = {}
    ) async throws -> [Tensor] {
        try await withLocalParties(2) { session -> [Tensor] in
            let shape: Shape = [50_000]
            let ahead = try await session.placeholder(from: .party(0), shape: shape)
            try await session.prepare([relu(ahead * ahead)], runs: prepared, storage: .file(file))
            if session.party == .party(1) { try between() }
            var results: [Tensor] = []
            for step in 0..<used {
                let x = try await session.input(from: .party(0), shape: shape) {
                    Tensor((0..<shape.count).map { (index: Int) -> Double in Double(index % 4 + step) }, shape: shape)
                }
                results.append(try #require(try await session.reveal(relu(x * x), to: .all)))
            }
            return results
        }.last ?? []
    }

    private static func lines(_ file: URL) throws -> [String] {
        try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    private static func error(_ body: () async throws -> Void) async -> CrypTenError? {
        await #expect(throws: CrypTenError.self) { try await body() }
    }

    @Test("runs out of a file compute what they should; in the end only their states are left")
    func consumed() async throws {
        let place = try Place()
        let file = place.file
        let results = try await Self.products(file, prepared: 3, used: 2) {
            let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(try #require(attributes[.size] as? Int) > 3 * 50_000 * 8)
        }
        for (step, result) in results.enumerated() {
            let want = (0..<50_000).map { (index: Int) -> Double in Double((index % 4 + step) * (index % 4 + step)) }
            #expect(zip(result.doubles, want).allSatisfy { (a: Double, b: Double) -> Bool in abs(a - b) < 1e-3 })
        }
        let lines = try Self.lines(file)
        #expect(lines.count == 4)
        #expect(lines[0].hasPrefix("crypten prepared runs, version 1"))
        #expect(lines[1].hasPrefix("run 1: consumed since 20"))
        #expect(lines[2].hasPrefix("run 2: consumed since 20"))
        #expect(lines[3].hasPrefix("run 3: discarded since 20"))
    }

    @Test("a file is never written over, and says what it is")
    func existing() async throws {
        let place = try Place()
        let file = place.file
        try await Self.products(file, prepared: 2, used: 1)
        let consumed = await Self.error { try await Self.products(file, prepared: 1, used: 1) }
        #expect(consumed?.code == .wordReused)
        #expect(consumed?.message.contains("\(file.path) was consumed by run 1 on 20") == true)
        #expect(consumed?.message.hasSuffix("prepare again, into a new file") == true)

        let second = place.folder.appendingPathComponent("unused")
        try await Self.products(second, prepared: 2, used: 0)
        let unused = await Self.error { try await Self.products(second, prepared: 1, used: 1) }
        #expect(unused?.code == .wrongSession)

        let third = place.folder.appendingPathComponent("text")
        try Data("a letter".utf8).write(to: third)
        let text = await Self.error { try await Self.products(third, prepared: 1, used: 1) }
        #expect(text?.code == .fileNotReadable)
        #expect(try Self.lines(third) == ["a letter"])
    }

    @Test("a place where no file can be is an error")
    func noPlace() async throws {
        let place = try Place()
        let missing = place.folder.appendingPathComponent("no/runs")
        let error = await Self.error { try await Self.products(missing, prepared: 1, used: 1) }
        #expect(error?.code == .fileNotReadable)
        #expect(error?.message.contains(missing.path) == true)
        let remote = try #require(URL(string: "https://example.org/runs"))
        let other = await Self.error { try await Self.products(remote, prepared: 1, used: 1) }
        #expect(other?.code == .invalidArgument)
    }

    @Test(
        "whatever is changed in it is found before a word of it is used",
        arguments: ["mark", "line", "byte", "length", "exchanged"]
    )
    func changed(what: String) async throws {
        let place = try Place()
        let file = place.file
        let error = await Self.error {
            try await Self.products(file, prepared: 2, used: 2) {
                let handle = try FileHandle(forUpdating: file)
                func write(_ text: String, at offset: UInt64) throws {
                    try handle.seek(toOffset: offset)
                    try handle.write(contentsOf: Data(text.utf8))
                }
                switch what {
                case "mark": try write("run 1: consumed since 2026-01-01T00:00:00Z      ", at: 64)
                case "line": try write("run 7", at: 64)
                case "byte":
                    let place = try handle.seekToEnd() / 3
                    try handle.seek(toOffset: place)
                    let byte = try #require(try handle.read(upToCount: 1)?.first)
                    try handle.seek(toOffset: place)
                    try handle.write(contentsOf: Data([byte ^ 1]))
                case "exchanged":
                    // Two runs of one plan take equally many bytes: each in the place of the other.
                    let text: UInt64 = 3 * 64
                    let bytes = Int(try handle.seekToEnd() - text) / 2
                    try handle.seek(toOffset: text)
                    let (one, other) = (try handle.read(upToCount: bytes), try handle.read(upToCount: bytes))
                    #expect(one?.count == bytes && other?.count == bytes && one != other)
                    try handle.seek(toOffset: text)
                    try handle.write(contentsOf: (other ?? Data()) + (one ?? Data()))
                default: try handle.truncate(atOffset: try handle.seekToEnd() - 1)
                }
            }
        }
        #expect(error?.code == (what == "mark" ? .wordReused : .malformedFile))
        #expect(error?.message.hasPrefix(file.path) == true)
        if what == "mark" { #expect(error?.message.contains("run 1 was consumed on 2026-01-01T00:00:00Z") == true) }
    }
}
