import Foundation

/// Where the tool writes: results on stdout, everything else on stderr.
enum Output {
    /// A result.
    static func result(_ text: String) {
        write(text + "\n", to: STDOUT_FILENO)
    }

    /// A result for programs: one JSON object.
    static func result(json value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        result(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// A result for programs, one of several: a JSON object on a line of its own.
    static func result(jsonLine value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        result(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// Something to know on the way.
    static func note(_ text: String) {
        write(text + "\n", to: STDERR_FILENO)
    }

    /// What went wrong, on one line.
    static func error(_ message: String) {
        ProgressLine.clear()
        note("error: " + message.split(whereSeparator: \.isNewline).joined(separator: " "))
    }

    /// Writes all of a text, whatever the pipe takes at a time.
    static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                bytes = bytes.dropFirst(count)
            } else if errno != EINTR {
                return
            }
        }
    }
}

/// One line on a terminal that says how far the work is; nothing where stderr is no terminal.
enum ProgressLine {
    static let isShown = isatty(STDERR_FILENO) == 1

    static func show(_ text: String) {
        guard isShown else { return }
        Output.write("\r\u{1B}[K\(text.prefix(100))", to: STDERR_FILENO)
    }

    static func clear() {
        guard isShown else { return }
        Output.write("\r\u{1B}[K", to: STDERR_FILENO)
    }
}
