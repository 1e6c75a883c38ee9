import ApusLoad
import CApus
import Testing

@Suite struct `Durations` {
    @Test(arguments: [
        ("500ms", Duration.milliseconds(500)), ("10s", .seconds(10)), ("10", .seconds(10)), ("2m", .seconds(120)),
        ("1h", .seconds(3600)), ("1.5s", .milliseconds(1500)), (".5m", .seconds(30)), ("250us", .microseconds(250)),
    ])
    func `are read as people write them`(_ text: String, _ duration: Duration) {
        #expect(DurationText.parse(text) == duration)
    }

    @Test(arguments: [
        "", "s", "-1s", "0", "0s", "1 s", "1d", "inf", "nan", "0x10", "1e3s", "1.2.3s", "10S", "9999999999999h",
    ])
    func `that are none are refused`(_ text: String) {
        #expect(DurationText.parse(text) == nil)
    }
}

@Suite struct `Targets` {
    @Test(arguments: [
        ("http://127.0.0.1:8080/", "127.0.0.1", 8080, "/", "127.0.0.1:8080"),
        ("http://127.0.0.1", "127.0.0.1", 80, "/", "127.0.0.1"),
        ("HTTP://localhost:80?a=b", "localhost", 80, "/?a=b", "localhost"),
        ("http://[::1]:81/a/b?c=d&e#f", "::1", 81, "/a/b?c=d&e", "[::1]:81"),
        ("http://[::1]", "::1", 80, "/", "[::1]"),
        ("127.0.0.1:8080/x", "127.0.0.1", 8080, "/x", "127.0.0.1:8080"),
        ("localhost:8080", "localhost", 8080, "/", "localhost:8080"),
        ("http://h/?q=http://other/", "h", 80, "/?q=http://other/", "h"),
    ])
    func `have a host, a port and a path`(
        _ url: String, _ host: String, _ port: Int, _ path: String, _ authority: String
    )
        throws
    {
        let target = try LoadTarget(url)
        #expect(target.host == host)
        #expect(Int(target.port) == port)
        #expect(target.path == path)
        #expect(target.authority == authority)
        #expect(target.description == "http://\(authority)\(path)")
    }

    @Test(arguments: [
        "", "http://", "http:///x", "http://:80/", "ftp://h/", "http://h:0/", "http://h:65536/", "http://h:x/",
        "http://h:/", "http://::1:80/", "http://[::1/", "http://[::1]x/", "http://u:p@h/", "http://h/a b", "http://h/é",
        "http://h /",
    ])
    func `that cannot be understood are refused`(_ url: String) {
        #expect(throws: LoadOptionsError.self) { try LoadTarget(url) }
    }

    @Test func `with https have a port of their own`() throws {
        let target = try LoadTarget("https://127.0.0.1/a")
        #expect(target.isSecure)
        #expect(target.port == 443)
        #expect(target.authority == "127.0.0.1")
        #expect(target.description == "https://127.0.0.1/a")
        #expect(try LoadTarget("https://[::1]:80/").authority == "[::1]:80")
        #expect(try !LoadTarget("http://127.0.0.1:443/").isSecure)
    }

    /// The parser of addresses takes this for a name; the system knows it without asking anybody.
    @Test func `with a name are looked up before the run`() throws {
        let options = LoadOptions(url: "http://127.2:8080/")
        guard case .name("127.2", port: 8080) = try options.plan().endpoint else {
            Issue.record("not taken for a name")
            return
        }
        guard case .ip(let address) = try options.plan().endpoint.resolved() else {
            Issue.record("not resolved")
            return
        }
        #expect(address.family == 4 && address.port == 8080)
        #expect([address.ip.0, address.ip.1, address.ip.2, address.ip.3] == [127, 0, 0, 2])
    }

