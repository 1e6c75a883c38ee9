import Apus
import ApusWeb
import Glibc

/// A page with a clock that the server drives, by server-sent events.
///
///     Examples SSEClock start [--on HOST:PORT] [--every SECONDS] [--count N]
///
/// A browser that loses the connection makes another one by itself, after two seconds here, and names the last event
/// that it got: the server tells how many it has missed.
enum SSEClock {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let interval = try options.number("every") ?? 1
        guard interval > 0 else { throw OptionError(description: "--every needs one second or more") }
        let router = Router()
        router.get("/") { _ in HTTPResponse(body: page) }
        router.get("/events") { request in
            let last = request.headers["Last-Event-ID"].flatMap { Int($0) }
            return HTTPResponse(events: { events in
                events.send(ServerSentEvent(retry: 2000))
                if let last { events.send(ServerSentEvent("\(max(0, now() &- last))", event: "missed")) }
                while events.isOpen {
                    let second = now()
                    events.send(ServerSentEvent(text(second), id: "\(second)"))
                    try await Timer.sleep(Double(interval))
                }
            })
        }
        let server = Worker(.http, on: options.value("on") ?? "127.0.0.1:8080")
        server.name = "SSEClock"
        server.count = try options.number("count") ?? 1
        server.serve(router)
    }

    private static func now() -> Int { time(nil) }

    /// "2026-01-31 12:00:00" by Greenwich.
    private static func text(_ second: Int) -> String {
        var (second, parts) = (second, tm())
        gmtime_r(&second, &parts)
        var bytes = [CChar](repeating: 0, count: 32)
        let count = strftime(&bytes, bytes.count, "%Y-%m-%d %H:%M:%S", &parts)
        return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static let page = """
        <!doctype html><meta charset="utf-8"><title>Clock</title>
        <h1 id="clock">…</h1><p id="state">connecting</p>
        <script>
        const show = (id, text) => document.getElementById(id).textContent = text
        const events = new EventSource("/events")
        events.onopen = () => show("state", "connected")
        events.onerror = () => show("state", "connecting again")
        events.onmessage = event => show("clock", event.data)
        events.addEventListener("missed", event => show("state", `connected, ${event.data} seconds missed`))
        </script>
        """
}
