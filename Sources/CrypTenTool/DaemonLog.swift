import CrypTen
import Foundation
import Logging

/// What a daemon notes, on stderr: lines for people, or a JSON object a line for programs. Never a number of anybody's.
struct DaemonLog {
    private let isJSON: Bool
    private let level: Logger.Level

    /// - Parameter environment: `CRYPTEN_LOG` is `text`, as where nothing is said, or `json`; `CRYPTEN_LOG_LEVEL` the least that is noted.
    /// - Throws: `.invalidArgument` for anything else.
    init(environment: [String: String]) throws {
        let name = environment["CRYPTEN_LOG_LEVEL"] ?? "info"
        guard let level = Logger.Level(rawValue: name) else {
            let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw CrypTenError(.invalidArgument, "CRYPTEN_LOG_LEVEL=\(name): choose one of \(levels)")
        }
        self.level = level
        switch environment["CRYPTEN_LOG"] ?? "text" {
        case "text", "": isJSON = false
        case "json": isJSON = true
        case let other: throw CrypTenError(.invalidArgument, "CRYPTEN_LOG=\(other): choose text or json")
        }
    }

    func logger(_ member: String) -> Logger {
        Logger(label: member) { [isJSON, level] _ in Handler(member: member, isJSON: isJSON, logLevel: level) }
    }

    private struct Handler: LogHandler {
        let member: String
        let isJSON: Bool
        var logLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let time = Date.now.ISO8601Format()
            let details = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
            guard isJSON else {
                let level = event.level >= .warning ? "\(event.level): " : ""
                let words = details.map { " \($0.key)=\($0.value)" }.joined()
                Output.note("\(time) \(member): \(level)\(event.message)\(words)")
                return
            }
            var object = ["time": time, "member": member, "level": "\(event.level)", "message": "\(event.message)"]
            for (key, value) in details where object[key] == nil { object[key] = "\(value)" }
            let data = try? JSONSerialization.data(
                withJSONObject: object,
                options: [.sortedKeys, .withoutEscapingSlashes]
            )
            Output.note(String(decoding: data ?? Data(), as: UTF8.self))
        }
    }
}
