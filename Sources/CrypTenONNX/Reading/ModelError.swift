internal import CrypTenBase

/// What is wrong with a file, and which file it is.
struct FileProblem {
    /// The path as the caller gave it, or "skeleton".
    let file: String

    /// The file isn't what it should be.
    func malformed(_ what: String, cause: (any Error)? = nil) -> CrypTenError {
        CrypTenError(.malformedFile, "\(file): \(what)", cause: cause)
    }

    /// The file can't be opened or read.
    func notReadable(_ what: String, cause: (any Error)? = nil) -> CrypTenError {
        CrypTenError(.fileNotReadable, "\(file): \(what)", cause: cause)
    }
}

/// The refusal of an operator, or of a form of it, in the one form in which the tool prints it.
func unsupportedOperator(_ operation: String, node: String, why: String) -> CrypTenError {
    CrypTenError(.unsupportedOperator, "unsupported operator \(onOneLine(operation)) (node \(onOneLine(node))): \(why)")
}

/// A name from a file, so that it can't break a message into lines.
func onOneLine(_ name: String) -> String {
    String(name.map { $0.isNewline ? " " : $0 })
}
