import NIOConcurrencyHelpers

/// All series of a process, and their text for Prometheus: format 0.0.4.
///
/// Each series has a lock of its own, which is held for an addition; the registry's is held where a series is made or all are listed.
/// There are never more than ``Limits`` allow, whatever labels come: what is beyond counts into ``refusedName`` and nowhere else.
///
/// > Prometheus, "Exposition formats", text format, version 0.0.4.
package final class PrometheusRegistry: Sendable {
    /// How much is kept.
    package struct Limits: Hashable, Sendable {
        /// Series of all names.
        package var mostSeries = 10_000
        /// Series of one name.
        package var mostSeriesOfOneName = 1000
        /// Characters of a label's value; the rest of it is cut off.
        package var mostCharacters = 128

        package init() {}
    }

    /// What ``text()`` is, for the header `Content-Type`.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"
    /// Bounds of timers' buckets, in seconds.
    package static let secondsBuckets = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]
    /// Bounds of recorders' buckets: powers of two, as of rows in a batch.
    package static let countBuckets = [1.0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    /// How often a series was asked for that there is no room for.
    package static let refusedName = "metrics_series_refused_total"

    private struct Family {
        let kind: PrometheusKind
        var series: [PrometheusLabels: any PrometheusSeries] = [:]
    }

    private struct State {
        var families: [String: Family] = [:]
        /// Names in the text, and the family that they belong to: a histogram has three.
        var owners: [String: String] = [:]
        var helps: [String: String] = [:]
        var count = 0
        var refused: Int64 = 0
    }

    private let limits: Limits
    private let state = NIOLockedValueBox(State())

    package init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Says what a metric is; it stands above its series.
    package func describe(_ name: String, _ help: String) {
        let name = PrometheusName.metric(name)
        state.withLockedValue { $0.helps[name] = help }
    }

    /// The series of a name and labels: the one that is there, or a new one.
    ///
    /// Where the name is already something else's, or where there is no room, it is one that nobody reads.
    func series<Series: PrometheusSeries>(
        _ label: String,
        _ dimensions: [(String, String)],
        _ kind: PrometheusKind,
        make: () -> Series
    ) -> Series {
        let name = PrometheusName.metric(label, kind)
        let labels = PrometheusLabels(dimensions, kind, mostCharacters: limits.mostCharacters)
        return state.withLockedValue { state in
            if let there = state.families[name]?.series[labels] as? Series, state.families[name]?.kind == kind {
                return there
            }
            let series = make()
            let names = kind.names(of: name)
            let isFree = names.allSatisfy { state.owners[$0, default: name] == name }
            let family = state.families[name] ?? Family(kind: kind)
            guard isFree, name != PrometheusRegistry.refusedName, family.kind == kind, family.series[labels] == nil,
                family.series.count < limits.mostSeriesOfOneName, state.count < limits.mostSeries
            else {
                state.refused += 1
                return series
            }
            for each in names { state.owners[each] = name }
            state.families[name, default: family].series[labels] = series
            state.count += 1
            return series
        }
    }

    /// Takes a series away.
    func remove(_ gone: any PrometheusSeries) {
        state.withLockedValue { state in
            for (name, family) in state.families {
                guard let key = family.series.first(where: { $0.value === gone })?.key else { continue }
                state.families[name]?.series[key] = nil
                state.count -= 1
                guard state.families[name]?.series.isEmpty == true else { return }
                state.families[name] = nil
                for each in family.kind.names(of: name) { state.owners[each] = nil }
                return
            }
        }
    }

    /// All series, names and labels in order.
    ///
    /// - Complexity: O(series · log(series)); nobody who counts waits for it longer than a list takes to be copied.
    package func text() -> String {
        let (families, helps, refused) = state.withLockedValue { ($0.families, $0.helps, $0.refused) }
        var lines: [String] = []
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            if let help = helps[name] { lines.append("# HELP \(name) \(PrometheusName.escapedHelp(help))") }
            lines.append("# TYPE \(name) \(family.kind.type)")
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                lines += series.lines(name, labels)
            }
        }
        lines.append("# TYPE \(PrometheusRegistry.refusedName) counter")
        lines.append("\(PrometheusRegistry.refusedName) \(refused)")
        return lines.joined(separator: "\n") + "\n"
    }
}
