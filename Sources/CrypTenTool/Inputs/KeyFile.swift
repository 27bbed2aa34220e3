import ArgumentParser
import CrypTen
import Foundation

/// Where a party has the keys of its rows, on the command line: `ids.npy@0`, `customers.csv:id@1`, `x=table.npz:id@1` where inputs are
/// to be told apart.
struct KeyFile: ExpressibleByArgument, Hashable, Sendable {
    /// The input whose rows they are of; nil where one alone is joined.
    var name: String?
    var path: String
    /// The column of a table, or the array of an archive.
    var column: String?
    /// The party that has it; nil where none is named.
    var owner: PartyID?

    init?(argument: String) {
        guard let owned = OwnedFile(argument: argument) else { return nil }
        (name, path, owner) = (owned.file.name, owned.file.path, owned.owner)
        let files = FileManager.default
        if !files.fileExists(atPath: path), let sign = path.lastIndex(of: ":"), !path[sign...].contains("/") {
            column = String(path[path.index(after: sign)...])
            path = String(path[..<sign])
        }
        if path.isEmpty || column?.isEmpty == true { return nil }
    }

    /// How it stands on a command line.
    var argument: String {
        let file = path + (column.map { ":\($0)" } ?? "")
        return (name.map { "\($0)=" } ?? "") + file + (owner.map { "@\($0.index)" } ?? "")
    }

    /// The same with the party that has it.
    ///
    /// - Throws: `ValidationError` where none is named, or one that there isn't.
    func owned(of parties: Int, usual: PartyID? = nil) throws -> KeyFile {
        var owned = self
        guard let owner = owner ?? usual else {
            throw ValidationError("--key \(argument): say which party has it, as in \(argument)@0")
        }
        guard owner.index < parties else {
            throw ValidationError("--key \(argument): there are parties 0 to \(parties - 1)")
        }
        owned.owner = owner
        return owned
    }

    /// Reads the keys.
    ///
    /// - Throws: what is wrong with the file.
    func keys() throws -> RowKeys {
        let url = URL(fileURLWithPath: path)
        switch url.pathExtension.lowercased() {
        case "npy":
            if let column { throw problem("a .npy file has no columns, and '\(column)' is asked for") }
            return try RowKeys(Tensor(contentsOfNumpyFile: url), problem)
        case "npz":
            guard let column else { throw problem("say which array of the file holds the keys, as in \(path):id") }
            return try RowKeys(NpzFile(contentsOf: url).tensor(column), problem)
        default:
            return try RowKeys(text: contents(of: url), column: column, problem)
        }
    }

    private func contents(of url: URL) throws -> String {
        let bytes: Data
        do {
            bytes = try Data(contentsOf: url, options: .mappedIfSafe)
        } catch {
            throw CrypTenError(.fileNotReadable, "\(path): there is no such file, or it can't be read")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw problem("it isn't UTF-8 text") }
        return text
    }

    private func problem(_ why: String) -> CrypTenError {
        CrypTenError(.malformedFile, "--key \(path): \(why)")
    }
}

/// Which row is whose: a key for each, in the rows' order.
struct RowKeys: Sendable, Equatable {
    let keys: [String]

    /// Keys that are whole numbers, `[N]` or `[N, 1]`; the same as their digits in a text.
    init(_ tensor: Tensor, _ problem: (String) -> CrypTenError) throws {
        guard tensor.kind == .integer, let numbers = tensor.integers, tensor.shape.rank > 0,
            tensor.shape[0] == tensor.shape.count
        else {
            throw problem(
                "keys are whole numbers, one for each row, and this has shape \(tensor.shape) of \(tensor.kind)"
            )
        }
        keys = numbers.map(String.init)
    }

    /// A column of a table whose first line names columns, fields parted by commas; without a column the lines of a text.
    init(text: String, column: String?, _ problem: (String) -> CrypTenError) throws {
        guard let column else {
            var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(RowKeys.withoutReturn)
            if lines.last?.isEmpty == true { lines.removeLast() }
            keys = lines
            return
        }
        let rows = RowKeys.rows(of: text)
        guard let header = rows.first, let place = header.firstIndex(of: column) else {
            throw problem(
                "it has no column '\(column)'; its first line names \(rows.first?.prefix(12).joined(separator: ", ") ?? "none")"
            )
        }
        keys = try rows.dropFirst().enumerated().map { index, row in
            guard place < row.count else { throw problem("row \(index + 1) has no column '\(column)'") }
            return row[place]
        }
    }

    private static func withoutReturn(_ line: Substring) -> String {
        String(line.last == "\r" ? line.dropLast() : line)
    }

    /// The fields of each line; one in quotes may hold commas and ends of lines, and two quotes stand for one.
    private static func rows(of text: String) -> [[String]] {
        var (rows, row, field): ([[String]], [String], String.UnicodeScalarView) = ([], [], .init())
        var (isQuoted, wasQuote) = (false, false)
        func endField() {
            row.append(String(field))
            field = .init()
        }
        func endRow() {
            if row.isEmpty, field.isEmpty { return }
            endField()
            rows.append(row)
            row = []
        }
        for scalar in text.unicodeScalars {
            if scalar == "\"" {
                if !isQuoted, wasQuote { field.append(scalar) }
                (isQuoted, wasQuote) = (!isQuoted, isQuoted)
                continue
            }
            wasQuote = false
            switch scalar {
            case _ where isQuoted: field.append(scalar)
            case ",": endField()
            case "\n": endRow()
            case "\r": break
            default: field.append(scalar)
            }
        }
        endRow()
        return rows
    }

    /// All of them, so that no two lists are the same bytes.
    var bytes: [UInt8] {
        func number(_ count: Int) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } }
        var bytes = number(keys.count)
        for key in keys { bytes += number(key.utf8.count) + Array(key.utf8) }
        return bytes
    }
}
