package import CoreMetrics

/// What `MetricsSystem.bootstrap` takes, so that all that counts ends up in one registry.
package struct PrometheusFactory: MetricsFactory {
    private let registry: PrometheusRegistry

    package init(_ registry: PrometheusRegistry) {
        self.registry = registry
    }

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        registry.series(label, dimensions, .counter) { PrometheusCounter() }
    }

    package func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        registry.series(label, dimensions, .counter) { PrometheusCounter() }
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        registry.series(label, dimensions, .gauge) { PrometheusGauge() }
    }

    /// One that aggregates is a histogram of ``PrometheusRegistry/countBuckets``, any other what it was told last.
    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return registry.series(label, dimensions, .gauge) { PrometheusGauge() } }
        return registry.series(label, dimensions, .histogram(isTimer: false)) {
            PrometheusHistogram(bounds: PrometheusRegistry.countBuckets)
        }
    }

    /// A histogram of ``PrometheusRegistry/secondsBuckets``.
    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        registry.series(label, dimensions, .histogram(isTimer: true)) {
            PrometheusHistogram(bounds: PrometheusRegistry.secondsBuckets)
        }
    }

    package func destroyCounter(_ handler: any CounterHandler) { remove(handler) }

    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }

    package func destroyMeter(_ handler: any MeterHandler) { remove(handler) }

    package func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }

    package func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    private func remove(_ handler: AnyObject) {
        guard let series = handler as? any PrometheusSeries else { return }
        registry.remove(series)
    }
}
