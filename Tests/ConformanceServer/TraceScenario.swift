import Apus
import ApusObservability
import ApusWeb
import InMemoryTracing
import Tracing

/// A router whose spans are reported when they end, and those that its handlers make.
func serveTraces(_ options: Options) {
    let server = Worker(.http, on: options.address)
    setLimits(server, options)
    let tracer = InMemoryTracer()
    let router = Router()
    router.use(
        Middleware(after: { _, _ in
            for span in tracer.popFinishedSpans() { report(describe(span)) }
        }), .tracing(with: tracer))
    router.get("/at-once/:id") { request in
        tracer.startSpan("inner").end()
        return HTTPResponse(body: "\(request.httpTypes.scheme ?? "none")")
    }
    router.get("/waits/:milliseconds") { request in
        let milliseconds = try request.parameters.require("milliseconds", as: Int.self)
        try await Task.sleep(for: .milliseconds(milliseconds))
        tracer.startSpan("inner \(milliseconds)").end()
        return "waited"
    }
    server.serve(router)
}

/// "span NAME trace=… parent=… scheme client"
private func describe(_ span: FinishedInMemorySpan) -> String {
    let scheme = span.attributes["url.scheme"]?.toSpanAttribute()
    let client = span.attributes["client.address"]?.toSpanAttribute()
    let facts = ["trace=\(span.traceID)", "id=\(span.spanID)", "parent=\(span.parentSpanID ?? "none")"]
    return (["span \(span.operationName)"] + facts + [scheme, client].map { text($0) }).joined(separator: " ")
}

private func text(_ attribute: SpanAttribute?) -> String {
    guard case .string(let text)? = attribute else { return "none" }
    return text
}
