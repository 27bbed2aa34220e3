import Logging

/// Prints what a member notes of its connections, on stderr.
struct MemberLog: LogHandler {
    /// Who notes it.
    private let member: String

    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    init(_ member: String) {
        self.member = member
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let severity = event.level >= .warning ? "\(event.level): " : ""
        Output.note("\(member): \(severity)\(event.message)")
    }

    /// The log of a member.
    static func logger(_ member: String) -> Logger {
        Logger(label: "crypten") { _ in MemberLog(member) }
    }
}
