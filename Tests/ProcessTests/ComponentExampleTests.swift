import TestSupport
import Testing

/// The examples of the components, each with the server that it is for.
@Suite struct ComponentExampleTests {
    /// Starts an example; `body` gets where it listens.
    private func with(
        _ recipe: String, _ backend: String, _ options: [String], _ body: (Endpoint, Service) throws -> Void
    ) throws {
        let service = try Service("Examples", recipe, backend, options)
        let (master, endpoint) = try service.start()
        try body(endpoint, service)
        #expect(try master.stop() == .code(0))
    }

    private func ask(_ endpoint: Endpoint, _ method: String, _ target: String, _ body: String = "") throws -> HTTPReply
    {
        let client = try Client(endpoint)
        try client.send("\(method) \(target) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        return try client.readReply()
    }

    @Test(arguments: backends)
    func valuesInRedis(_ backend: String) async throws {
        try await TestThreads.light.run {
            let redis = try RedisServer()
            try with("RedisDemo", backend, ["--http", "127.0.0.1:0", "--redis", "\(redis.endpoint)"]) {
                (endpoint, _) throws in
                #expect(try ask(endpoint, "GET", "/name").status == 404)
                #expect(try ask(endpoint, "PUT", "/name", "Ann").status == 204)
                #expect(try ask(endpoint, "GET", "/name").text == "Ann")
                #expect(try ask(endpoint, "DELETE", "/name").status == 204)
                #expect(try ask(endpoint, "GET", "/name").status == 404)
                for number in 1...3 { #expect(try ask(endpoint, "POST", "/visits").text == "\(number)\n") }
                #expect(try ask(endpoint, "PATCH", "/name").status == 405)
            }
        }
    }

    @Test(arguments: backends)
    func workForLater(_ backend: String) async throws {
        try await TestThreads.light.run {
            let redis = try RedisServer()
            let options = ["--http", "127.0.0.1:0", "--redis", "\(redis.endpoint)"]
            try with("RedisQueueDemo", backend, options) { (endpoint, service) throws in
                #expect(try ask(endpoint, "GET", "/?to=Ann&delay=1").text == "to be greeted: Ann\n")
                #expect(try ask(endpoint, "GET", "/?to=Bob").text == "to be greeted: Bob\n")
                #expect(eventually { service.log.contains("hello, Bob") && service.log.contains("hello, Ann") })
                #expect(try ask(endpoint, "GET", "/").status == 400)
            }
        }
    }

    @Test(arguments: backends)
    func messagesThroughABroker(_ backend: String) async throws {
        try await TestThreads.light.run {
            let broker = try RabbitServer.shared.get()
            let options = [
                "--http", "127.0.0.1:0", "--broker", "stomp://guest:guest@\(broker.endpoint)", "--destination",
                "/queue/demo-\(backend)",
            ]
            try with("STOMPDemo", backend, options) { (endpoint, service) throws in
                #expect(eventually { service.log.contains("the broker is there") })
                #expect(try ask(endpoint, "GET", "/?say=hello").text == "sent: hello\n")
                #expect(eventually { service.log.contains("received: hello") })
            }
        }
    }

    @Test(arguments: backends)
    func eventsAndQuestionsOverNATS(_ backend: String) async throws {
        try await TestThreads.light.run {
            let nats = try NATSServer()
            try with("NATSDemo", backend, ["--http", "127.0.0.1:0", "--nats", "nats://\(nats.address)"]) {
                (endpoint, service) throws in
                #expect(eventually { service.log.contains("NATS is there") })
                #expect(try ask(endpoint, "GET", "/?say=hello").text == "published: hello\n")
                #expect(eventually { service.log.contains("heard: hello") })
                #expect(try ask(endpoint, "GET", "/?double=21").text == "42\n")
            }
        }
    }

    @Test(arguments: backends)
    func whatPushSocketsSend(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let place = "ipc://\(folder.file("pull"))"
            let service = try Service("Examples", "ZMQPull", backend, ["--bind", place])
            let master = try service.launch("start")
            #expect(eventually { service.log.contains("pulls from \(place)") })
            // `term` waits until it is sent.
            let script = """
                import zmq
                context = zmq.Context()
                socket = context.socket(zmq.PUSH)
                socket.connect('\(place)')
                socket.send(b'hello')
                socket.close()
                context.term()
                """
            let pusher = try ServerProcess("/usr/bin/python3", ["-c", script], in: folder)
            #expect(try pusher.waitForExit() == .code(0))
            #expect(eventually { service.log.contains("received: hello") })
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func addressesOfHosts(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let (names, port) = try startServer("/usr/sbin/dnsmasq", in: folder) { port in
                [
                    "--keep-in-foreground", "--port=\(port)", "--listen-address=127.0.0.1", "--bind-interfaces",
                    "--no-resolv", "--no-hosts", "--pid-file=\(folder.file("pid"))", "--user=root", "--local=/test/",
                    "--host-record=a.test,127.0.0.9",
                ]
            }
            let options = ["--text", "127.0.0.1:0", "--server", "127.0.0.1:\(port)"]
            try with("DNSResolve", backend, options) { endpoint, _ in
                let client = try Client(endpoint)
                try client.send("a.test\n")
                #expect(try client.readLine() == "127.0.0.9")
                try client.send("b.test\n")
                #expect(try client.readLine().hasPrefix("ERROR "))
            }
            withExtendedLifetime(names) {}
        }
    }

    @Test(arguments: backends)
    func aNumberThatProcessesShare(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let data = "unix:\(folder.file("data"))"
            let servers = try Service(
                "Examples", "ClusterServers", backend, ["--channel", "unix:\(folder.file("channel"))", "--data", data])
            let (between, _) = try servers.start()
            try with("GlobalDataDemo", backend, ["--text", "127.0.0.1:0", "--data", data]) { endpoint, _ in
                var last = "nothing"
                for number in 1...8 {
                    let client = try Client(endpoint)
                    try client.send("l\(number)\n")
                    #expect(try client.readLine() == "line \(number), behind \(last)")
                    last = "l\(number)"
                }
            }
            #expect(try between.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func eventsForClientsOfAllProcesses(_ backend: String) async throws {
        try await TestThreads.light.run {
            let redis = try RedisServer()
            let place = "redis+\(redis.endpoint)"
            let options = ["--websocket", "127.0.0.1:0", "--channel", place, "--count", "2"]
            try with("ChannelBroadcast", backend, options) { endpoint, _ in
                // Of eight connections both processes have some.
                let clients = try (0..<8).map { _ in
                    let client = try Client(endpoint)
                    _ = try client.openWebSocket()
                    return client
                }
                // A process that has just started may not have subscribed yet.
                let asking = try Client(redis.endpoint)
                try waitFor("two processes that have subscribed") { () -> Void? in
                    try asking.send("PUBSUB NUMSUB broadcast\r\n")
                    let reply = try (0..<4).map { _ in try asking.readLine() }
                    return reply[3] == ":2\r" ? () : nil
                }
                try clients[0].send(WebSocketFrame(.text, "hello"))
                for client in clients { #expect(try client.readFrame() == WebSocketFrame(.text, "hello")) }
            }
        }
    }
}
