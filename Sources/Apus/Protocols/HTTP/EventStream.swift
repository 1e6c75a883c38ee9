import ApusProtocols

/// One event; made of its fields, all optional.
public typealias ServerSentEvent = ApusProtocols.ServerSentEvent

/// A stream of server-sent events to one client (WHATWG HTML §9.2); see `Connection.startEvents`. Keep it for as long
/// as there are events: letting it go closes the connection.
@MainActor public final class EventStream {
    private let writer: HTTPBodyWriter
    private let transport: StreamConnection
    private var heartbeat: WorkerTimer?

    init(_ transport: StreamConnection, _ writer: HTTPBodyWriter, heartbeat seconds: Double?) {
        self.transport = transport
        self.writer = writer
        guard let seconds, writer.isOpen else { return }
        heartbeat = transport.keep(WorkerTimer.every(seconds) { [weak self] _ in self?.beat() })
    }

    isolated deinit { heartbeat?.cancel() }

    /// The client is still there.
    public var isOpen: Bool { writer.isOpen }

    /// Sends an event. A client that is so slow that `maxSendBufferSize` waits for it is disconnected; it connects
    /// again and names the last event that it got.
    @discardableResult
    public func send(_ event: ServerSentEvent) -> SendResult { writer.send(event.text) }

    /// Sends an event with data alone.
    @discardableResult
    public func send(_ data: String) -> SendResult { send(ServerSentEvent(data)) }

    /// Sends an event after waiting for room; throws `ConnectionError.closed` when the client has gone.
    public func write(_ event: ServerSentEvent) async throws { try await writer.write(event.text) }

    /// Ends the stream; the client will connect again unless it is told otherwise.
    public func end() {
        heartbeat?.cancel()
        writer.end()
    }

    private func beat() {
        // What waits already tells the proxies in between that the stream is alive.
        if isOpen, transport.pendingSendBytes == 0 { send(ServerSentEvent(comment: "")) }
    }
}

extension Connection where P == HTTP {
    /// Answers with a stream of events, for a client that asked for `text/event-stream`:
    ///
    ///     let events = try connection.startEvents()
    ///     connection.timer(every: 1) { _ in events.send(ServerSentEvent("\(time)", event: "tick")) }
    ///
    /// Every `heartbeat` seconds a remark is sent that clients ignore, so that nobody in between takes the connection
    /// for dead; nil for none. A process that leaves closes its streams, and clients connect to another one. Throws
    /// `ConnectionError.closed` when no request waits for an answer.
    public func startEvents(headers: HTTPHeaders = [:], heartbeat: Double? = 15) throws -> EventStream {
        var headers = headers
        headers["Content-Type"] = "text/event-stream"
        if headers["Cache-Control"] == nil { headers["Cache-Control"] = "no-cache" }
        let writer = try transport.startAnswer(.ok, headers, contentLength: nil, phase: .events)
        // HEAD asks for no event: its answer is complete.
        if transport.http.isHead { writer.end() }
        return EventStream(transport, writer, heartbeat: heartbeat)
    }
}
