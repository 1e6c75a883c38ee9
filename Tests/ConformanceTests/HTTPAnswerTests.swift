import Glibc
import TestSupport
import Testing

/// Answers, their order and what becomes of the connection: spec 05 §4.3 and §5.
@Suite struct HTTPAnswerTests {
    @Test(arguments: Setup.all)
    func aPlainAnswer(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let reply = try server.connect().get("/")
            #expect(reply.statusLine == "HTTP/1.1 200 OK")
            #expect(reply["Content-Type"] == "text/plain")
            #expect(reply["Content-Length"] == "13")
            #expect(reply["Connection"] == "keep-alive")
            #expect(reply.text == "Hello, World!")
            let date = try #require(reply["Date"])
            #expect(date.count == 29 && date.hasSuffix(" GMT"))
            for name in ["Date", "Connection", "Content-Length", "Content-Type"] { #expect(reply.count(name) == 1) }
        }
    }

    @Test(arguments: Setup.all)
    func theStatusDecidesAboutTheBody(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            for status in [200, 201, 299, 404, 500] {
                let reply = try client.get("/status?\(status)")
                #expect(reply.status == status)
                #expect(reply.text == "a body" && reply["Content-Length"] == "6")
                #expect(reply["X-Test"] == "yes" && reply["Content-Type"] == "text/html;charset=utf-8")
            }
            for status in [204, 304] {
                let reply = try client.get("/status?\(status)")
                #expect(reply.status == status)
                #expect(reply["Content-Length"] == nil && reply["X-Test"] == "yes")
            }
            #expect(try client.get("/").text == "Hello, World!")
        }
    }

    /// RFC 9110 §15.2: what does not end an exchange does not leave as an answer.
    @Test(arguments: Setup.all)
    func interimStatusesAnswerNothing(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            for target in ["/status?100", "/status?103", "/status?199", "/start?102,5", "/start?100,-"] {
                let reply = try client.get(target)
                #expect(reply.status == 500, "\(target)")
                #expect(reply.text.contains("interim"), "\(target)")
            }
            #expect(try client.get("/").text == "Hello, World!")
            #expect(server.log.contains("103 is the status of an interim response"))
            #expect(server.log.contains("102 is the status of an interim response"))
        }
    }

    @Test(arguments: Setup.all)
    func aBodyHasNoNegativeLength(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            for length in ["-1", "\(Int.min)"] {
                let reply = try client.get("/start?200,\(length)")
                #expect(reply.status == 500 && reply.text == "a body cannot have \(length) bytes")
            }
            #expect(try client.get("/start?200,5").text == "12345")
            #expect(try client.get("/").text == "Hello, World!")
        }
    }

    @Test(arguments: Setup.all)
    func headHasTheLengthButNoBody(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            for (target, length) in [("/", 13), ("/status?200", 6), ("/big?1000000", 963_840), ("/sleep?5", 7)] {
                try client.send("HEAD \(target) HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")
                let reply = try client.readReply(toHead: true)
                #expect(reply.status == 200)
                #expect(reply["Content-Length"] == "\(length)", "\(target)")
                #expect(try client.readReply().text == "Hello, World!")
            }
        }
    }

    // MARK: Persistence

    @Test(arguments: Setup.all)
    func connectionsPersistAsTheyShould(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let cases: [(request: String, stays: Bool)] = [
                ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", true),
                ("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", false),
                ("GET / HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n", false),
                ("GET / HTTP/1.1\r\nHost: h\r\nConnection: te, close\r\n\r\n", false),
                ("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, close\r\n\r\n", false),
                ("GET / HTTP/1.0\r\n\r\n", false), ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
                ("HEAD / HTTP/1.0\r\n\r\n", false), ("GET /close HTTP/1.1\r\nHost: h\r\n\r\n", false),
                ("GET /sleep?5 HTTP/1.0\r\n\r\n", false), ("GET /timer?5 HTTP/1.0\r\n\r\n", false),
                ("GET /status?204 HTTP/1.0\r\n\r\n", false), ("GET /yield?5 HTTP/1.1\r\nHost: h\r\n\r\n", true),
            ]
            for (request, stays) in cases {
                let client = try server.connect()
                try client.send(request)
                let reply = try client.readReply(toHead: request.hasPrefix("HEAD"))
                #expect(reply["Connection"] == (stays ? "keep-alive" : "close"), "\(request)")
                if stays {
                    try client.send(request)
                    #expect(try client.readReply().status == 200, "\(request)")
                } else {
                    let end = try client.readToEnd()
                    #expect(end.bytes.isEmpty && end.ending == .finished, "\(request)")
                }
            }
        }
    }

    @Test(arguments: Setup.all)
    func requestsBehindTheLastOneAreNotServed(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            let last = "GET /async?last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n" + last + "GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 20_000)
            #expect(try client.readReply().text == "Hello, World!")
            #expect(try client.readReply().text == "async last")
            #expect(try client.readToEnd().bytes.isEmpty)
        }
    }

    @Test(arguments: Setup.all, [16, 1000])
    func pipelinedAnswersComeInOrder(_ setup: Setup, _ count: Int) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            let targets = (0..<count).map { number in
                switch number % 10 {
                case 3: "/async?\(number)"
                case 5: "/yield?\(number)"
                case 7 where number % 50 == 7: "/sleep?2,\(number)"
                case 9 where number % 50 == 9: "/timer?2,\(number)"
                default: "/inspect?\(number)"
                }
            }
            try client.send(targets.map { "GET \($0) HTTP/1.1\r\nHost: h\r\n\r\n" }.joined())
            for (number, target) in targets.enumerated() {
                let text = try client.readReply().text
                if target.hasPrefix("/inspect") {
                    #expect(text.hasPrefix("GET /inspect?\(number) 1.1\n"))
                } else {
                    #expect("/" + text == target.split(separator: "?").joined(separator: " "))
                }
            }
        }
    }

    @Test(arguments: Setup.all)
    func bodiesAndHeadsMayBePipelined(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            let post = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
            let chunked = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ndef\r\n0\r\n\r\n"
            try client.send((post + chunked + "GET /yield?x HTTP/1.1\r\nHost: h\r\n\r\n") * 200)
            for _ in 0..<200 {
                #expect(try client.readReply().text == "abc")
                #expect(try client.readReply().text == "def")
                #expect(try client.readReply().text == "yield x")
            }
        }
    }

    // MARK: Expectations

    @Test(arguments: Setup.all)
    func aClientThatWaitsIsToldToContinue(_ setup: Setup) async throws {
        try await withScenario("http", setup, ["--max-request", "1000"]) { server in
            let client = try server.connect()
            for framing in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
                try client.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\(framing)\r\n\r\n")
                let interim = try client.readReply()
                #expect(interim.statusLine == "HTTP/1.1 100 Continue")
                try client.send(framing.hasPrefix("C") ? "hello" : "5\r\nhel")
                #expect(try server.connect().get("/").status == 200)
                if framing.hasPrefix("T") { try client.send("lo\r\n0\r\n\r\n") }
                let reply = try client.readReply()
                #expect(reply.status == 200 && reply.text == "hello")
            }
            // Whoever sends the body at once needs no invitation.
            try client.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi")
            #expect(try client.readReply().text == "hi")
            // What would be refused anyway is refused at once.
            try client.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n")
            #expect(try client.readReply().status == 413)
            #expect(try client.readToEnd().bytes.isEmpty)
        }
    }

    @Test(arguments: Setup.all)
    func otherExpectationsFail(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nContent-Length: 5\r\n\r\n")
            let reply = try client.readReply()
            #expect(reply.status == 417 && reply["Connection"] == "close")
            #expect(try client.readToEnd().ending == .finished)
        }
    }

    // MARK: Handlers that fail

    @Test(arguments: Setup.all, ["/throw", "/async-throw"])
    func aHandlerThatThrowsAnswers500(_ setup: Setup, _ target: String) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            let request = "GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n"
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n" + request + "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.readReply().status == 200)
            let reply = try client.readReply()
            #expect(reply.statusLine == "HTTP/1.1 500 Internal Server Error")
            #expect(reply["Connection"] == "close")
            #expect(try client.readToEnd().bytes.isEmpty)
            #expect(try server.connect().get("/").status == 200)
            #expect(server.log.contains("failed"))
        }
    }

    @Test(arguments: Setup.all)
    func anAnswerGivenBeforeTheErrorArrives(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            for behind in ["", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"] {
                let client = try server.connect()
                try client.send(
                    "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /answer-throw HTTP/1.1\r\nHost: h\r\n\r\n" + behind)
                #expect(try client.readReply().text == "Hello, World!")
                #expect(try client.readReply().text == "answered")
                #expect(try client.readToEnd().bytes.isEmpty)
            }
        }
    }

    @Test(arguments: Setup.all)
    func aSecondAnswerFails(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            #expect(try client.get("/twice").text == "first")
            try server.event("twice sent failed")
            #expect(try client.get("/").text == "Hello, World!")
        }
    }

    @Test(arguments: Setup.all, ["/end", "/destroy"])
    func aHandlerMayEndTheConnectionInstead(_ setup: Setup, _ target: String) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.readToEnd().bytes.isEmpty)
            client.close()
            try server.event("close 1")
            try server.finish()
            #expect(server.count("close") == 1)
        }
    }

    // MARK: Requests that outlive their handler

    @Test(arguments: Setup.all)
    func aKeptRequestKeepsItsBytes(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send(
                "POST /keep?first HTTP/1.1\r\nHost: h\r\nX-Mine: kept\r\nContent-Length: 9\r\n\r\nkept body")
            #expect(try client.readReply().text == "kept")
            let other = try server.connect()
            for _ in 0..<5 {
                #expect(try other.post("/echo", [UInt8](repeating: 0x21, count: 4000)).body.count == 4000)
            }
            #expect(
                try client.get("/kept").text == """
                    POST /keep?first 1.1
                    path /keep query first
                    Host=h
                    X-Mine=kept
                    Content-Length=9
                    body kept body
                    view kept body
                    """)
        }
    }

    @Test(arguments: Setup.all)
    func aKeptChunkedRequestDoesNotDisturbTheNext(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            let head = "HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            for round in 0..<3 {
                try client.send("POST /keep?\(round) \(head)3\r\nab")
                #expect(try server.connect().get("/").status == 200)
                try client.send("c\r\n0\r\n\r\n")
                #expect(try client.readReply().text == "kept")
                try client.send("POST /echo \(head)3\r\nxy")
                #expect(try server.connect().get("/").status == 200)
                try client.send("z\r\n0\r\n\r\n")
                #expect(try client.readReply().text == "xyz")
                #expect(try client.get("/kept").text.hasSuffix("body abc\nview abc"))
            }
        }
    }

    @Test(arguments: Setup.all)
    func aSuspendedHandlerStillSeesItsRequest(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let clients = try (0..<20).map { _ in try server.connect() }
            for (number, client) in clients.enumerated() {
                try client.send(
                    "POST /keep-async?100 HTTP/1.1\r\nHost: h\r\nX-Number: \(number)\r\n"
                        + "Content-Length: 6\r\n\r\nbody\(number + 10)"
                        + "GET /inspect HTTP/1.1\r\nHost: \("o" * 40)\r\n\r\n")
            }
            let other = try server.connect()
            for _ in 0..<20 { #expect(try other.post("/echo", pattern(3000)).body.count == 3000) }
            for (number, client) in clients.enumerated() {
                let text = try client.readReply().text
                #expect(text.contains("X-Number=\(number)\n") && text.hasSuffix("body body\(number + 10)"))
                #expect(try client.readReply().text.contains("Host=" + "o" * 40))
            }
        }
    }

    @Test(arguments: Setup.all)
    func othersGoOnWhileAHandlerSleeps(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let sleeper = try server.connect()
            try sleeper.send("GET /sleep?60000 HTTP/1.1\r\nHost: h\r\n\r\n")
            let client = try server.connect()
            for number in 0..<1000 {
                let text = try client.get("/inspect?\(number)").text
                #expect(text.hasPrefix("GET /inspect?\(number) "))
            }
            #expect(!sleeper.isReadable())
            sleeper.reset()
            try server.event("cancelled")
        }
    }

    // MARK: Half-closed and slow clients

    @Test(arguments: Setup.all)
    func aClientThatHasFinishedStillGetsItsAnswers(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            for target in ["/", "/async?x", "/yield?x", "/sleep?300", "/timer?300", "/big?20000000"] {
                let client = try server.connect()
                try client.send("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")
                client.finishSending()
                #expect(try client.readReply().status == 200, "\(target)")
                #expect(try client.readReply().text == "Hello, World!", "\(target)")
                let end = try client.readToEnd()
                #expect(end.bytes.isEmpty && end.ending == .finished, "\(target)")
            }
            try server.finish()
            #expect(server.count("close") == 6)
        }
    }

    /// Who is to read an answer before the next one is made may have said all before.
    @Test(arguments: Setup.all)
    func largePipelinedAnswersReachAClientThatHasFinished(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            let count = 6
            // The server sees the FIN while it owes the first answer, and makes the others then.
            try client.send(
                "GET /timer?300 HTTP/1.1\r\nHost: h\r\n\r\n"
                    + String(repeating: "GET /big?2000000 HTTP/1.1\r\nHost: h\r\n\r\n", count: count))
            client.finishSending()
            #expect(try client.readReply().status == 200)
            for _ in 0..<count { #expect(try client.readReply().body.count > 1_900_000) }
            #expect(try client.readToEnd().ending == .finished)
        }
    }

    @Test(arguments: Setup.all)
    func aLateAnswerToAClientThatIsGoneFails(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send("GET /timer?300 HTTP/1.1\r\nHost: h\r\n\r\n")
            try server.event("waiting")
            client.reset()
            try server.event("close 1")
            try server.event("timer failed")
        }
    }

    @Test(arguments: Setup.all)
    func aLargeAnswerArrivesWholeBeforeTheEnd(_ setup: Setup) async throws {
        try await withScenario("http", setup, on: .heavy) { server in
            let client = try server.connect()
            try client.send("GET /big?50000000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            let head = try client.read(through: "\r\n\r\n")
            #expect(String(decoding: head, as: UTF8.self).contains("Content-Length: 49991168\r\n"))
            try client.checkPattern(49_991_168)
            #expect(try client.readToEnd().bytes.isEmpty)
        }
    }

    /// 30 answers of 3 MB each for a client that reads none of them.
    @Test(arguments: Setup.eachBackend)
    func pipeliningWithoutReadingDoesNotCostMemory(_ setup: Setup) async throws {
        try await withScenario("http", setup, on: .heavy) { server in
            let facts = try #require(server.process.facts)
            let before = facts.residentBytes
            let client = try server.connect(receiveBuffer: 65536)
            try client.send("GET /big?3000000 HTTP/1.1\r\nHost: h\r\n\r\n" * 30)
            #expect(client.isReadable(within: Client.patience))
            for _ in 0..<50 { #expect(try server.connect().get("/").status == 200) }
            #expect(facts.residentBytes - before < 40_000_000)
            for _ in 0..<30 { #expect(try client.readReply().body.count == 2_955_776) }
        }
    }

    /// What 200 clients ask in advance while they wait for an answer stays with the kernel.
    @Test(arguments: Setup.eachBackend)
    func requestsThatHaveToWaitDoNotCostMemory(_ setup: Setup) async throws {
        try await withScenario("http", setup, on: .heavy) { server in
            let facts = try #require(server.process.facts)
            let clients = try (0..<200).map { _ in try server.connect() }
            for client in clients { #expect(try client.get("/").status == 200) }
            let before = facts.residentBytes
            for client in clients {
                try client.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n")
                try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 2000)
            }
            for _ in 0..<10 { #expect(try server.connect().get("/").status == 200) }
            // A read of 16 KiB each, twice that within TLS, and what goes with it.
            #expect(facts.residentBytes - before < 200 * 48 * 1024)
            #expect(try server.connect().get("/release").status == 200)
            for _ in 0...2000 { #expect(try clients[199].readReply().status == 200) }
        }
    }

    // MARK: Time-outs

    @Test(arguments: Setup.eachBackend)
    func silentConnectionsAreClosed(_ setup: Setup) async throws {
        let limits = ["--head-timeout", "1", "--body-timeout", "1", "--keep-alive", "1"]
        try await withScenario("http", setup, limits) { server in
            let head = try server.connect()
            try head.send("GET / HT")
            let body = try server.connect()
            try body.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nab")
            let chunked = try server.connect()
            try chunked.send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
            let idle = try server.connect()
            #expect(try idle.get("/").status == 200)
            let waiting = try server.connect()
            try waiting.send("GET /sleep?3500 HTTP/1.1\r\nHost: h\r\n\r\n")
            for client in [head, body, chunked] {
                #expect(try client.readReply().status == 408)
                #expect(try client.readToEnd().bytes.isEmpty)
            }
            #expect(try idle.readToEnd().bytes.isEmpty)
            // Time-outs are for clients, not for handlers.
            #expect(try waiting.readReply().status == 200)
        }
    }

    /// A client with hundreds of requests at once does not keep the others waiting until it has all its answers.
    @Test(arguments: Setup.all)
    func connectionsTakeTurns(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let request = "GET /sequence HTTP/1.1\r\nHost: h\r\n\r\n"
            let clients = try [server.connect(), server.connect()]
            for client in clients {
                try client.send(request)
                _ = try client.readReply()
            }
            // Both are ready when it looks again.
            server.process.signal(SIGSTOP)
            try clients[0].send(request * 1000)
            try clients[1].send(request * 1000)
            server.process.signal(SIGCONT)
            let numbers = try clients.map { client in
                try (0..<1000).map { _ in Int(try client.readReply().text) ?? 0 }
            }
            #expect(numbers.allSatisfy { zip($0, $0.dropFirst()).allSatisfy { $0 < $1 } })
            #expect(numbers[0][0] < numbers[1][999] && numbers[1][0] < numbers[0][999])
            // Nobody has more than a turn while the other one waits.
            let longest = numbers.map { each in zip(each, each.dropFirst()).map { $1 - $0 }.max() ?? 0 }
            #expect(longest.allSatisfy { $0 <= 65 }, "\(longest)")
        }
    }

    /// Nor does one whose few requests take long.
    @Test(arguments: Setup.all)
    func slowHandlersLeaveTimeForOthers(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let (slow, quick) = (try server.connect(), try server.connect())
            for client in [slow, quick] { _ = try client.get("/sequence") }
            // Both are ready when it looks again.
            server.process.signal(SIGSTOP)
            try slow.send("GET /nap HTTP/1.1\r\nHost: h\r\n\r\n" * 32)
            try quick.send("GET /sequence HTTP/1.1\r\nHost: h\r\n\r\n")
            server.process.signal(SIGCONT)
            let number = Int(try quick.readReply().text) ?? .max
            // Those before count two.
            #expect(number < 16, "\(number)")
            for _ in 0..<32 { #expect(try slow.readReply().status == 200) }
        }
    }
}
