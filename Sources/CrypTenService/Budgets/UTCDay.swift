package import Foundation

/// A day of the calendar at Greenwich, which begins everywhere at once.
package struct UTCDay: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Days since 1970-01-01.
    package let number: Int

    private static let seconds = 86_400.0

    package init(number: Int) {
        self.number = number
    }

    /// The day of a moment.
    package init(_ date: Date = Date()) {
        number = Int((date.timeIntervalSince1970 / UTCDay.seconds).rounded(.down))
    }

    /// Reads `YYYY-MM-DD`; nil for anything else.
    package init?(_ text: String) {
        let fields = text.split(separator: "-", omittingEmptySubsequences: false)
        guard text.utf8.count == 10, fields.map(\.utf8.count) == [4, 2, 2] else { return nil }
        let numbers = fields.compactMap { field in field.utf8.allSatisfy { (48...57).contains($0) } ? Int(field) : nil }
        guard numbers.count == 3 else { return nil }
        number = UTCDay.number(year: numbers[0], month: numbers[1], day: numbers[2])
        // A day that isn't, as the 30th of February, would be written otherwise.
        guard description == text else { return nil }
    }

    /// When the next day begins.
    package var end: Date {
        Date(timeIntervalSince1970: Double(number + 1) * UTCDay.seconds)
    }

    /// `YYYY-MM-DD`.
    package var description: String {
        // Years that begin in March have their odd day at the end; 400 of them have 146,097 days.
        let shifted = number + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return [(year, 4), (month, 2), (day, 2)].map { UTCDay.padded($0, to: $1) }.joined(separator: "-")
    }

    private static func number(year: Int, month: Int, day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func padded(_ number: Int, to width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    package static func < (left: UTCDay, right: UTCDay) -> Bool {
        left.number < right.number
    }
}
