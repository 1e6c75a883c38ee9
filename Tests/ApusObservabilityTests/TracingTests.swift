import Apus
import ApusObservability
import InMemoryTracing
import Testing
import Tracing

@testable import ApusWeb

@MainActor @Suite struct `Traces` {
    private func table(_ tracer: InMemoryTracer, _ configure: (Router) -> Void) -> RouteTable {
        let router = Router()
        router.use(.tracing(with: tracer))
        configure(router)
        return router.makeTable()
    }

    /// The span of one request.
    private func span(
        of request: Apus.HTTPRequest, _ tracer: InMemoryTracer, _ table: RouteTable
    ) async throws -> FinishedInMemorySpan {
        _ = await table.handler(for: request).respond(to: request)
        #expect(tracer.activeSpans.isEmpty)
        let spans = tracer.popFinishedSpans()
        return try #require(spans.last)
    }

    @Test func `a span has the name and the attributes of the conventions`() async throws {
        let tracer = InMemoryTracer()
        let table = table(tracer) { $0.get("/users/:id") { _ in "found" } }
        let request = Apus.HTTPRequest.of(
            "GET /users/7?q=1&token=abc HTTP/1.1", "Host: example.com:8080", "User-Agent: probe/1")
        let found = try await span(of: request, tracer, table)
        #expect(found.operationName == "GET /users/:id" && found.kind == .server && found.status == nil)
        let expected: [String: SpanAttribute] = [
            "http.request.method": "GET", "url.scheme": "http", "url.path": "/users/7",
            "url.query": "q=1&token=REDACTED", "http.route": "/users/:id", "http.response.status_code": 200,
            "user_agent.original": "probe/1", "server.address": "example.com", "server.port": 8080,
            "network.protocol.version": "1.1",
        ]
        var attributes: [String: SpanAttribute] = [:]
        found.attributes.forEach { attributes[$0] = $1 }
        #expect(attributes == expected)
        #expect(request.route == "/users/:id")
    }

    @Test func `paths without a route have none, and only the server's errors count`() async throws {
        let tracer = InMemoryTracer()
        let table = table(tracer) { router in
            router.get("/busy") { _ in HTTPResponse(.serviceUnavailable) }
        }
        let missing = try await span(of: .of("GET /nothing HTTP/1.1", "Host: h"), tracer, table)
        #expect(missing.operationName == "GET" && missing.status == nil)
        #expect(missing.attributes["http.route"]?.toSpanAttribute() == nil)
        #expect(missing.attributes["http.response.status_code"]?.toSpanAttribute() == 404)
        #expect(missing.attributes["server.port"]?.toSpanAttribute() == 80)
        let busy = try await span(of: .of("HEAD /busy HTTP/1.0"), tracer, table)
        #expect(busy.operationName == "HEAD /busy" && busy.status?.code == .error)
        #expect(busy.attributes["error.type"]?.toSpanAttribute() == "503")
        #expect(busy.attributes["server.address"]?.toSpanAttribute() == nil)
    }

    @Test func `the client's trace goes on, through handlers that wait, too`() async throws {
        let tracer = InMemoryTracer()
        let table = table(tracer) { router in
            router.get("/waits") { _ in
                await Task.yield()
                tracer.startSpan("inner").end()
                return "waited"
            }
            router.get("/at-once") { _ in
                tracer.startSpan("inner").end()
                return "done"
            }
        }
        for path in ["/waits", "/at-once"] {
            let request = Apus.HTTPRequest.of(
                "GET \(path) HTTP/1.1", "Host: h", "In-Memory-Trace-Id: trace-9", "In-Memory-Span-Id: span-9")
            _ = await table.handler(for: request).respond(to: request)
            let spans = tracer.popFinishedSpans()
            #expect(spans.map { $0.operationName } == ["inner", "GET \(path)"])
            #expect(spans.allSatisfy { $0.traceID == "trace-9" })
            #expect(spans.last?.parentSpanID == "span-9" && spans.first?.parentSpanID == spans.last?.spanID)
        }
        #expect(ServiceContext.current == nil)
    }

    @Test func `without a tracer handlers stay as they are`() {
        var wrapped = 0
        let next = RequestHandler.immediate { _ in
            wrapped += ServiceContext.current == nil ? 0 : 1
            return "plain"
        }
        for middleware in [Middleware.tracing(), Middleware.tracing(with: NoOpTracer())] {
            guard case .immediate(let handle) = middleware(next) else {
                Issue.record("the handler has become another kind")
                return
            }
            #expect(handle(.of("GET / HTTP/1.1", "Host: h")).body == Array("plain".utf8) && wrapped == 0)
        }
    }
}
