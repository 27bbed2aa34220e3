import CoreMetrics
import CrypTenService
import Foundation
import Testing

@Suite("Metrics as Prometheus reads them")
struct PrometheusTests {
    private static let end = "# TYPE metrics_series_refused_total counter\nmetrics_series_refused_total 0\n"

    @Test("are this text")
    func exact() {
        let registry = PrometheusRegistry()
        let factory = PrometheusFactory(registry)
        registry.describe("requests_total", "Requests\nthat \\ came.")
        Counter(label: "requests_total", dimensions: [("model", "digits"), ("code", "200")], factory: factory)
            .increment(by: 3)
        Counter(label: "requests_total", dimensions: [("code", "200"), ("model", "digits")], factory: factory)
            .increment()
        Counter(label: "requests_total", dimensions: [], factory: factory).increment(by: Int64.max)
        Counter(label: "requests_total", dimensions: [], factory: factory).increment(by: 1)
        FloatingPointCounter(label: "seconds_total", factory: factory).increment(by: 0.25)
        FloatingPointCounter(label: "seconds_total", factory: factory).increment(by: 2.0)
        let meter = Meter(label: "waiting", factory: factory)
        meter.set(5)
        meter.decrement(by: 1.5)
        Gauge(label: "temperature", factory: factory).record(-3)
        #expect(
            registry.text() == #"""
                # HELP requests_total Requests\nthat \\ came.
                # TYPE requests_total counter
                requests_total 9223372036854775807
                requests_total{code="200",model="digits"} 4
                # TYPE seconds_total counter
                seconds_total 2.25
                # TYPE temperature gauge
                temperature -3
                # TYPE waiting gauge
                waiting 3.5

                """# + PrometheusTests.end
        )
    }

    @Test("histograms count up to each bound, and timers are in seconds")
    func histograms() {
        let registry = PrometheusRegistry()
        let factory = PrometheusFactory(registry)
        let rows = Recorder(label: "rows", dimensions: [("le", "x")], factory: factory)
        for value in [0, 1, 2, 3, 1024, 1025] { rows.record(value) }
        Timer(label: "run", factory: factory).recordMilliseconds(5)
        Timer(label: "run_seconds", factory: factory).recordSeconds(100)
        let lines = registry.text().split(separator: "\n").map(String.init)
        #expect(lines.contains("# TYPE rows histogram"))
        let counts = [2, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5]
        for (bound, count) in zip(PrometheusRegistry.countBuckets, counts) {
            #expect(lines.contains("rows_bucket{label_le=\"x\",le=\"\(Int(bound))\"} \(count)"))
        }
        #expect(lines.contains("rows_bucket{label_le=\"x\",le=\"+Inf\"} 6"))
        #expect(lines.contains("rows_sum{label_le=\"x\"} 2055"))
        #expect(lines.contains("rows_count{label_le=\"x\"} 6"))
        #expect(lines.contains("run_seconds_bucket{le=\"0.0025\"} 0"))
        #expect(lines.contains("run_seconds_bucket{le=\"0.005\"} 1"))
        #expect(lines.contains("run_seconds_bucket{le=\"60\"} 1"))
        #expect(lines.contains("run_seconds_bucket{le=\"+Inf\"} 2"))
        #expect(lines.contains("run_seconds_sum 100.005"))
    }

    @Test("names are made what Prometheus takes, and values are escaped")
    func escaping() {
        let registry = PrometheusRegistry()
        let factory = PrometheusFactory(registry)
        Counter(
            label: "9 http.requests-é",
            dimensions: [("a-b", "1"), ("a_b", "2"), ("__x", "q\"\\\n")],
            factory: factory
        )
        .increment()
        #expect(registry.text().contains("\n_9_http_requests__{a_b=\"2\",label___x=\"q\\\"\\\\\\n\"} 1\n"))
    }

    @Test("hostile labels make no more series than there is room for, and each is counted as refused")
    func bounded() {
        var limits = PrometheusRegistry.Limits()
        (limits.mostSeries, limits.mostSeriesOfOneName, limits.mostCharacters) = (15, 10, 8)
        let registry = PrometheusRegistry(limits: limits)
        let factory = PrometheusFactory(registry)
        for name in ["a", "b"] {
            for index in 0..<100 {
                Counter(label: name, dimensions: [("path", "/\(index)")], factory: factory).increment()
            }
        }
        Counter(label: "a", dimensions: [("path", "/3")], factory: factory).increment()
        let lines = registry.text().split(separator: "\n").map(String.init)
        #expect(lines.filter { $0.hasPrefix("a{") }.count == 10)
        #expect(lines.filter { $0.hasPrefix("b{") }.count == 5)
        #expect(lines.contains("a{path=\"/3\"} 2"))
        #expect(lines.contains("metrics_series_refused_total 185"))
        let long = PrometheusRegistry(limits: limits)
        for tail in ["x", "y"] {
            Counter(label: "c", dimensions: [("l", "12345678" + tail)], factory: PrometheusFactory(long)).increment()
        }
        #expect(long.text().contains("c{l=\"12345678\"} 2\n"))
    }

    @Test("one name is one kind: what would be a second one isn't shown")
    func kinds() {
        let registry = PrometheusRegistry()
        let factory = PrometheusFactory(registry)
        Counter(label: "x", factory: factory).increment()
        Meter(label: "x", factory: factory).set(7)
        Meter(label: "x", dimensions: [("a", "b")], factory: factory).set(7)
        Recorder(label: "y", factory: factory).record(1)
        Counter(label: "y_sum", factory: factory).increment()
        Counter(label: "metrics_series_refused_total", factory: factory).increment()
        let text = registry.text()
        #expect(text.contains("x 1\n") && !text.contains("7") && !text.contains("y_sum 1\ny_sum"))
        #expect(text.components(separatedBy: "# TYPE").count == 4)
        #expect(text.hasSuffix("metrics_series_refused_total 4\n"))
    }

    @Test("what is destroyed is gone, and its name is free")
    func destroyed() {
        let registry = PrometheusRegistry()
        let factory = PrometheusFactory(registry)
        let timer = Timer(label: "t", factory: factory)
        timer.destroy()
        Counter(label: "t_seconds", factory: factory).increment()
        #expect(registry.text() == "# TYPE t_seconds counter\nt_seconds 1\n" + PrometheusTests.end)
    }

    @Test("counts of many tasks at once are all there")
    func concurrent() async {
        let registry = PrometheusRegistry()
        let factory = PrometheusFactory(registry)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for index in 0..<1000 {
                        Counter(label: "n", dimensions: [("i", "\(index % 3)")], factory: factory).increment()
                        Recorder(label: "r", factory: factory).record(task)
                        if index % 100 == 0 { _ = registry.text() }
                    }
                }
            }
        }
        let text = registry.text()
        #expect(text.contains("n{i=\"0\"} 2672\nn{i=\"1\"} 2664\nn{i=\"2\"} 2664\n"))
        #expect(text.contains("r_count 8000\n"))
    }

    @Test("numbers at the edges")
    func edges() {
        let registry = PrometheusRegistry()
        let factory = PrometheusFactory(registry)
        let values = [Double.infinity, -.infinity, .nan, 1e-300, 1e300, 0.1, -0.0, 0x1p60]
        for (index, value) in values.enumerated() {
            Meter(label: "m\(index)", factory: factory).set(value)
        }
        let lines = registry.text().split(separator: "\n").filter { $0.hasPrefix("m") }.map {
            $0.split(separator: " ")[1]
        }
        #expect(lines.dropLast() == ["+Inf", "-Inf", "NaN", "1e-300", "1e+300", "0.1", "0", "1.152921504606847e+18"])
    }

    /// Python's own reader, where it is installed.
    private static let reader = """
        import json, sys
        from prometheus_client.parser import text_string_to_metric_families
        out = []
        for family in text_string_to_metric_families(sys.stdin.read()):
            for sample in family.samples:
                out.append([family.type, sample.name, dict(sample.labels), repr(float(sample.value))])
        print(json.dumps(out))
        """

    private static let hasReader: Bool = run(["-c", "import prometheus_client.parser"], input: "") != nil

    private static func run(_ arguments: [String], input: String) -> String? {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments
        let (stdin, stdout) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput, process.standardError) = (stdin, stdout, FileHandle.nullDevice)
        guard (try? process.run()) != nil else { return nil }
        stdin.fileHandleForWriting.write(Data(input.utf8))
        try? stdin.fileHandleForWriting.close()
        let output = stdout.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return process.terminationStatus == 0 ? String(decoding: output, as: UTF8.self) : nil
    }

    @Test(
        "prometheus_client reads what was counted",
        .enabled(if: hasReader, "python3 with prometheus_client isn't installed: pip install prometheus_client")
    )
    func readBack() throws {
        let registry = PrometheusRegistry()
        let factory = PrometheusFactory(registry)
        let hostile = "a\"b\\c\nd{e}=,# é\t\\n"
        registry.describe("requests_total", "a \\ b\nc")
        Counter(label: "requests_total", dimensions: [("model", hostile)], factory: factory).increment(by: 7)
        Meter(label: "waiting", factory: factory).set(-2.5)
        Timer(label: "run", dimensions: [("model", hostile)], factory: factory).recordMilliseconds(30)
        let json = try #require(PrometheusTests.run(["-c", PrometheusTests.reader], input: registry.text()))
        let samples = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[Any]])
        let texts = samples.map { sample in
            let labels = (sample[2] as? [String: String] ?? [:]).sorted { $0.key < $1.key }.map {
                "\($0.key)=\($0.value)"
            }
            return "\(sample[0]) \(sample[1]) \(labels.joined(separator: ";")) \(sample[3])"
        }
        #expect(texts.contains("counter requests_total model=\(hostile) 7.0"))
        #expect(texts.contains("gauge waiting  -2.5"))
        #expect(texts.contains("histogram run_seconds_bucket le=0.025;model=\(hostile) 0.0"))
        #expect(texts.contains("histogram run_seconds_bucket le=0.05;model=\(hostile) 1.0"))
        #expect(texts.contains("histogram run_seconds_sum model=\(hostile) 0.03"))
        #expect(texts.contains("counter metrics_series_refused_total  0.0"))
    }
}
