import Foundation

/// Columns of text, the first left-aligned, the others right-aligned.
struct TextTable {
    private var rows: [[String]] = []

    init(_ header: [String] = []) {
        if !header.isEmpty { rows.append(header) }
    }

    mutating func add(_ row: [String]) {
        rows.append(row)
    }

    var text: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + space : space + cell
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    /// Names and values, the values in line.
    static func list(_ lines: [(String, String)]) -> String {
        let width = lines.map(\.0.count).max() ?? 0
        return lines.map { $0 + String(repeating: " ", count: width - $0.count + 2) + $1 }.joined(separator: "\n")
    }
}

extension Int {
    /// Digits in groups of three: 1,234,567.
    var grouped: String {
        let digits = String(magnitude)
        var out = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { out.append(",") }
            out.append(digit)
        }
        return (self < 0 ? "-" : "") + out
    }
}

extension Double {
    /// With so many digits after the point.
    func fixed(_ digits: Int) -> String {
        String(format: "%.\(digits)f", self)
    }

    /// With so many digits that count.
    func significant(_ digits: Int) -> String {
        String(format: "%.\(digits)g", self)
    }
}
