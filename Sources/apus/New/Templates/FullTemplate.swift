/// A server with most of what one may have: HTTP and WebSocket, a timer, a counter that processes share, metrics.
nonisolated enum FullTemplate {
    static let files = [
        ProjectFile("Sources/{{module}}/Server.swift", server), ProjectFile("Sources/{{module}}/Routes.swift", routes),
        ProjectFile("Sources/{{module}}/LiveCount.swift", live), ProjectFile("Sources/{{module}}/Visits.swift", visits),
        ProjectFile("Sources/{{module}}/Page.swift", page),
        ProjectFile("Sources/{{module}}/Middleware+jsonErrors.swift", HTTPTemplate.jsonErrors),
        ProjectFile("Tests/{{module}}Tests/ServerTests.swift", serverTests),
        ProjectFile("Tests/{{module}}Tests/Support/Client+http.swift", ServerTestTemplate.httpClient),
        ProjectFile("Tests/{{module}}Tests/Support/Client+webSocket.swift", ServerTestTemplate.webSocketClient),
    ]

    static let trial = ##"""
        xdg-open http://127.0.0.1:8080/
        curl -X POST http://127.0.0.1:8080/visits    # the page shows it
        """##

    private static let server = ##"""
        import Apus
        import ApusWeb

        /// Sets up the service. It runs in the master and again in each worker process, and only configures: clients of
        /// other servers, files and timers belong into `onWorkerStart`.
        public func setUp(_ settings: Settings) {
            // TERM, which service managers and containers send, lets what has begun be finished, in half a minute at
            // most. Ctrl-C and the command `stop` wait for two seconds.
            Worker.sigtermIsGraceful = true
            Worker.gracefulTimeout = 30
            Worker.metricsAddress = settings.metrics

            // One number for all processes, which reloads keep: made here, where each of them comes by.
            let counter = SharedCounter("visits")
            let live = LiveCount(of: counter)

            let server = Worker(.http, on: settings.listen)
            server.name = "{{name}}"
            server.count = settings.workers
            server.onWorkerStart = { _ in live.start(every: Double(settings.interval) / 1000) }
            server.serve(Routes.router(counter, live))
        }
        """##

    private static let routes = ##"""
        import Apus
        import ApusWeb

        /// What the service answers.
        enum Routes {
            /// What a handler throws is answered, too: an `HTTPError` with its status and message, anything else with
            /// 500.
            static func router(_ counter: SharedCounter, _ live: LiveCount) -> Router {
                let router = Router()
                router.use(.requestID(), .jsonErrors)
                router.get("/") { _ in HTTPResponse(body: Page.html) }
                router.get("/visits") { _ in try HTTPResponse(json: Visits(visits: counter.load())) }
                router.post("/visits") { _ in try HTTPResponse(.created, json: Visits(visits: counter.add())) }
                router.get("/live") { request in try request.upgradeToWebSocket(live.endpoint) }
                return router
            }
        }
        """##

    private static let live = ##"""
        import Apus
        import ApusWeb

        /// Tells those who watch how many visits there are: at once, and whenever that has changed.
        ///
        /// Each process looks at the counter by itself and tells its own clients, so none has to know of the others.
        final class LiveCount {
            private static let topic = "count"

            let endpoint = WebSocketEndpoint(.websocket(pingInterval: 30))
            private let counter: SharedCounter
            private var told = 0

            init(of counter: SharedCounter) {
                self.counter = counter
                endpoint.limits.maxPackageSize = 1024  // Clients have nothing to say.
                endpoint.onWebSocketConnected = { connection, _ in
                    connection.send(try .json(Visits(visits: counter.load())))
                    connection.subscribe(Self.topic)
                }
            }

            /// Looks every so many seconds. Timers are of a process that runs: this belongs into `onWorkerStart`.
            func start(every seconds: Double) {
                told = counter.load()
                Timer.every(seconds) { [unowned self] _ in
                    let visits = counter.load()
                    guard visits != told else { return }
                    told = visits
                    endpoint.publish(Self.topic, try .json(Visits(visits: visits)))
                }
            }
        }
        """##

    private static let visits = ##"""
        /// What clients are told.
        nonisolated struct Visits: Codable, Equatable {
            var visits: Int
        }
        """##

    private static let page = ##"""
        /// What the browser shows.
        nonisolated enum Page {
            static let html = """
                <!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
                <title>{{name}}</title>
                <style>
                body { font: 1rem/1.5 system-ui; margin: 2rem auto; max-width: 40rem; padding: 0 1rem }
                button { font: inherit } output { font-size: 4rem; display: block }
                </style>
                <h1>{{name}}</h1>
                <output id="visits">–</output><button id="visit">Visit</button> <span id="state"></span>
                <script>
                const $ = id => document.getElementById(id)
                let delay = 500
                function connect() {
                    const scheme = location.protocol === "https:" ? "wss" : "ws"
                    const socket = new WebSocket(`${scheme}://${location.host}/live`)
                    socket.onopen = () => { $("state").textContent = "live"; delay = 500 }
                    socket.onmessage = message => { $("visits").textContent = JSON.parse(message.data).visits }
                    // A reload of the server ends the connection; the next one is to its successor.
                    socket.onclose = () => {
                        $("state").textContent = "not connected"
                        setTimeout(connect, delay = Math.min(delay * (1 + Math.random()), 30000))
                    }
                }
                $("visit").onclick = () => fetch("/visits", { method: "POST" })
                connect()
                </script></html>
                """
        }
        """##

    private static let serverTests = ##"""
        import Testing

        /// The program, over sockets.
        @Suite struct ServerTests {
            @Test func thePageIsThere() throws {
                let server = try RunningServer()
                let answer = try Client(port: server.ports[0]).ask("GET", "/")
                #expect(answer.status == 200 && answer.body.contains("new WebSocket"))
            }

            /// Each over a connection of its own, so that both processes have some of them.
            @Test func visitsAreCountedOverAllProcesses() throws {
                let server = try RunningServer("--workers", "2")
                for count in 1...16 {
                    let answer = try Client(port: server.ports[0]).ask("POST", "/visits")
                    #expect(answer.status == 201 && answer.body == #"{"visits":\#(count)}"#)
                }
                for _ in 0..<8 {
                    #expect(try Client(port: server.ports[0]).ask("GET", "/visits").body == #"{"visits":16}"#)
                }
            }

            @Test func thoseWhoWatchAreTold() throws {
                let server = try RunningServer("--workers", "2", "--interval", "20")
                let watchers = try (0..<4).map { _ in
                    let client = try Client(port: server.ports[0])
                    #expect(try client.openWebSocket("/live") == 101)
                    #expect(try client.readText() == #"{"visits":0}"#)
                    return client
                }
                let visitor = try Client(port: server.ports[0])
                for count in 1...3 {
                    #expect(try visitor.ask("POST", "/visits").status == 201)
                    for watcher in watchers { #expect(try watcher.readText() == #"{"visits":\#(count)}"#) }
                }
            }

            @Test func whatIsWrongIsSaidInJSON() throws {
                let server = try RunningServer("--workers", "1")
                let client = try Client(port: server.ports[0])
                let unknown = try client.ask("GET", "/none")
                #expect(unknown.status == 404 && unknown.body == #"{"error":"Not Found"}"#)
                #expect(try client.ask("GET", "/live").status == 400)  // It asks for no WebSocket.
                #expect(try client.ask("DELETE", "/visits").status == 405)
            }

            @Test func countersCanBeRead() throws {
                let server = try RunningServer("--workers", "2", "--metrics", "127.0.0.1:0")
                #expect(try Client(port: server.ports[0]).ask("POST", "/visits").status == 201)
                let place = try #require(server.log.firstMatch(of: /metrics at http:\/\/127\.0\.0\.1:(\d+)\//))
                let metrics = try Client(port: #require(UInt16(place.output.1))).ask("GET", "/metrics")
                #expect(metrics.status == 200 && metrics.body.contains("apus_processes"))
            }
        }
        """##
}
