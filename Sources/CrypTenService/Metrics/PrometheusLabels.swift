/// The labels of a series, in the order of their names; it has each name once.
struct PrometheusLabels: Hashable, Sendable, Comparable {
    private let pairs: [[String]]

    /// Labels as Prometheus takes them; of two with one name the last counts.
    init(_ dimensions: [(String, String)], _ kind: PrometheusKind, mostCharacters: Int) {
        let cut = dimensions.map { name, value in
            (
                PrometheusName.label(name, kind),
                String(String.UnicodeScalarView(value.unicodeScalars.prefix(mostCharacters)))
            )
        }
        pairs = Dictionary(cut) { $1 }.sorted { $0.key < $1.key }.map { [$0.key, $0.value] }
    }

    /// The labels in braces, with one more where it is given; empty where there is none.
    func text(and more: (name: String, value: String)? = nil) -> String {
        let all =
            pairs.map { "\($0[0])=\"\(PrometheusName.escapedValue($0[1]))\"" }
            + (more.map { ["\($0.name)=\"\($0.value)\""] } ?? [])
        return all.isEmpty ? "" : "{" + all.joined(separator: ",") + "}"
    }

    static func < (left: PrometheusLabels, right: PrometheusLabels) -> Bool {
        left.pairs.lexicographicallyPrecedes(right.pairs) { $0.lexicographicallyPrecedes($1) }
    }
}
