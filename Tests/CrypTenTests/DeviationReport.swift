/// What a report names a case by.
protocol ReportedCase {
    /// What is said of all cases of one kind together: a function's name, a module's.
    var title: String { get }
    /// Its arguments and shapes.
    var summary: String { get }
}

/// How far numbers are from those that they should be, title by title: what a run has found, told at its end.
struct DeviationReport {
    private var worst: [String: Double] = [:]
    private var failures: [String: [String]] = [:]
    private var counts: [String: Int] = [:]

    /// Notes how far numbers are from those that they should be, each of which may differ by its bound.
    mutating func compare(
        _ found: [Double],
        with right: [Double],
        _ name: String,
        of item: some ReportedCase,
        bound: (Double) -> Double
    ) {
        counts[item.title, default: 0] += 1
        guard found.count == right.count else {
            return fail(item, "\(name) has \(found.count) numbers instead of \(right.count)")
        }
        let multiples = zip(found, right).map { number, truth -> Double in
            let multiple = (number - truth).magnitude / bound(truth)
            return multiple.isNaN ? .infinity : multiple
        }
        guard let place = multiples.indices.max(by: { multiples[$0] < multiples[$1] }) else { return }
        worst[item.title] = max(worst[item.title] ?? 0, multiples[place])
        if multiples[place] > 1 {
            failures[item.title, default: []].append(
                "\(name)\(item.summary): element \(place) is \(found[place]) instead of "
                    + "\(right[place]), \(Self.short(multiples[place])) times the bound"
            )
        }
    }

    /// What else is wrong with a case.
    mutating func fail(_ item: some ReportedCase, _ problem: String) {
        failures[item.title, default: []].append("\(item.summary): \(problem)")
        worst[item.title] = .infinity
    }

    /// For each title that failed what is wrong with it: how far its worst number is out, then each comparison that failed.
    var problems: [String] {
        failures.sorted { $0.key < $1.key }.map { title, lines in
            "\(title): at worst \(Self.short(worst[title] ?? 0)) times the bound, in \(lines.count) of "
                + "\(counts[title] ?? lines.count) comparisons\n" + lines.map { "  " + $0 }.joined(separator: "\n")
        }
    }

    /// Those that come nearest to their bounds, and how near.
    func nearest(_ count: Int) -> String {
        worst.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(count)
            .map { "\($0.key) \(Self.short($0.value))" }.joined(separator: ", ")
    }

    private static func short(_ multiple: Double) -> String {
        multiple.isFinite && multiple < 1e6 ? "\((multiple * 1000).rounded() / 1000)" : "\(multiple)"
    }
}
