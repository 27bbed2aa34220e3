/// Whose operators a file may use. Each domain has versions of its own.
enum OperatorDomain: String, CaseIterable, Sendable {
    /// The standard's networks.
    case standard = ""
    /// The standard's classical models: trees, linear models, encoders.
    case classical = "ai.onnx.ml"
    /// What onnxruntime's optimiser and its transformer tools write.
    case runtime = "com.microsoft"

    /// The domain of a name as files have it; nil where its operators aren't read.
    init?(_ name: String) {
        self.init(rawValue: name == "ai.onnx" ? "" : name)
    }

    /// The versions that the table of operators knows.
    var versions: ClosedRange<Int> {
        switch self {
        case .standard: 1...28
        case .classical: 1...5
        case .runtime: 1...1
        }
    }

    /// An operator's name in the table of operators: the standard's networks have no prefix.
    func operation(_ name: String) -> String {
        self == .standard ? name : "\(rawValue).\(name)"
    }

    /// Domain and name of an operator of the table, as files have them.
    static func split(_ operation: String) -> (domain: String, name: String) {
        let domain = allCases.first { $0 != .standard && operation.hasPrefix($0.rawValue + ".") } ?? .standard
        return (
            domain.rawValue, domain == .standard ? operation : String(operation.dropFirst(domain.rawValue.count + 1))
        )
    }

    /// As messages name it.
    var title: String {
        self == .standard ? "the standard" : rawValue
    }

    /// All that are read, for a message.
    static let list = allCases.map(\.title).joined(separator: ", ")
}
