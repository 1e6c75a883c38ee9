/// A server of WebSockets: a page, an endpoint, topics.
nonisolated enum WebSocketTemplate {
    static let files = [
        ProjectFile("Sources/{{module}}/Server.swift", server), ProjectFile("Sources/{{module}}/Chat.swift", chat),
        ProjectFile("Sources/{{module}}/Guest.swift", guest), ProjectFile("Sources/{{module}}/Page.swift", page),
        ProjectFile("Tests/{{module}}Tests/GuestTests.swift", guestTests),
        ProjectFile("Tests/{{module}}Tests/ChatTests.swift", chatTests),
        ProjectFile("Tests/{{module}}Tests/Support/Client+http.swift", ServerTestTemplate.httpClient),
        ProjectFile("Tests/{{module}}Tests/Support/Client+webSocket.swift", ServerTestTemplate.webSocketClient),
    ]

    static let trial = "xdg-open http://127.0.0.1:8080/    # in two windows"

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

            let chat = Chat()
            let router = Router()
            router.get("/") { _ in HTTPResponse(body: Page.html) }
            router.get("/chat") { request in try request.upgradeToWebSocket(chat.endpoint) }

            let server = Worker(.http, on: settings.listen)
            server.name = "{{name}}"
            server.count = settings.workers
            server.serve(router)
        }
        """##

    private static let chat = ##"""
        import Apus
        import ApusWeb
        import FoundationEssentials

        /// Rooms in which people talk: whoever opens `/chat?name=Ann&room=tea` hears what is said in that room.
        ///
        /// A room is a topic, and topics are those of one process. So what is said goes to the other processes, too.
        final class Chat {
            /// Of a message between processes.
            private static let event = "said"

            /// Where WebSockets are opened. They carry no cookies that it would trust; once they do, set `origins`.
            let endpoint = WebSocketEndpoint(.websocket(compression: .permessageDeflate, pingInterval: 30))

            init() {
                endpoint.limits.maxPackageSize = 16 * 1024
                endpoint.onWebSocketConnect = { connection, request in
                    let query = request.request.queryParameters
                    guard let guest = Guest(name: query["name"], room: query["room"]) else {
                        throw HTTPError(.badRequest, "a name is needed, of at most \(Guest.maxCount) characters")
                    }
                    connection[GuestKey.self] = guest
                }
                endpoint.onWebSocketConnected = { connection, _ in
                    if let guest = connection[GuestKey.self] { connection.subscribe(guest.room) }
                }
                endpoint.onMessage = { [unowned self] connection, message in
                    guard let guest = connection[GuestKey.self] else { return }
                    let remark = Remark(room: guest.room, from: guest.name, text: message.text)
                    try tell(remark)
                    Worker.bus.broadcast(Self.event, Array(try JSONEncoder().encode(remark)))
                }
                Worker.bus.on(Self.event) { [unowned self] message in
                    try tell(JSONDecoder().decode(Remark.self, from: Data(message.data)))
                }
            }

            /// Sends it to those in the room that this process has.
            private func tell(_ remark: Remark) throws { endpoint.publish(remark.room, try .json(remark)) }

            private enum GuestKey: StorageKey {
                typealias Value = Guest
            }
        }

        /// What somebody says.
        private nonisolated struct Remark: Codable {
            var room: String
            var from: String
            var text: String
        }
        """##

    private static let guest = ##"""
        /// Somebody in a room.
        nonisolated struct Guest: Equatable {
            let name: String
            let room: String

            static let maxCount = 30

            /// Nil for a name that is empty or too long. Without a room it is the lobby.
            init?(name: String?, room: String?) {
                let room = room ?? ""
                guard let name, !name.isEmpty, max(name.count, room.count) <= Self.maxCount else { return nil }
                self.name = name
                self.room = room.isEmpty ? "lobby" : room
            }
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
                input, button { font: inherit } form { display: flex; gap: .5rem } #text { flex: 1 }
                </style>
                <h1>{{name}}</h1>
                <form id="enter">
                <input id="name" placeholder="Your name" maxlength="30" required autofocus>
                <input id="room" placeholder="Room: lobby" maxlength="30">
                <button>Enter</button></form>
                <form id="talk" hidden><input id="text" autocomplete="off"><button>Say</button></form>
                <p id="state"></p><div id="log"></div>
                <script>
                const $ = id => document.getElementById(id)
                let socket, delay = 500
                function connect() {
                    const query = new URLSearchParams({ name: $("name").value, room: $("room").value })
                    const scheme = location.protocol === "https:" ? "wss" : "ws"
                    socket = new WebSocket(`${scheme}://${location.host}/chat?${query}`)
                    socket.onopen = () => { $("state").textContent = "connected"; delay = 500 }
                    socket.onmessage = message => {
                        const remark = JSON.parse(message.data), line = document.createElement("p")
                        line.textContent = `${remark.from}: ${remark.text}`
                        $("log").prepend(line)
                    }
                    // A reload of the server ends the connection; the next one is to its successor.
                    socket.onclose = () => {
                        $("state").textContent = "not connected"
                        setTimeout(connect, delay = Math.min(delay * (1 + Math.random()), 30000))
                    }
                }
                $("enter").onsubmit = event => {
                    event.preventDefault()
                    $("enter").hidden = true
                    $("talk").hidden = false
                    connect()
                }
                $("talk").onsubmit = event => {
                    event.preventDefault()
                    if (socket.readyState === WebSocket.OPEN && $("text").value) socket.send($("text").value)
                    $("text").value = ""
                }
                </script></html>
                """
        }
        """##

    private static let guestTests = ##"""
        import Testing

        @testable import {{module}}

        @Suite struct GuestTests {
            @Test func withoutARoomItIsTheLobby() {
                #expect(Guest(name: "Ann", room: nil)?.room == "lobby")
                #expect(Guest(name: "Ann", room: "")?.room == "lobby")
                #expect(Guest(name: "Ann", room: "tea") == Guest(name: "Ann", room: "tea"))
            }

            @Test(arguments: [nil, "", String(repeating: "a", count: 31)])
            func nobodyIsCalled(_ name: String?) { #expect(Guest(name: name, room: "tea") == nil) }
        }
        """##

    private static let chatTests = ##"""
        import Testing

        /// The program, over sockets.
        @Suite struct ChatTests {
            @Test func thePageIsThere() throws {
                let server = try RunningServer()
                let answer = try Client(port: server.ports[0]).ask("GET", "/")
                #expect(answer.status == 200 && answer.body.contains("new WebSocket"))
            }

            /// Of eight people some are in each of the two processes.
            @Test func thoseInARoomHearEachOtherWhereverTheyAre() throws {
                let server = try RunningServer("--workers", "2")
                let people = try (0..<8).map { number in
                    let client = try Client(port: server.ports[0])
                    #expect(try client.openWebSocket("/chat?name=guest\(number)&room=tea") == 101)
                    return client
                }
                for (number, speaker) in people.enumerated() {
                    try speaker.sendText("hello")
                    for client in people {
                        #expect(try client.readText() == #"{"room":"tea","from":"guest\#(number)","text":"hello"}"#)
                    }
                }
            }

            @Test func otherRoomsHearNothing() throws {
                let server = try RunningServer("--workers", "1")
                let (ann, bob) = (try Client(port: server.ports[0]), try Client(port: server.ports[0]))
                #expect(try ann.openWebSocket("/chat?name=Ann&room=tea") == 101)
                #expect(try bob.openWebSocket("/chat?name=Bob") == 101)
                try ann.sendText("is it ready?")
                #expect(try ann.readText().contains("is it ready?"))
                try bob.sendText("quiet here")
                // Had he heard her, that would have come first.
                #expect(try bob.readText() == #"{"room":"lobby","from":"Bob","text":"quiet here"}"#)
            }

            @Test(arguments: ["/chat", "/chat?name="])
            func whoeverHasNoNameIsRefused(_ target: String) throws {
                let server = try RunningServer("--workers", "1")
                #expect(try Client(port: server.ports[0]).openWebSocket(target) == 400)
            }
        }
        """##
}
