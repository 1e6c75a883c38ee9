public import Apus
public import Metrics

/// Reports what this process counts to swift-metrics: `apus_connections` and `apus_timers` as gauges, `apus_requests`,
/// `apus_accepted`, `apus_failed_sends`, `apus_callback_errors`, `apus_received_bytes` and `apus_sent_bytes` as
/// counters, each with the dimension `worker`.
///
/// Every process reports its own share, as back ends of swift-metrics expect. `Worker.metricsAddress` gives the sums of
/// all processes instead.
public final class MetricsReporter {
    private let connections: Gauge
    private let timers: Gauge
    private let counters: [(counter: Counter, value: (ServiceMetrics) -> Int)]
    private var reported: [Int]
    private var timer: WorkerTimer?

    /// Reports through the factory that swift-metrics was bootstrapped with.
    public convenience init() { self.init(factory: MetricsSystem.factory, worker: ServiceMetrics.ofThisProcess.worker) }

    /// Reports through `factory`, in the name of `worker`.
    public init(factory: any MetricsFactory, worker: String) {
        let dimensions = [("worker", worker)]
        connections = Gauge(label: "apus_connections", dimensions: dimensions, factory: factory)
        timers = Gauge(label: "apus_timers", dimensions: dimensions, factory: factory)
        let values: [(String, (ServiceMetrics) -> Int)] = [
            ("apus_requests", { $0.requests }), ("apus_accepted", { $0.accepted }),
            ("apus_failed_sends", { $0.failedSends }), ("apus_callback_errors", { $0.callbackErrors }),
            ("apus_received_bytes", { $0.bytesRead }), ("apus_sent_bytes", { $0.bytesWritten }),
        ]
        counters = values.map { (Counter(label: $0.0, dimensions: dimensions, factory: factory), $0.1) }
        reported = counters.map { _ in 0 }
    }

    /// Reports every `seconds`, until the process ends. Call it in `onWorkerStart`.
    public func start(every seconds: Double = 10) {
        timer?.cancel()
        timer = WorkerTimer.every(seconds) { _ in self.report(ServiceMetrics.ofThisProcess) }
    }

    /// Reports what was counted since the last time.
    public func report(_ metrics: ServiceMetrics) {
        connections.record(metrics.connections)
        timers.record(metrics.timers)
        for (index, entry) in counters.enumerated() {
            let value = entry.value(metrics)
            if value > reported[index] { entry.counter.increment(by: value - reported[index]) }
            reported[index] = value
        }
    }
}
