import Glibc
import TestSupport
import Testing

/// The recipes about connections and transports, each asked by clients of its own.
@Suite struct ConnectionExampleTests {
    /// Starts a recipe; `body` gets where it listens.
    private func with(
        _ recipe: String, _ backend: String, _ options: [String] = [],
        _ body: @Sendable (_ endpoints: [Endpoint], Service) throws -> Void
    ) async throws {
        try await TestThreads.light.run {
            let service = try Service("Examples", recipe, backend, ["--on", "127.0.0.1:0"] + options)
            let master = try service.launch("start")
            try body(try master.endpoints(), service)
            #expect(try master.stop() == .code(0))
            #expect(!service.log.contains("exit with status"), "\(service.log)")
        }
    }

    @Test(arguments: backends)
    func whoIsSilentIsClosed(_ backend: String) async throws {
        try await with("Heartbeat", backend, ["--silence", "0.5", "--every", "0.1"]) { (endpoints, _) throws in
            // Where nobody gets the processor for half a second, who talks is silent, too: then it is tried again.
            let onlyTheSilentWasClosed = try eventually {
                let silent = try Client(endpoints[0])
                let talking = try Client(endpoints[0])
                while !silent.isReadable() {
                    guard (try? talking.send("ping\nhello\n")) != nil, (try? talking.readLine()) != nil else { break }
                }
                guard silent.isReadable() else { return false }
                #expect(try silent.readToEnd().bytes == [])
                return (try? talking.send("hello\n")) != nil && (try? talking.readLine()) == "received: hello"
            }
            #expect(onlyTheSilentWasClosed)
        }
        // With the usual times nobody is closed so soon.
        try await with("Heartbeat", backend) { (endpoints, _) throws in
            let client = try Client(endpoints[0])
            #expect(!client.isReadable(within: 0.5))
        }
    }

    @Test(arguments: backends)
    func connectionsAreCounted(_ backend: String) async throws {
        try await with("ConnectionCounter", backend) { (endpoints, _) throws in
            let first = try Client(endpoints[0])
            #expect(try first.readLine() == "1 connected")
            let second = try Client(endpoints[0])
            #expect(try second.readLine() == "2 connected")
            second.reset()
            let isCountedDown = try eventually {
                try first.send("?")
                return try first.readLine() == "1 connected"
            }
            #expect(isCountedDown)
        }
    }

