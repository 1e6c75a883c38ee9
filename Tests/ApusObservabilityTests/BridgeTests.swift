import Apus
import ApusObservability
import Logging
import Metrics
import MetricsTestKit
import Testing

/// What a logger was told.
private final class Recorder: @unchecked Sendable {
    // Written by the one test that has it, on the main actor: hence @unchecked.
    var lines: [String] = []
}

private struct RecordingHandler: LogHandler {
    let recorder: Recorder
    var logLevel = Logger.Level.trace
    var metadata: Logger.Metadata = [:]

    init(_ recorder: Recorder) { self.recorder = recorder }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        recorder.lines.append("\(event.level) \(event.message) \(event.metadata?["pid"] ?? "")")
    }
}

@MainActor @Suite struct `Bridges` {
    @Test func `a logger gets Apus' log with level and process`() {
        let recorder = Recorder()
        let logger = Logger(label: "apus") { _ in RecordingHandler(recorder) }
        logger.receiveApusLog()
        defer { Worker.logSink = nil }
        Worker.log("hello", level: .warning)
        #expect(recorder.lines.count == 1)
        #expect(recorder.lines.first?.hasPrefix("warning hello ") == true)
        #expect(recorder.lines.first.flatMap { $0.split(separator: " ").last }.flatMap { Int($0) } ?? 0 > 1)
        #expect(LogLevel.allCases.map(\.loggerLevel) == [.notice, .warning, .error])
    }

    @Test func `counters are reported by their growth, gauges by their value`() throws {
        let factory = TestMetrics()
        let reporter = MetricsReporter(factory: factory, worker: "chat")
        var metrics = ServiceMetrics(worker: "chat")
        for (requests, connections) in [(5, 3), (12, 1), (12, 2)] {
            metrics.requests = requests
            metrics.connections = connections
            reporter.report(metrics)
        }
        let gauge = try factory.expectGauge("apus_connections", [("worker", "chat")])
        #expect(gauge.values == [3, 1, 2])
        let counter = try factory.expectCounter("apus_requests", [("worker", "chat")])
        #expect(counter.values == [5, 7])
    }
}
