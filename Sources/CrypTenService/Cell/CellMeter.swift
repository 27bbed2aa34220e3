import CoreMetrics

/// What a cell's party counts, for whoever watches it: names, numbers of things and times, and nothing of anybody's data.
package struct CellMeter: Sendable {
    package init() {}

    /// Says in the text for Prometheus what each of them is.
    static func describe(_ registry: PrometheusRegistry) {
        for (name, help) in [
            ("crypten_runs_total", "Runs of a model."),
            ("crypten_answers_total", "Requests that runs have answered."),
            ("crypten_rows_total", "Rows that were asked for and run."),
            ("crypten_rounds_total", "Rounds between the parties."),
            ("crypten_online_bytes_total", "Bytes that this party has sent to others in runs, as planned."),
            ("crypten_batch_rows", "Rows of a run that were asked for."),
            ("crypten_run_seconds", "Seconds of a run."),
            ("crypten_prepared_runs", "Runs that are dealt ahead."),
            ("crypten_form_rounds", "Rounds of a run on so many rows."),
            ("crypten_form_online_bytes", "Bytes that this party sends to others in such a run."),
            ("crypten_requests_total", "Requests at the door, by what became of them."),
            ("crypten_request_seconds", "Seconds from a request's head to its answer."),
            ("crypten_waiting_requests", "Requests that wait for a run."),
            ("crypten_session_up", "1 while there is a session."),
            ("crypten_sessions_total", "Sessions that came up."),
            ("crypten_sessions_lost_total", "Sessions that ended with an error."),
            ("metrics_series_refused_total", "How often a series was asked for that there was no room for."),
            ("crypten_certificate_days", "Days that this member's certificate still holds."),
        ] { registry.describe(name, help) }
    }

    func ran(model: String, requests: Int, rows: Int, size: Int, rounds: Int, bytes: Int, seconds: Double) {
        let label = [("model", model)]
        Counter(label: "crypten_runs_total", dimensions: label).increment()
        Counter(label: "crypten_answers_total", dimensions: label).increment(by: requests)
        Counter(label: "crypten_rows_total", dimensions: label).increment(by: rows)
        Counter(label: "crypten_rounds_total", dimensions: label).increment(by: rounds)
        Counter(label: "crypten_online_bytes_total", dimensions: label).increment(by: bytes)
        Recorder(label: "crypten_batch_rows", dimensions: label).record(rows)
        Timer(label: "crypten_run_seconds", dimensions: label).recordNanoseconds(Int64(seconds * 1e9))
    }

    /// What a run of a model on so many rows costs, as planned.
    func form(model: String, size: Int, rounds: Int, bytes: Int) {
        let label = [("model", model), ("rows", "\(size)")]
        Gauge(label: "crypten_form_rounds", dimensions: label).record(rounds)
        Gauge(label: "crypten_form_online_bytes", dimensions: label).record(bytes)
    }

    func prepared(form: String, size: Int, _ count: Int) {
        Gauge(label: "crypten_prepared_runs", dimensions: [("model", form), ("rows", "\(size)")]).record(count)
    }

    /// A request was answered, or refused with a code.
    func answered(model: String, code: String, seconds: Double) {
        Counter(label: "crypten_requests_total", dimensions: [("model", model), ("code", code)]).increment()
        if code == "ok" {
            Timer(label: "crypten_request_seconds", dimensions: [("model", model)]).recordNanoseconds(
                Int64(seconds * 1e9)
            )
        }
    }

    func waiting(_ count: Int) {
        Gauge(label: "crypten_waiting_requests").record(count)
    }

    func session(isUp: Bool) {
        Gauge(label: "crypten_session_up").record(isUp ? 1 : 0)
        if isUp { Counter(label: "crypten_sessions_total").increment() }
    }

    func lost() {
        Counter(label: "crypten_sessions_lost_total").increment()
    }

    func certificate(days: Int) {
        Gauge(label: "crypten_certificate_days").record(days)
    }
}
