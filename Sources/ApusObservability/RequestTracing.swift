import Apus
import ApusProtocols
import Tracing

/// Spans of requests as OpenTelemetry's semantic conventions for HTTP servers have them.
struct RequestTracing {
    private let tracer: any Tracer
    /// What reads the context of the client's trace; it may be several instruments, of which one is the tracer.
    private let instrument: any Instrument

    /// Nil when nobody would get the spans.
    init?(_ tracer: (any Tracer)?) {
        self.tracer = tracer ?? InstrumentationSystem.tracer
        if self.tracer is NoOpTracer { return nil }
        instrument = tracer ?? InstrumentationSystem.instrument
    }

    func begin(_ request: HTTPRequest) -> any Span {
        // Not the current context: a request has its client's trace, or none.
        var context = ServiceContext.topLevel
        instrument.extract(request, into: &context, using: FieldExtractor())
        let name = request.route.map { "\(request.method.name) \($0)" } ?? request.method.name
        let span: any Span = tracer.startSpan(name, context: context, ofKind: .server)
        guard span.isRecording else { return span }
        span.updateAttributes { attributes in
            attributes["http.request.method"] = request.method.name
            attributes["url.scheme"] = request.isSecured ? "https" : "http"
            attributes["url.path"] = request.path
            if !request.query.isEmpty { attributes["url.query"] = Self.withoutSecrets(request.query) }
            if let route = request.route { attributes["http.route"] = route }
            attributes["network.protocol.version"] = request.version
            if let agent = request.headers["user-agent"] { attributes["user_agent.original"] = agent }
            if let client = request.clientIP { attributes["client.address"] = client }
            if !request.host.isEmpty {
                attributes["server.address"] = request.hostName
                let port = request.host.dropFirst(request.hostName.count + 1)
                attributes["server.port"] = Int64(port) ?? (request.isSecured ? 443 : 80)
            }
        }
        return span
    }

    func end(_ span: any Span, _ response: HTTPResponse) {
        let code = response.status.code
        span.attributes["http.response.status_code"] = Int64(code)
        // What the client did wrong is no error of the server.
        if code >= 500 {
            span.attributes["error.type"] = "\(code)"
            span.setStatus(SpanStatus(code: .error))
        }
        span.end()
    }

    /// Values whose names look secret are replaced, as the conventions ask for.
    private static func withoutSecrets(_ query: String) -> String {
        query.split(atASCII: "&", omittingEmptySubsequences: false).map { field in
            guard let mark = field.firstIndex(ofASCII: "="), SecretName.isSecret(String(field[..<mark]), "") else {
                return String(field)
            }
            return "\(field[..<mark])=REDACTED"
        }.joined(separator: "&")
    }
}

/// Reads the fields of a request for whoever continues a trace.
private nonisolated struct FieldExtractor: Extractor {
    func extract(key: String, from request: HTTPRequest) -> String? {
        // Instruments are asked on the loop's thread, where requests are handled.
        MainActor.assumeIsolated { request.headers[key] }
    }
}
