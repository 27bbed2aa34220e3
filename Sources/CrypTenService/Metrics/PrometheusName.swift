/// What a series is.
enum PrometheusKind: Hashable, Sendable {
    case counter
    case gauge
    /// Numbers that fall into buckets; of timers, seconds.
    case histogram(isTimer: Bool)

    /// The word in the text.
    var type: String {
        switch self {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        }
    }

    /// All names that a metric has in the text.
    func names(of name: String) -> [String] {
        switch self {
        case .counter, .gauge: [name]
        case .histogram: [name, name + "_bucket", name + "_sum", name + "_count"]
        }
    }
}

/// Names and texts in the form that Prometheus reads.
enum PrometheusName {
    /// A metric's name; a timer's ends in `_seconds`.
    ///
    /// It has letters, digits, `_` and `:`, no digit first; what isn't one becomes `_`.
    static func metric(_ label: String, _ kind: PrometheusKind = .counter) -> String {
        let name = checked(label, alsoTaken: ":")
        guard case .histogram(isTimer: true) = kind, !name.hasSuffix("_seconds") else { return name }
        return name + "_seconds"
    }

    /// A label's name: none that is Prometheus' own.
    ///
    /// It has letters, digits and `_`, no digit first; what isn't one becomes `_`.
    static func label(_ label: String, _ kind: PrometheusKind) -> String {
        let name = checked(label, alsoTaken: "_")
        let isReserved: Bool
        switch kind {
        case .histogram: isReserved = name == "le"
        case .counter, .gauge: isReserved = false
        }
        return name.hasPrefix("__") || isReserved ? "label_" + name : name
    }

    private static func checked(_ text: String, alsoTaken: Unicode.Scalar) -> String {
        var name = ""
        for scalar in text.unicodeScalars.prefix(200) {
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "_", alsoTaken: name.unicodeScalars.append(scalar)
            default: name += "_"
            }
        }
        guard let first = name.unicodeScalars.first, !("0"..."9").contains(first) else { return "_" + name }
        return name
    }

    /// A label's value between quotation marks.
    static func escapedValue(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// What a metric is, on its line.
    static func escapedHelp(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// A number.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : value > 0 ? "+Inf" : "-Inf" }
        return Int64(exactly: value).map { abs(value) < 0x1p53 ? String($0) : String(value) } ?? String(value)
    }
}