    @Test func `with a name that nobody has say so`() throws {
        var options = LoadOptions(url: "http://no-such-host.invalid/")
        try options.validate()
        options.duration = .milliseconds(1)
        let error = #expect(throws: LoadError.self) { try LoadRun.run(options) }
        #expect(error?.description.hasPrefix("cannot connect to no-such-host.invalid:80: ") == true)
    }
}

@Suite struct `Load options` {
    private func request(_ change: (inout LoadOptions) throws -> Void) throws -> String {
        var options = LoadOptions(url: "http://127.0.0.1:8080/a?b")
        try change(&options)
        return String(decoding: try options.plan().request, as: UTF8.self)
    }

    @Test func `become a request`() throws {
        #expect(
            try request { _ in }
                == head("GET /a?b HTTP/1.1", "Host: 127.0.0.1:8080", "User-Agent: apus-load", "Accept: */*"))
        #expect(try request { $0.keepsAlive = false }.contains("\r\nConnection: close\r\n"))
        #expect(try request { $0.method = "POST" }.hasSuffix("\r\nContent-Length: 0\r\n\r\n"))
        #expect(try request { $0.method = "DELETE" }.contains("Content-Length") == false)
        let withBody = try request { $0.body = Array("hällo".utf8) }
        #expect(withBody.hasPrefix("POST ") && withBody.hasSuffix("\r\nContent-Length: 6\r\n\r\nhällo"))
    }

    @Test func `put their own fields in the place of the usual ones`() throws {
        let text = try request { options in
            options.headers = [
                try HeaderField("host: example"), try HeaderField("X-A:1"), try HeaderField("X-A:  2\t"),
                try HeaderField("Accept:"),
            ]
        }
        #expect(
            text == head("GET /a?b HTTP/1.1", "User-Agent: apus-load", "host: example", "X-A: 1", "X-A: 2", "Accept: "))
    }

    @Test(arguments: ["X", ": x", "X y: z", "X: a\r\nY: b", "X: \u{0}", "é: x"])
    func `refuse what is no field`(_ line: String) {
        #expect(throws: LoadOptionsError.self) { try HeaderField(line) }
    }

    static let contradictions: [@Sendable (inout LoadOptions) throws -> Void] = [
        { $0.connections = 0 }, { $0.processes = 0 }, { $0.processes = 65 }, { $0.pipelineDepth = 0 },
        { $0.requests = 0 }, { $0.duration = .zero }, { $0.timeout = .zero }, { $0.timeout = .seconds(4000) },
        { $0.method = "" }, { $0.method = "GET /" }, { $0.method = "CONNECT" },
        { options in
            options.connections = 2
            options.processes = 3
        },
        { options in
            options.pipelineDepth = 2
            options.keepsAlive = false
        },
        { $0.headers = [try HeaderField("Content-Length: 5")] }, { $0.unixPath = String(repeating: "a", count: 108) },
    ]

    @Test(arguments: contradictions.indices)
    func `that do not go together are refused`(_ index: Int) throws {
        var options = LoadOptions(url: "http://127.0.0.1/")
        try Self.contradictions[index](&options)
        #expect(throws: LoadOptionsError.self) { try options.validate() }
    }

    @Test func `are divided among processes without a remainder`() throws {
        var options = LoadOptions(url: "http://127.0.0.1/")
        options.connections = 10
        options.requests = 1001
        let shares = try options.plan().divided(among: 4)
        #expect(shares.map(\.connections) == [3, 3, 2, 2])
        #expect(shares.map(\.requests) == [251, 250, 250, 250])
    }

    @Test func `take ten seconds unless they say otherwise`() throws {
        var options = LoadOptions(url: "http://127.0.0.1/")
        #expect(try options.plan().duration == 10_000_000_000)
        options.requests = 1
        #expect(try options.plan().duration == .max)
        options.duration = .seconds(1)
        #expect(try options.plan().duration == 1_000_000_000)
    }
}

/// Lines with CRLF, and an empty one behind them.
private func head(_ lines: String...) -> String { lines.map { $0 + "\r\n" }.joined() + "\r\n" }
