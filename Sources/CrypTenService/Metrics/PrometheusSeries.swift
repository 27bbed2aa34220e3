import CoreMetrics
import NIOConcurrencyHelpers

/// One line of a metric, or the lines of one histogram.
protocol PrometheusSeries: AnyObject, Sendable {
    func lines(_ name: String, _ labels: PrometheusLabels) -> [String]
}

/// A number that only goes up: whole and other parts, so that whole ones stay exact.
final class PrometheusCounter: PrometheusSeries, CounterHandler, FloatingPointCounterHandler {
    private let value = NIOLockedValueBox((whole: Int64(0), rest: 0.0))

    /// Adds; what is negative isn't added, and it stays at the greatest number.
    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        value.withLockedValue { value in
            let (sum, overflow) = value.whole.addingReportingOverflow(amount)
            value.whole = overflow ? .max : sum
        }
    }

    /// Adds; what is negative or no number isn't added.
    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        value.withLockedValue { $0.rest += amount }
    }

    func reset() {
        value.withLockedValue { $0 = (0, 0) }
    }

    func lines(_ name: String, _ labels: PrometheusLabels) -> [String] {
        let (whole, rest) = value.withLockedValue { $0 }
        return ["\(name)\(labels.text()) \(rest == 0 ? String(whole) : PrometheusName.number(Double(whole) + rest))"]
    }
}

/// A number that goes up and down: a meter, or what a recorder that doesn't aggregate was told last.
final class PrometheusGauge: PrometheusSeries, MeterHandler, RecorderHandler {
    private let value = NIOLockedValueBox(0.0)

    func set(_ value: Int64) { set(Double(value)) }

    func set(_ value: Double) {
        self.value.withLockedValue { $0 = value }
    }

    func increment(by amount: Double) {
        value.withLockedValue { $0 += amount }
    }

    func decrement(by amount: Double) {
        value.withLockedValue { $0 -= amount }
    }

    func record(_ value: Int64) { set(Double(value)) }

    func record(_ value: Double) { set(value) }

    func lines(_ name: String, _ labels: PrometheusLabels) -> [String] {
        ["\(name)\(labels.text()) \(PrometheusName.number(value.withLockedValue { $0 }))"]
    }
}

/// How many numbers there were up to each bound, how many in all, and their sum.
final class PrometheusHistogram: PrometheusSeries, RecorderHandler, TimerHandler {
    private let bounds: [Double]
    private let counts: NIOLockedValueBox<(perBucket: [UInt64], sum: Double)>

    /// - Parameter bounds: The buckets' upper bounds, in ascending order; one without bound follows them.
    init(bounds: [Double]) {
        self.bounds = bounds
        counts = NIOLockedValueBox(([UInt64](repeating: 0, count: bounds.count + 1), 0))
    }

    func record(_ value: Int64) { record(Double(value)) }

    /// Counts a number; what is none isn't counted.
    func record(_ value: Double) {
        guard !value.isNaN else { return }
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        counts.withLockedValue { counts in
            counts.perBucket[bucket] += 1
            counts.sum += value
        }
    }

    func recordNanoseconds(_ duration: Int64) {
        record(Double(duration) / 1e9)
    }

    func lines(_ name: String, _ labels: PrometheusLabels) -> [String] {
        let (perBucket, sum) = counts.withLockedValue { $0 }
        var total: UInt64 = 0
        var lines: [String] = []
        for (bound, count) in zip(bounds + [.infinity], perBucket) {
            total += count
            lines.append("\(name)_bucket\(labels.text(and: ("le", PrometheusName.number(bound)))) \(total)")
        }
        return lines + [
            "\(name)_sum\(labels.text()) \(PrometheusName.number(sum))", "\(name)_count\(labels.text()) \(total)",
        ]
    }
}
