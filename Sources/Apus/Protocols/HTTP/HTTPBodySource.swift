/// Where the body of a response comes from. What is not in memory costs an allocation, so that all others, and the
/// responses that they belong to, are small.
enum HTTPBodySource: Sendable {
    case bytes([UInt8])
    case text(String)
    indirect case file(HTTPFileBody)
    /// Made piece by piece; of a length that is known, or not.
    indirect case stream(contentLength: Int?, @MainActor @Sendable (HTTPBodyWriter) async throws -> Void)
    indirect case events(heartbeat: Double?, @MainActor @Sendable (EventStream) async throws -> Void)
    /// No body: another protocol follows.
    indirect case webSocket(WebSocketUpgrade)
}

extension HTTPResponse {
    /// Bytes of the body; 0 for a stream that does not say.
    package var contentLength: Int {
        switch content {
        case .bytes(let bytes): bytes.count
        case .text(let text): text.utf8.count
        case .file(let file): file.count
        case .stream(let contentLength, _): contentLength ?? 0
        case .events, .webSocket: 0
        }
    }

    /// A response whose body is sent as it is made, in chunks unless its length is given:
    ///
    ///     HTTPResponse(headers: ["Content-Type": "text/csv"]) { body in
    ///         for row in rows { try await body.write(row) }
    ///     }
    ///
    /// `stream` begins once the head was sent, not at all for HEAD, and ends the body by returning. What it throws ends
    /// the connection, so that the client can tell that something is missing; it is cancelled when the client has gone.
    public nonisolated init(
        _ status: HTTPStatus = .ok, headers: HTTPHeaders = [:], contentLength: Int? = nil,
        stream: @escaping @MainActor @Sendable (_ body: HTTPBodyWriter) async throws -> Void
    ) {
        self.init(status, headers: headers, content: .stream(contentLength: contentLength, stream))
    }

    /// A stream of server-sent events; see `Connection.startEvents`. It ends when `events` returns, and `events` is
    /// cancelled when the client has gone.
    public nonisolated init(
        headers: HTTPHeaders = [:], heartbeat: Double? = 15,
        events: @escaping @MainActor @Sendable (_ events: EventStream) async throws -> Void
    ) {
        self.init(.ok, headers: headers, content: .events(heartbeat: heartbeat, events))
    }
}

/// Makes something else of the pieces of one body.
package protocol HTTPBodyFilter {
    /// What is sent instead of `bytes`. Nothing follows the last piece.
    func filter(_ bytes: [UInt8], isLast: Bool) -> [UInt8]
}

extension HTTPResponse {
    /// The body is made piece by piece, and does not consist of events.
    package var isStream: Bool {
        if case .stream = content { true } else { false }
    }

    /// The body consists of events.
    package var isEvents: Bool {
        if case .events = content { true } else { false }
    }

    /// Has the pieces of a body that is a stream go through a filter of its own, made when the body begins.
    package mutating func filterStream(_ makeFilter: @escaping @MainActor @Sendable () -> any HTTPBodyFilter) {
        guard case .stream(_, let make) = content else { return }
        content = .stream(contentLength: nil) { body in
            if body.takesBytes { body.filter = makeFilter() }
            try await make(body)
        }
    }
}

extension Connection where P == HTTP {
    /// Sends a response whose body is a stream.
    func stream(_ response: borrowing HTTPResponse) -> SendResult {
        do {
            switch response.content {
            case .bytes, .text, .file: break
            case .webSocket(let upgrade): return transport.answer(upgrade, response.headers)
            case .stream(let contentLength, let make):
                let body = try startResponse(response.status, headers: response.headers, contentLength: contentLength)
                guard body.takesBytes else {
                    body.end()
                    break
                }
                run {
                    try await make(body)
                    body.end()
                }
            case .events(let heartbeat, let make):
                let events = try startEvents(headers: response.headers, heartbeat: heartbeat)
                guard events.isOpen else { break }
                run {
                    try await make(events)
                    events.end()
                }
            }
        } catch {
            return .failed
        }
        return .sent
    }
}