    @Test(arguments: backends)
    func usersOfAllProcessesChat(_ backend: String) async throws {
        try await with("TextChat", backend, ["--count", "2"]) { (endpoints, service) throws in
            var clients: [(user: Int, client: Client)] = []
            for number in 1...8 {
                let client = try Client(endpoints[0])
                #expect(try client.readLine() == "you are user[\(number)]")
                clients.append((number, client))
            }
            try clients[0].client.send("hello\r\n\n")
            for (_, client) in clients { #expect(try client.readLine() == "user[1] said hello") }
            clients[7].client.close()
            for (_, client) in clients.dropLast() { #expect(try client.readLine() == "user[8] logout") }
        }
    }

    @Test(arguments: backends)
    func datagramsAreAnswered(_ backend: String) async throws {
        try await with("UDPEcho", backend) { (endpoints, service) throws in
            let client = try UDPClient(endpoints[0])
            try client.send("hello")
            #expect(try client.receiveText() == "received: hello")
            #expect(eventually { service.log.contains("5 bytes from 127.0.0.1:\(client.port)") })
        }
    }

    @Test(arguments: backends)
    func whoDoesNotLogInIsClosed(_ backend: String) async throws {
        try await with("AuthTimeout", backend, ["--password", "p"]) { (endpoints, _) throws in
            let wrong = try Client(endpoints[0])
            try wrong.send("login x\n")
            #expect(try wrong.textToEnd() == "wrong: expected login PASSWORD\n")
            #expect(!(try Client(endpoints[0]).isReadable(within: 0.3)))
        }
        try await with("AuthTimeout", backend, ["--seconds", "0.2"]) { (endpoints, _) throws in
            // Who gets no processor for that long is late, too: then it is tried again.
            let onlyTheStrangerWasClosed = try eventually {
                let member = try Client(endpoints[0])
                try member.send("login secret\n")
                guard try member.readLine() == "welcome" else { return false }
                // It comes later, so the timer of the other one would have fired before its own.
                #expect(try Client(endpoints[0]).textToEnd() == "too late: log in within 0.2 seconds\n")
                try member.send("hello\n")
                #expect(try member.readLine() == "received: hello")
                return true
            }
            #expect(onlyTheStrangerWasClosed)
        }
    }

    @Test(arguments: backends)
    func flashPlayersAreToldWhereToConnect(_ backend: String) async throws {
        try await with("FlashPolicy", backend) { (endpoints, _) throws in
            let client = try Client(endpoints[0])
            try client.send("<policy-file-request/>\0")
            let (answer, ending) = try client.readToEnd()
            #expect(ending == .finished && answer.last == 0 && !answer.dropLast().contains(0))
            let text = String(decoding: answer.dropLast(), as: UTF8.self)
            #expect(text.hasPrefix("<?xml version=\"1.0\"?>\n<cross-domain-policy>"))
            #expect(text.hasSuffix("</cross-domain-policy>"))
            #expect(text.contains("<site-control permitted-cross-domain-policies=\"all\"/>"))
            #expect(text.contains("<allow-access-from domain=\"*\" to-ports=\"*\"/>"))
        }
    }

    @Test(arguments: backends)
    func linesOverTLS(_ backend: String) async throws {
        let files = TestCertificates.shared
        let options = [
            "--cert", files.certificate("localhost"), "--key", files.key("localhost"), "--sni",
            "other.example=\(files.certificate("other")),\(files.key("other"))",
        ]
        try await with("TLSEcho", backend, options) { (endpoints, _) throws in
            for (name, file) in [("localhost", "localhost"), ("other.example", "other"), ("x", "localhost")] {
                let folder = try TemporaryFolder()
                // `s_client` ends with its input, so that stays open until the answer is there.
                let command = """
                    (echo hello; sleep 60) | openssl s_client -connect \(endpoints[0]) -servername \(name) \
                    -CAfile \(files.certificate(file)) 2>&1
                    """
                let process = try ServerProcess("/bin/sh", ["-c", command], in: folder)
                // Each certificate is its own authority, so it is known to be that one.
                _ = try process.line("the verdict") { $0.contains("Verify return code: 0 (ok)") }
                _ = try process.line("an answer") { $0.hasPrefix("TLSv1.3, \(name): hello") }
            }
        }
    }

    @Test(arguments: backends)
    func eachProcessOpensAPortOfItsOwn(_ backend: String) async throws {
        let reserved = try ReservedPort()
        let options = ["--inner", "\(reserved.endpoint)", "--count", "2"]
        try await with("ReusePortMulti", backend, options) { (endpoints, _) throws in
            let client = try Client(endpoints[0])
            try client.send("x\n")
            let answer = try client.readLine()
            let server = try #require([0, 1].first { answer == "process \($0): x" })
            // The kernel spreads connections by their ports: both processes have some, sooner or later.
            var inner: Set<String> = []
            let haveAnswered = try eventually {
                inner.insert(try Client(reserved.endpoint).get("/").text)
                return inner.count >= 2
            }
            let expected: Set = ["process \(server): 1 text clients\n", "process \(1 - server): 0 text clients\n"]
            #expect(haveAnswered && inner == expected)
        }
    }

    @Test(arguments: backends)
    func uploadsArePaused(_ backend: String) async throws {
        let lines = (1...5).map { "\($0)\n" }.joined()
        try await with("PauseUpload", backend, ["--after", "3", "--seconds", "3600"]) { (endpoints, _) throws in
            let client = try Client(endpoints[0])
            try client.send(lines)
            for number in 1...3 { #expect(try client.readLine() == "\(number): \(number)") }
            #expect(!client.isReadable(within: 0.3))
        }
        try await with("PauseUpload", backend, ["--after", "3", "--seconds", "0.1"]) { (endpoints, _) throws in
            let client = try Client(endpoints[0])
            try client.send(lines)
            for number in 1...3 { #expect(try client.readLine() == "\(number): \(number)") }
            for number in 4...5 { #expect(try client.readLine() == "\(number - 3): \(number)") }
        }
    }

    @Test(arguments: backends)
    func callbacksOfAllStyles(_ backend: String) async throws {
        try await with("CallbackStyles", backend) { (endpoints, service) throws in
            #expect(endpoints.count == 5)
            let answers = [
                ["closure: a", "closure: b"], ["function: a", "function: b"],
                ["method, line 1: a", "method, line 2: b"], ["static method: A", "static method: B"],
                ["async closure, later: a", "async closure, later: b"],
            ]
            for (endpoint, expected) in zip(endpoints, answers) {
                let client = try Client(endpoint)
                try client.send("a\nb\n")
                #expect(try [client.readLine(), client.readLine()] == expected)
            }
            let quiet = try Client(endpoints[3])
            try quiet.send("\n")
            #expect(try quiet.readToEnd().bytes == [])
            #expect(eventually { service.log.contains("NothingToShout") })
        }
    }

    @Test(arguments: backends)
    func clientsBehindAProxyHaveTheirAddress(_ backend: String) async throws {
        try await with("RealIP", backend, ["--tcp", "127.0.0.1:0"]) { (endpoints, _) throws in
            for (fields, address) in [("X-Real-IP: 203.0.113.7\r\n", "203.0.113.7"), ("", "127.0.0.1")] {
                let client = try Client(endpoints[0])
                try client.openWebSocket("/", fields)
                try client.send(WebSocketFrame(.text, "hello"))
                #expect(try client.readFrame() == WebSocketFrame(.text, "\(address) says hello"))
            }
            let text = try Client(endpoints[1])
            try text.send("PROXY TCP4 203.0.113.8 127.0.0.1 5000 80\r\nhello\n")
            #expect(try text.readLine() == "203.0.113.8 says hello")
        }
        // From elsewhere nobody is believed.
        try await with("RealIP", backend, ["--tcp", "127.0.0.1:0", "--proxy", "192.0.2.1"]) { (endpoints, _) throws in
            let client = try Client(endpoints[0])
            try client.openWebSocket("/", "X-Real-IP: 203.0.113.7\r\n")
            try client.send(WebSocketFrame(.text, "hello"))
            #expect(try client.readFrame() == WebSocketFrame(.text, "127.0.0.1 says hello"))
            let text = try Client(endpoints[1])
            try text.send("hello\n")
            #expect(try text.readLine() == "127.0.0.1 says hello")
        }
    }
}

/// A port of the loopback that nobody gets but programs that bind it with SO_REUSEPORT: this socket does not listen.
private final class ReservedPort: Sendable {
    private let fd: Int32
    let endpoint: Endpoint

    init() throws {
        fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var on: Int32 = 1
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, socklen_t(MemoryLayout.size(ofValue: on)))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout.size(ofValue: address))
        let fd = fd
        let isBound = withUnsafeMutableBytes(of: &address) { bytes in
            let native = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            return bind(fd, native, size) == 0 && getsockname(fd, native, &size) == 0
        }
        guard isBound else { throw Failure("bind: \(String(cString: strerror(errno)))") }
        endpoint = .ipv4(port: UInt16(bigEndian: address.sin_port))
    }

    deinit { close(fd) }
}
