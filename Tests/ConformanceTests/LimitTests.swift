import Glibc
import TestSupport
import Testing

/// Limits that are crossed with what they are unless set otherwise.
@Suite struct LimitTests {
    // MARK: Forms

    private static func part(_ head: String, _ content: String = "1") -> String {
        "--b\r\nContent-Disposition: form-data; \(head)\r\n\r\n\(content)\r\n"
    }

    /// A form at its bound, and one beyond.
    private static let forms: [(name: String, type: String, allowed: String, refused: String)] = {
        let multipart = "multipart/form-data; boundary=b"
        let file = part("name=f; filename=x")
        let name = String(repeating: "n", count: 1024)
        let field = "Content-Disposition: form-data; name=a\r\nX: "
        // With the empty line behind it.
        let filling = String(repeating: "x", count: 8 * 1024 - field.utf8.count - 4)
        return [
            (
                "fields", "application/x-www-form-urlencoded", String(repeating: "a&", count: 1000),
                String(repeating: "a&", count: 1001)
            ),
            (
                "fields of parts", multipart, String(repeating: part("name=a"), count: 1000) + "--b--",
                String(repeating: part("name=a"), count: 1001) + "--b--"
            ),
            (
                "parts", multipart, String(repeating: file, count: 1024) + "--b--",
                String(repeating: file, count: 1025) + "--b--"
            ),
            ("names", multipart, part("name=\(name)") + "--b--", part("name=\(name)n") + "--b--"),
            (
                "heads", multipart, "--b\r\n\(field)\(filling)\r\n\r\n1\r\n--b--",
                "--b\r\n\(field)\(filling)x\r\n\r\n1\r\n--b--"
            ),
        ]
    }()

