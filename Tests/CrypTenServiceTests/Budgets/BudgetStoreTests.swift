import CrypTenBase
import CrypTenService
import Foundation
import NIOConcurrencyHelpers
import Testing

@Suite("Budgets")
struct BudgetStoreTests {
    private typealias Taking = BudgetStore.Taking

    private static let day = UTCDay("2026-11-30")!

    /// Runs with a folder of its own, which is gone afterwards.
    private static func inFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "crypten-budgets-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    private static func file(_ folder: URL, _ day: UTCDay = day) -> URL {
        folder.appending(path: "rows-\(day).txt")
    }

    private static func take(
        _ store: BudgetStore,
        _ rows: Int,
        client: String = "app",
        model: String = "digits",
        limit: Int = 100,
        on day: UTCDay = day
    ) throws -> BudgetStore.Result {
        try store.take([Taking(client: client, model: model, rows: rows, limit: limit)], on: day)[0]
    }

    @Test("a taking is granted as a whole or not at all, for each client and model")
    func limits() async throws {
        try await BudgetStoreTests.inFolder { folder in
            let store = try BudgetStore(directory: folder)
            #expect(try BudgetStoreTests.take(store, 60) == .granted(left: 40))
            #expect(try BudgetStoreTests.take(store, 41) == .refused(left: 40))
            #expect(try BudgetStoreTests.take(store, 40) == .granted(left: 0))
            #expect(try BudgetStoreTests.take(store, 1) == .refused(left: 0))
            #expect(try BudgetStoreTests.take(store, 0) == .granted(left: 0))
            #expect(try BudgetStoreTests.take(store, -5) == .refused(left: 0))
            #expect(try BudgetStoreTests.take(store, .max) == .refused(left: 0))
            #expect(try BudgetStoreTests.take(store, 100, model: "other") == .granted(left: 0))
            #expect(try BudgetStoreTests.take(store, 100, client: "b p%/\n é") == .granted(left: 0))
            #expect(try store.rows(of: "b p%/\n é", model: "digits", on: BudgetStoreTests.day) == 100)
            // A smaller limit, given later, counts with what was taken.
            #expect(try BudgetStoreTests.take(store, 1, limit: 50) == .refused(left: 0))
        }
    }

    @Test("of several at once each sees those before it")
    func group() async throws {
        try await BudgetStoreTests.inFolder { folder in
            let store = try BudgetStore(directory: folder)
            let takings = [50, 60, 50, 1].map { Taking(client: "a", model: "m", rows: $0, limit: 100) }
            #expect(
                try store.take(takings, on: BudgetStoreTests.day) == [
                    .granted(left: 50), .refused(left: 50), .granted(left: 0), .refused(left: 0),
                ]
            )
            #expect(try store.take([], on: BudgetStoreTests.day).isEmpty)
        }
    }

    @Test("what was granted is in the file when the call returns, and another store knows it")
    func reopened() async throws {
        try await BudgetStoreTests.inFolder { folder in
            #expect(try BudgetStoreTests.take(try BudgetStore(directory: folder), 60) == .granted(left: 40))
            let text = try String(contentsOf: BudgetStoreTests.file(folder), encoding: .utf8)
            #expect(text.hasSuffix(" 60 app digits\n"))
            #expect(try BudgetStoreTests.take(try BudgetStore(directory: folder), 50) == .refused(left: 40))
        }
    }

    @Test("a file that ends at any byte counts all lines before, and goes on")
    func torn() async throws {
        try await BudgetStoreTests.inFolder { whole in
            let first = try BudgetStore(directory: whole)
            for rows in [12, 123, 7] { _ = try BudgetStoreTests.take(first, rows, client: "ä", limit: 1000) }
            let bytes = try Data(contentsOf: BudgetStoreTests.file(whole))
            let lineEnds = bytes.indices.filter { bytes[$0] == UInt8(ascii: "\n") }
            #expect(lineEnds.count == 3)
            for length in 0...bytes.count {
                try await BudgetStoreTests.inFolder { folder in
                    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
                    try bytes.prefix(length).write(to: BudgetStoreTests.file(folder))
                    // A line of which all but the end is there counts.
                    let lines = lineEnds.filter { $0 <= length }.count
                    let taken = [12, 123, 7].prefix(lines).reduce(0, +)
                    for _ in 0..<2 {
                        let store = try BudgetStore(directory: folder)
                        #expect(
                            try store.rows(of: "ä", model: "digits", on: BudgetStoreTests.day) == taken,
                            "\(length)"
                        )
                    }
                    let store = try BudgetStore(directory: folder)
                    #expect(
                        try BudgetStoreTests.take(store, 5, client: "ä", limit: 1000) == .granted(left: 995 - taken)
                    )
                    let again = try BudgetStore(directory: folder)
                    #expect(try again.rows(of: "ä", model: "digits", on: BudgetStoreTests.day) == taken + 5)
                }
            }
        }
    }

    @Test("also where mending a torn line was torn")
    func tornMending() async throws {
        try await BudgetStoreTests.inFolder { folder in
            let store = try BudgetStore(directory: folder)
            _ = try BudgetStoreTests.take(store, 10)
            let good = try Data(contentsOf: BudgetStoreTests.file(folder))
            for tail in ["abc", "abc ", "abc ~", " ", "~", " ~"] {
                try (good + Data(tail.utf8)).write(to: BudgetStoreTests.file(folder))
                for _ in 0..<3 {
                    let again = try BudgetStore(directory: folder)
                    #expect(try again.rows(of: "app", model: "digits", on: BudgetStoreTests.day) == 10, "\(tail)")
                }
            }
        }
    }

    @Test("a line that no store has written grants nothing to anybody", arguments: [0, 3, 17, 22, 25])
    func damaged(index: Int) async throws {
        try await BudgetStoreTests.inFolder { folder in
            _ = try BudgetStoreTests.take(try BudgetStore(directory: folder), 10)
            var bytes = try Data(contentsOf: BudgetStoreTests.file(folder))
            bytes[index] = bytes[index] == UInt8(ascii: "3") ? UInt8(ascii: "4") : UInt8(ascii: "3")
            try bytes.write(to: BudgetStoreTests.file(folder))
            let store = try BudgetStore(directory: folder)
            for _ in 0..<2 {
                let error = #expect(throws: CrypTenError.self) { try BudgetStoreTests.take(store, 1) }
                #expect(error?.code == .malformedFile)
            }
            try FileManager.default.removeItem(at: BudgetStoreTests.file(folder))
            #expect(try BudgetStoreTests.take(store, 1) == .granted(left: 99))
        }
    }

    @Test("a file that became shorter under a store grants nothing")
    func shorter() async throws {
        try await BudgetStoreTests.inFolder { folder in
            let store = try BudgetStore(directory: folder)
            _ = try BudgetStoreTests.take(store, 10)
            let handle = try FileHandle(forWritingTo: BudgetStoreTests.file(folder))
            try handle.truncate(atOffset: 0)
            try handle.close()
            #expect(throws: CrypTenError.self) { try BudgetStoreTests.take(store, 1) }
        }
    }

    @Test("stores of one folder together grant no row too much, and none too few")
    func concurrent() async throws {
        try await BudgetStoreTests.inFolder { folder in
            let stores = try (0..<4).map { _ in try BudgetStore(directory: folder) }
            let granted = await withTaskGroup(of: [String: Int].self) { group in
                for store in stores {
                    group.addTask {
                        var granted: [String: Int] = [:]
                        for index in 0..<100 {
                            // Names of different lengths: who read at a wrong place would read no line.
                            let model = String(repeating: "m", count: 1 + index % 50)
                            if case .granted? = try? BudgetStoreTests.take(store, 1, model: model, limit: 3) {
                                granted[model, default: 0] += 1
                            }
                        }
                        return granted
                    }
                }
                return await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
            }
            #expect(granted.count == 50 && granted.values.allSatisfy { $0 == 3 })
            for store in stores {
                #expect(try store.rows(of: "app", model: "mmm", on: BudgetStoreTests.day) == 3)
                #expect(try BudgetStoreTests.take(store, 1, model: "mmm", limit: 3) == .refused(left: 0))
            }
        }
    }

    @Test("while somebody has the folder's lock nothing is granted")
    func locked() async throws {
        try await BudgetStoreTests.inFolder { folder in
            let store = try BudgetStore(directory: folder)
            _ = try BudgetStoreTests.take(store, 1)
            // A lock is of the opening of a file: this one is as another process's.
            let lock = try FileHandle(forUpdating: folder.appending(path: "lock"))
            #expect(flock(lock.fileDescriptor, LOCK_EX | LOCK_NB) == 0)
            let isDone = NIOLockedValueBox(false)
            let thread = Thread {
                _ = try? BudgetStoreTests.take(store, 1)
                isDone.withLockedValue { $0 = true }
            }
            thread.start()
            try await Task.sleep(for: .milliseconds(200))
            #expect(!isDone.withLockedValue { $0 })
            try lock.close()
            for _ in 0..<500 where !isDone.withLockedValue({ $0 }) { try await Task.sleep(for: .milliseconds(10)) }
            #expect(isDone.withLockedValue { $0 })
            #expect(try store.rows(of: "app", model: "digits", on: BudgetStoreTests.day) == 2)
        }
    }

    @Test("a new day begins anew, a clock that was set back doesn't, and old files go")
    func days() async throws {
        try await BudgetStoreTests.inFolder { folder in
            let store = try BudgetStore(directory: folder)
            let (today, tomorrow) = (BudgetStoreTests.day, UTCDay(number: BudgetStoreTests.day.number + 1))
            #expect(try BudgetStoreTests.take(store, 100) == .granted(left: 0))
            #expect(try BudgetStoreTests.take(store, 70, on: tomorrow) == .granted(left: 30))
            #expect(try BudgetStoreTests.take(store, 31, on: today) == .refused(left: 30))
            let other = try BudgetStore(directory: folder)
            let longAgo = UTCDay(number: today.number - 100)
            #expect(try BudgetStoreTests.take(other, 30, on: longAgo) == .granted(left: 0))
            #expect(try BudgetStoreTests.take(store, 1, on: tomorrow) == .refused(left: 0))
            let later = UTCDay(number: tomorrow.number + 7)
            #expect(try BudgetStoreTests.take(store, 1, on: later) == .granted(left: 99))
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            #expect(names.sorted() == ["lock", "rows-\(tomorrow).txt", "rows-\(later).txt"])
        }
    }

    @Test("other users may not read them")
    func permissions() async throws {
        try await BudgetStoreTests.inFolder { folder in
            _ = try BudgetStoreTests.take(try BudgetStore(directory: folder), 1)
            let mode = try FileManager.default.attributesOfItem(atPath: BudgetStoreTests.file(folder).path)[
                .posixPermissions
            ]
            #expect((mode as? NSNumber)?.intValue == 0o600)
        }
    }

    @Test("a day is written and read as the calendar has it")
    func calendar() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        for number in stride(from: -800_000, to: 800_000, by: 97) {
            let day = UTCDay(number: number)
            guard day.description.utf8.count == 10, !day.description.hasPrefix("-"), number > -140_000 else { continue }
            #expect(UTCDay(day.description) == day)
            let parts = calendar.dateComponents(
                [.year, .month, .day],
                from: Date(timeIntervalSince1970: Double(number) * 86_400)
            )
            #expect(day.description.split(separator: "-").map { Int($0) } == [parts.year, parts.month, parts.day])
        }
        #expect(UTCDay(Date(timeIntervalSince1970: 86_399.9)).description == "1970-01-01")
        #expect(UTCDay(Date(timeIntervalSince1970: -1)).description == "1969-12-31")
        #expect(UTCDay("2026-11-30")?.end == Date(timeIntervalSince1970: 1_796_083_200))
        for text in [
            "2026-02-30", "2026-13-01", "2026-1-01", "26-01-01", "2026-11-30 ", "+026-11-30", "2026/11/30", "",
        ] {
            #expect(UTCDay(text) == nil, "\(text)")
        }
    }
}
