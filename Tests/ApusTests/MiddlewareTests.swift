import Apus
import Testing

@testable import ApusWeb

/// Names of requests, bounds on bodies, sessions, and the kinds of handlers.
@Suite struct MiddlewareTests {
    @Test func requestsGetNames() async {
        let probe = RouterProbe(.requestID()) { request in HTTPResponse(body: request.id ?? "none") }
        let made = await probe.answer("GET /")
        #expect(made.headers["X-Request-ID"] == made.text && made.text.utf8.count == 32)
        #expect(made.text.allSatisfy { $0.isHexDigit && !$0.isUppercase })
        let longest = String(repeating: "a", count: 128)
        for name in ["7b-1.2_x~", longest] {
            let taken = await probe.answer("GET /", "X-Request-ID: \(name)")
            #expect(taken.text == name && taken.headers["X-Request-ID"] == name)
        }
        for bad in ["", "a b", "a\"", "a;b", "\u{e9}", longest + "a"] {
            #expect(await probe.answer("GET /", "X-Request-ID: \(bad)").text.utf8.count == 32)
        }
        let missing = await RouterProbe(.requestID(header: "Trace")) { _ in HTTPResponse() }.answer(
            "GET /none", "trace: t")
        #expect(missing.status == .notFound && missing.headers["Trace"] == "t")
        #expect(Set((0..<1000).map { _ in RequestIDs.next() }).count == 1000)
    }

    @Test func bodiesHaveABound() async {
        let probe = RouterProbe(.bodyLimit(5)) { $0.post("/") { HTTPResponse(body: "\($0.body.count)") } }
        #expect(await probe.answer("POST /", "Content-Length: 5", body: Array("12345".utf8)).text == "5")
        #expect(
            await probe.answer("POST /", "Content-Length: 6", body: Array("123456".utf8)).status == .contentTooLarge)
        #expect(await probe.answer("POST /").text == "0")
    }

    @Test func handlersKeepTheirKind() {
        let probe = RouterProbe(
            .accessLog { _ in }, .cors(), .requestID(), .compression(), .bodyLimit(1), .rateLimit(requests: 1),
            .timeLimit(1), .sessions(ApusWeb.Sessions(MemorySessionStore()))
        ) { router in
            router.get("/at-once") { _ in "" }
            router.get("/later") { _ in
                await Task.yield()
                return ""
            }
        }
        #expect(probe.isImmediate("GET /at-once") && !probe.isImmediate("GET /later"))
    }

    @Test func sessionsAreSavedButForFailures() async {
        let probe = RouterProbe(.sessions(ApusWeb.Sessions(MemorySessionStore()))) { router in
            router.get("/:status") { request in
                try await request.session["visits", default: 0] += 1
                let status = HTTPStatus(code: try request.parameters.require("status"))
                if request.query == "thrown" { throw HTTPError(status) }
                return HTTPResponse(status, body: "\(try await request.session["visits", default: 0])")
            }
        }
        for target in ["/200", "/404", "/404?thrown", "/503"] {
            let response = await probe.answer("GET \(target)")
            #expect(response.headers["Set-Cookie"] != nil, "\(target)")
            let cookie = String((response.headers["Set-Cookie"] ?? "").prefix { $0 != ";" })
            #expect(await probe.answer("GET /200", "Cookie: \(cookie)").text == "2")
        }
    }
}
