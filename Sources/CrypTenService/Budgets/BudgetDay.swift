import CrypTenBase
import Foundation

/// One day's file, and what was read of it; whoever calls holds the folder's lock.
final class BudgetDay: @unchecked Sendable {
    // Sendable: its store reaches it with a lock held, and gives it to nobody.
    private static let prefix = "rows-"
    private static let suffix = ".txt"
    /// No day has more: a line is some fifty bytes.
    private static let mostBytes = 1 << 30

    let day: UTCDay
    private let file: BudgetFile
    private var taken: [BudgetRecord.Account: Int] = [:]
    /// How far the file was read: the beginning of a line.
    private var position = 0

    /// Opens a day; its file is made where it isn't there.
    init(_ day: UTCDay, in directory: URL) throws {
        self.day = day
        file = try BudgetFile(directory.appending(path: BudgetDay.file(of: day)))
        try BudgetFile.synchronize(directory: directory)
    }

    deinit {
        file.close()
    }

    static func file(of day: UTCDay) -> String {
        prefix + day.description + suffix
    }

    static func day(ofFile name: String) -> UTCDay? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
        return UTCDay(String(name.dropFirst(prefix.count).dropLast(suffix.count)))
    }

    /// Whether the file still has its name: somebody may have removed it.
    func isThere() -> Bool {
        file.hasItsName()
    }

    func rows(of account: BudgetRecord.Account) -> Int {
        taken[account, default: 0]
    }

    /// Reads what was added since, and mends what was torn.
    func readOn() throws {
        let size = try file.size()
        guard size != position else { return }
        guard size > position, size <= BudgetDay.mostBytes else {
            throw damaged("is shorter than it was, or far too long")
        }
        let text = String(decoding: try file.read(from: position, count: size - position), as: UTF8.self)
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let tail = lines.removeLast()
        for line in lines where !line.hasSuffix(BudgetRecord.tornMark) {
            guard let record = BudgetRecord(line: line) else { throw damaged("has a line that no store has written") }
            add(record)
        }
        guard !tail.isEmpty else {
            position = size
            return
        }
        // All of the last line but its end may be there: then it counts.
        let record = BudgetRecord(line: tail)
        try write((record == nil ? BudgetRecord.tornMark : "") + "\n", at: size)
        if let record { add(record) }
    }

    /// Adds lines; when it returns they are on the disk.
    func append(_ records: [BudgetRecord]) throws {
        guard !records.isEmpty else { return }
        try write(records.map { $0.line + "\n" }.joined(), at: position)
        for record in records { add(record) }
    }

    private func write(_ text: String, at end: Int) throws {
        try file.append(text)
        try file.synchronize()
        position = end + text.utf8.count
    }

    private func add(_ record: BudgetRecord) {
        let (sum, overflow) = taken[record.account, default: 0].addingReportingOverflow(record.rows)
        taken[record.account] = overflow ? .max : sum
    }

    private func damaged(_ how: String) -> CrypTenError {
        CrypTenError(
            .malformedFile,
            "the file of budgets \(file.path) \(how): nothing is granted until it is moved away, and then the day begins anew"
        )
    }
}