    private static func post(_ target: String, _ type: String, _ body: String) -> String {
        "POST \(target) HTTP/1.1\r\nHost: h\r\nContent-Type: \(type)\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// In memory and as they arrive.
    @Test(arguments: Setup.eachBackend, ["/form", "/body/form"])
    func formsBeyondTheirBoundsAreRefused(_ setup: Setup, _ target: String) async throws {
        try await withScenario("http", setup) { server in
            for form in Self.forms {
                let client = try server.connect()
                try client.send(Self.post(target, form.type, form.allowed))
                #expect(try client.readReply().status == 200, "\(form.name)")
                try client.send(Self.post(target, form.type, form.refused))
                #expect(try client.readReply().status == 413, "\(form.name)")
                #expect(try server.connect().get("/").status == 200)
            }
        }
    }

    @Test(arguments: Setup.eachBackend)
    func fieldsOfAFormThatArrivesFitIntoMemory(_ setup: Setup) async throws {
        let multipart = "multipart/form-data; boundary=b"
        let most = 1024 * 1024
        let long = String(repeating: "x", count: 7000)
        // The bytes of the contents count, whichever field they are in.
        let forms = [
            (multipart, Self.part("name=a", String(repeating: "x", count: most + 1)) + "--b--"),
            (
                multipart,
                String(repeating: Self.part("name=a", String(repeating: "x", count: 11_000)), count: 100) + "--b--"
            ),
            ("application/x-www-form-urlencoded", "a=" + String(repeating: "x", count: most)),
            // And what is kept beside them.
            (multipart, String(repeating: Self.part("name=f; filename=\(long)"), count: 200) + "--b--"),
            (
                multipart,
                String(repeating: Self.part("name=f; filename=x\r\nContent-Type: \(long)"), count: 200) + "--b--"
            ),
        ]
        try await withScenario("http", setup) { server in
            for (type, form) in forms {
                let client = try server.connect()
                _ = try client.sendWhilePossible(Array(Self.post("/body/form", type, form).utf8))
                #expect(try client.readReply().status == 413, "\(form.prefix(80))")
            }
            // A file is no field.
            let client = try server.connect()
            let file = Self.part("name=f; filename=x", String(repeating: "x", count: most + 1)) + "--b--"
            try client.send(Self.post("/body/form", multipart, file))
            #expect(try client.readReply().status == 200)
            let names = String(repeating: Self.part("name=f; filename=\(long)"), count: 100) + "--b--"
            try client.send(Self.post("/body/form", multipart, names))
            #expect(try client.readReply().status == 200)
        }
    }

    /// Each is closed when it is complete, and opened when somebody wants it.
    @Test(arguments: Setup.eachBackend)
    func filesOfAFormThatArrivesTakeNoDescriptors(_ setup: Setup) async throws {
        let folder = try TemporaryFolder()
        let moved = try TemporaryFolder()
        try await withScenario("http", setup, ["--temporary", folder.path]) { server in
            let client = try server.connect()
            let form = (0..<600).map { Self.part("name=f; filename=n\($0)", "\($0 % 10)") }.joined() + "--b--"
            let target = "/body/form?path=1&wait=1&to=\(moved.file("first"))"
            let request = Self.post(target, "multipart/form-data; boundary=b", form)
            try client.send(String(request.dropLast(5)))
            let isThere = eventually { folder.names.count == 600 }
            #expect(isThere)
            let facts = try #require(server.process.facts)
            #expect(facts.descriptorCount < 100)
            try client.send(String(request.suffix(5)))
            let path = String(try server.event("path").dropFirst(5))
            #expect(readText(path) == "9" && moved.text("first") == "0")
            #expect(facts.descriptorCount < 100)
            #expect(try server.connect().get("/body/go").text == "went")
            let lines = (0..<600).map { "f: n\($0) 1 \(0x30 + $0 % 10)" }
            #expect(try client.readReply().text == lines.joined(separator: "\n"))
            let isGone = eventually { folder.names.isEmpty }
            #expect(isGone)
        }
    }

    // MARK: TLS

    /// A hundred clients shake hands at once: a connection that is open already does not wait for all of them.
    @Test(arguments: Setup.eachBackend.filter(\.isSecured))
    func handshakesLeaveTimeForOthers(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let hello = try Client.tlsHello()
            let open = try server.connect()
            #expect(try open.get("/").status == 200)
            let others = try (0..<100).map { _ in try Client(server.endpoint) }
            while server.count("connect") < 101 { try server.event("connect") }
            server.process.signal(SIGSTOP)
            for client in others { try client.send(hello) }
            try open.send("GET /block?1 HTTP/1.1\r\nHost: h\r\n\r\n")
            server.process.signal(SIGCONT)
            try server.event("blocking")
            // While the handler holds up the loop nobody else is answered. A turn need not see all that are ready.
            #expect(others.count { $0.isReadable() } < 50)
            #expect(try open.readReply().text == "blocked")
            for client in others { #expect(client.isReadable(within: Client.patience)) }
        }
    }

    // MARK: Folders

    @Test(arguments: Setup.eachBackend.filter { !$0.isSecured })
    func aListOfAFolderHasAnEnd(_ setup: Setup) async throws {
        try await withSite(setup, ["--browse", "1"]) { server, folder in
            for number in 0..<10_000 { close(open(folder.file("f\(number)"), O_CREAT | O_WRONLY | O_CLOEXEC, 0o644)) }
            let client = try server.connect()
            #expect(try client.get("/").text.ranges(of: "href=\"./f").count == 10_000)
            close(open(folder.file("f10000"), O_CREAT | O_WRONLY | O_CLOEXEC, 0o644))
            let page = try client.get("/").text
            #expect(page.ranges(of: "href=\"./f").count == 10_000)
            #expect(page.contains("Only 10000 of the files are shown."))
        }
    }

    // MARK: Datagrams

    /// What announces more than a packet may have is dropped with the rest of its datagram.
    @Test(arguments: Setup.udp)
    func aPacketOfADatagramHasALimit(_ setup: Setup) async throws {
        try await withScenario("udp", setup, ["--protocol", "frame", "--max-package", "100"]) { server in
            let client = try UDPClient(server.endpoint)
            func frame(_ count: Int) -> [UInt8] { [0, 0, 0, UInt8(count)] + pattern(count - 4) }
            try client.send(frame(100) + frame(101) + frame(10))
            try client.send(frame(20))
            #expect(try client.receive() == frame(100))
            #expect(try client.receive() == frame(20))
            #expect(server.log.contains("package_length=101"))
        }
    }
}
