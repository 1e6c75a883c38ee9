/// The inner worker of each process that serves the service's counters, when `Worker.metricsAddress` is set.
enum MetricsWorker {
    /// Its socket in the master's `ListenerSet`.
    static var key: String { "metrics \(Service.settings.metricsAddress ?? "")" }

    static var isWanted: Bool { Service.settings.metricsAddress != nil }

    /// Nil when nobody wants it.
    static func make() -> WorkerBase? {
        guard let address = Service.settings.metricsAddress else { return nil }
        let worker = Worker(.http, on: address)
        worker.name = "metrics"
        // A master that makes it for its socket does not run it.
        WorkerBase.all.removeAll { $0 === worker && WorkerProcess.current == nil }
        worker.onMessage = { connection, request in
            guard request.pathIs("/metrics") || request.pathIs("/") else {
                connection.send(HTTPResponse(.notFound, body: "the counters are at /metrics\n"))
                return
            }
            connection.send(ServiceMetrics.prometheusText, contentType: "text/plain; version=0.0.4; charset=utf-8")
        }
        return worker
    }
}
