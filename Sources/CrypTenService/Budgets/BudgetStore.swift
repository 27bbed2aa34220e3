import CrypTenBase
package import Foundation
import NIOConcurrencyHelpers

/// The rows that clients have taken of models today, kept in a folder: what was granted stays taken, whatever happens to a process.
///
/// A day is a file that only grows, one line for each taking, and a taking is granted when its line is on the disk. Several stores may
/// have one folder, in one process or in several on one machine: each takes the folder's lock, reads what others have added, and
/// writes. So a party's budgets hold for all cells that it serves in.
///
/// - A line that was being written when a machine failed was granted to nobody; where all of it is there, it counts nevertheless.
/// - The day goes forward only. After a clock was set back, takings count for the last day that has a file. Whoever has had a clock
///   that was far ahead removes that day's file.
package final class BudgetStore: Sendable {
    /// Rows that someone wants.
    package struct Taking: Hashable, Sendable {
        package var client: String
        package var model: String
        package var rows: Int
        /// The most rows of that client and model on a day.
        package var limit: Int

        package init(client: String, model: String, rows: Int, limit: Int) {
            self.client = client
            self.model = model
            self.rows = rows
            self.limit = limit
        }
    }

    /// What came of it.
    package enum Result: Hashable, Sendable {
        /// They are taken, and stay so.
        case granted(left: Int)
        /// There aren't so many left: nothing was taken.
        case refused(left: Int)
    }

    /// How many days before the current one are kept, for whoever wants to look.
    private static let keptDays = 7

    private struct State {
        var day: BudgetDay?
    }

    private let directory: URL
    private let state = NIOLockedValueBox(State())

    /// A store in a folder; it is made where it isn't there.
    ///
    /// - Throws: `.fileNotReadable` where it can't be made.
    package init(directory: URL) throws {
        self.directory = directory
        do {
            try FileManager.default.createDirectory(
                at: directory,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw CrypTenError(.fileNotReadable, "the folder of budgets \(directory.path) can't be made", cause: error)
        }
    }

    /// Takes rows, each taking as a whole or not at all, in their order; all of them cost one write to the disk.
    ///
    /// When it returns, what was granted is on the disk. Until then it keeps the calling thread: call it from one that may wait.
    ///
    /// - Returns: What came of each.
    /// - Throws: `.fileNotReadable` where a file can't be read or written, and then nothing was granted; `.malformedFile` where one
    ///   has a line that no store has written: rather nothing is granted than too much.
    package func take(_ takings: [Taking], on day: UTCDay = UTCDay()) throws -> [Result] {
        try withDay(day) { today in
            var granted: [BudgetRecord.Account: Int] = [:]
            var records: [BudgetRecord] = []
            let results = takings.map { taking -> Result in
                let account = BudgetRecord.Account(client: taking.client, model: taking.model)
                let taken = today.rows(of: account) + granted[account, default: 0]
                let left = max(0, taking.limit - taken)
                guard taking.rows >= 0, taking.rows <= left else { return .refused(left: left) }
                if taking.rows > 0 {
                    granted[account, default: 0] += taking.rows
                    records.append(BudgetRecord(account, rows: taking.rows))
                }
                return .granted(left: left - taking.rows)
            }
            try today.append(records)
            return results
        }
    }

    /// How many rows a client has taken of a model.
    ///
    /// - Throws: as ``take(_:on:)`` does.
    package func rows(of client: String, model: String, on day: UTCDay = UTCDay()) throws -> Int {
        try withDay(day) { $0.rows(of: BudgetRecord.Account(client: client, model: model)) }
    }

    /// Runs with the folder's lock held, and the file of the day read up to its end.
    private func withDay<Value>(_ day: UTCDay, _ body: (BudgetDay) throws -> Value) throws -> Value {
        try state.withLockedValue { state in
            let lock = try BudgetFile(directory.appending(path: "lock"))
            try lock.lock()
            // Closing it ends the lock.
            defer { lock.close() }
            let days = try daysOfFiles()
            let current = max(day, days.last ?? day, state.day?.day ?? day)
            if state.day?.day != current || state.day?.isThere() == false {
                state.day = try BudgetDay(current, in: directory)
                remove(days.filter { $0.number < current.number - BudgetStore.keptDays })
            }
            guard let today = state.day else { preconditionFailure("the day was opened above") }
            do {
                try today.readOn()
                return try body(today)
            } catch {
                // What is on the disk is read anew next time.
                state.day = nil
                throw error
            }
        }
    }

    /// The days that have a file, in order.
    private func daysOfFiles() throws -> [UTCDay] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: directory.path).compactMap(
                BudgetDay.day(ofFile:)
            ).sorted()
        } catch {
            throw CrypTenError(.fileNotReadable, "the folder of budgets \(directory.path) can't be read", cause: error)
        }
    }

    /// Removes files of old days; one that stays is in nobody's way.
    private func remove(_ days: [UTCDay]) {
        for day in days { try? FileManager.default.removeItem(at: directory.appending(path: BudgetDay.file(of: day))) }
    }
}
