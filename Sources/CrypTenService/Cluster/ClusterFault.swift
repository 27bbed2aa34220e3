/// What is wrong at one place of a cluster file, or should be thought about.
public struct ClusterFault: Hashable, Sendable, CustomStringConvertible {
    /// Whether the file can't be used as it is, or only wants a look.
    public enum Gravity: String, Sendable {
        case fault, warning
    }

    public var gravity: Gravity
    /// Counted from 1; nil where the file as a whole is meant.
    public var line: Int?
    public var column: Int?
    /// One sentence: what it is, and what to do.
    public var message: String

    package init(_ message: String, gravity: Gravity = .fault, line: Int? = nil, column: Int? = nil) {
        (self.gravity, self.line, self.column, self.message) = (gravity, line, column, message)
    }

    public var description: String {
        let place = line.map { "line \($0)" + (column.map { ", column \($0)" } ?? "") + ": " } ?? ""
        return place + (gravity == .warning ? "warning: " : "") + message
    }
}
