import Glibc
import TestSupport
import Testing

/// Bodies that handlers take as they arrive: spec 05 §4.1 (7), §4.2 and §4.3.
@Suite struct HTTPBodyTests {
    private static func head(_ target: String, _ fields: String...) -> String {
        "POST \(target) HTTP/1.1\r\nHost: h\r\n" + fields.map { "\($0)\r\n" }.joined() + "\r\n"
    }

    private static func sized(_ target: String, _ body: [UInt8]) -> [UInt8] {
        Array(head(target, "Content-Length: \(body.count)").utf8) + body
    }

    private static func chunked(_ target: String, _ body: [UInt8], size: Int, trailers: String = "") -> [UInt8] {
        var bytes = Array(head(target, "Transfer-Encoding: chunked").utf8)
        for start in stride(from: 0, to: body.count, by: size) {
            let chunk = body[start..<min(start + size, body.count)]
            bytes += Array("\(String(chunk.count, radix: 16));x=y\r\n".utf8) + chunk + [0x0D, 0x0A]
        }
        return bytes + Array("0\r\n\(trailers)\r\n".utf8)
    }

    private static func sum(_ bytes: [UInt8]) -> Int { bytes.reduce(0) { ($0 &* 31 &+ Int($1)) % 1_000_003 } }

    private static func counted(_ body: [UInt8], _ trailers: String = "") -> String {
        "\(body.count) \(sum(body)) true \(trailers)"
    }

    // MARK: What arrives

    /// Requests of all kinds behind each other, at once and in pieces of any size.
    @Test(arguments: Setup.all)
    func bodiesArriveWholeHoweverTheyAreSplit(_ setup: Setup) async throws {
        let small = pattern(100)
        let large = pattern(70_000)
        let requests: [([UInt8], String)] = [
            (Self.sized("/body/count", small), Self.counted(small)),
            (Self.sized("/body/count", large), Self.counted(large)),
            (
                Self.chunked("/body/count", small, size: 7, trailers: "A: 1\r\nB:  2 \r\n"),
                Self.counted(small, "a=1,b=2 ")
            ),
            (Self.chunked("/body/count", large, size: 33_000), Self.counted(large)),
            (Self.chunked("/body/count", [], size: 1, trailers: "Sum: 0\r\n"), Self.counted([], "sum=0")),
            (Self.sized("/body/count", []), Self.counted([])),
            (Array("GET / HTTP/1.1\r\nHost: h\r\n\r\n".utf8), "Hello, World!"),
            (Self.chunked("/body/collect", small, size: 9), String(decoding: small, as: UTF8.self)),
            (Self.sized("/body/collect", small), String(decoding: small, as: UTF8.self)),
            (Self.sized("/body/ignored", small), "ignored 0"),
        ]
        try await withScenario("http", setup, on: .heavy) { server in
            let client = try server.connect()
            let bytes = requests.flatMap(\.0)
            for step in [bytes.count, 16_411, 997] {
                for start in stride(from: 0, to: bytes.count, by: step) {
                    try client.send(Array(bytes[start..<min(start + step, bytes.count)]))
                }
                for (_, expected) in requests { #expect(try client.readReply().text == expected, "step \(step)") }
            }
            // Every byte alone, as far as that says anything.
            for byte in Self.chunked("/body/count", small, size: 30, trailers: "A: 1\r\n") { try client.send([byte]) }
            #expect(try client.readReply().text == Self.counted(small, "a=1"))
        }
    }

    @Test(arguments: Setup.all)
    func anAnswerMayBeginWhileTheBodyArrives(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send(Self.head("/body/echo", "Transfer-Encoding: chunked") + "3\r\nabc\r\n")
            let reply = String(decoding: try client.read(through: "abc\r\n"), as: UTF8.self)
            #expect(reply.contains("Transfer-Encoding: chunked") && reply.hasSuffix("3\r\nabc\r\n"))
            try client.send("2\r\nde\r\n0\r\n\r\n")
            #expect(try client.textToEnd() == "2\r\nde\r\n0\r\n\r\n")
        }
    }

    /// While nobody takes the body the client is slowed down.
    @Test(arguments: Setup.plain)
    func aSlowHandlerSlowsTheClientDown(_ setup: Setup) async throws {
        try await withScenario("http", setup, on: .heavy) { server in
            let client = try server.connect()
            let count = 32 * 1024 * 1024
            try client.send(Self.head("/body/later", "Content-Length: \(count)"))
            try server.event("blocked")
            var sent = 0
            let piece = [UInt8](repeating: 7, count: 65536)
            while !client.isBlocked, sent < count { sent += client.trySend(piece) ?? 0 }
            #expect(sent < count)
            let other = try server.connect()
            #expect(try other.get("/body/go").text == "went")
            #expect(try server.event("held") == "held true")
            try client.send([UInt8](repeating: 7, count: count - sent))
            #expect(try client.readReply().text == "\(count)")
        }
    }

    @Test(arguments: Setup.eachBackend)
    func aPolicyMayAllowMoreInMemory(_ setup: Setup) async throws {
        try await withScenario("http", setup, on: .heavy) { server in
            let body = [UInt8](repeating: 0x61, count: 15 * 1024 * 1024)
            let client = try server.connect()
            try client.send(Self.sized("/body/in-memory", body))
            #expect(try client.readReply().text == "\(body.count)")
            try client.send(Self.chunked("/body/in-memory", body, size: 1_000_000))
            #expect(try client.readReply().text == "\(body.count)")
            // The bound of all others.
            try client.send(Self.head("/echo", "Content-Length: \(body.count)"))
            let refused = try client.readReply()
            #expect(refused.status == 413 && refused["Connection"] == "close")
        }
    }

    /// What is added to a length does not overflow, whatever is allowed.
    @Test(arguments: Setup.eachBackend, ["/body/boundless", "/body/boundless?stream", "/echo"])
    func allThatIsAllowedIsStillANumber(_ setup: Setup, _ target: String) async throws {
        try await withScenario("http", setup, ["--max-request", "\(Int.max)"]) { server in
            for length in [Int.max, 9_223_372_036_854_700_000, 1 << 60 + 1, 1 << 60, 1 << 59] {
                let client = try server.connect()
                try client.send(Self.head(target, "Content-Length: \(length)"))
                if length > 1 << 60 {
                    let refused = try client.readReply()
                    #expect(refused.status == 413 && refused["Connection"] == "close", "\(length)")
                } else {
                    try client.send("abc")
                    #expect(try server.connect().get("/").text == "Hello, World!")
                }
            }
            let client = try server.connect()
            for request in [Self.sized(target, pattern(1000)), Self.chunked(target, pattern(1000), size: 100)] {
                try client.send(request)
                #expect(try client.readReply().status == 200)
            }
        }
    }

    // MARK: Expectations and early answers

    @Test(arguments: Setup.all)
    func aClientIsAskedForItsBodyWhenSomebodyWantsIt(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send(Self.head("/body/later", "Content-Length: 3", "Expect: 100-continue"))
            try server.event("blocked")
            #expect(!client.isReadable())
            #expect(try server.connect().get("/body/go").text == "went")
            #expect(try client.read(through: "\r\n\r\n") == Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
            try client.send("abc")
            #expect(try client.readReply().text == "3")
            // Nobody wants it: the client may send it or not, so that nothing can follow.
            try client.send(Self.head("/body/ignored", "Content-Length: 3", "Expect: 100-continue"))
            let reply = try client.readReply()
            #expect(reply.text == "ignored 0" && reply["Connection"] == "close")
            #expect(try client.readToEnd().bytes.isEmpty)
            let refused = try server.connect()
            try refused.send(Self.head("/body/forbidden", "Content-Length: 3", "Expect: 100-continue"))
            let answer = try refused.readReply()
            #expect(answer.status == 403 && answer.text == "no bodies here" && answer["Connection"] == "close")
        }
    }

    /// A little that is left is skipped, more ends the connection; in no case it is taken for a request.
    @Test(arguments: Setup.all)
    func anAnswerMayComeBeforeTheEnd(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send(Self.head("/body/early", "Content-Length: 50000") + "x")
            let early = try client.readReply()
            #expect(early.text == "early true" && early["Connection"] == "keep-alive")
            try client.send([UInt8](repeating: 0x58, count: 49_999) + Array("GET / HTTP/1.1\r\nHost: h\r\n\r\n".utf8))
            #expect(try client.readReply().text == "Hello, World!")

            for framing in ["Content-Length: 500000", "Transfer-Encoding: chunked"] {
                let other = try server.connect()
                let first = framing.contains("chunked") ? "1\r\nx\r\n" : "x"
                try other.send(Self.head("/body/early", framing) + first)
                let reply = try other.readReply()
                #expect(reply.text == "early true" && reply["Connection"] == "close", "\(framing)")
                try? other.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try other.readToEnd().bytes.isEmpty)
            }
        }
    }

    /// The answer is out, and the handler goes on to read.
    @Test(arguments: Setup.all, [["0123456789"], ["01234", "5", "6789"]])
    func whatIsSkippedIsNotReadTwice(_ setup: Setup, _ pieces: [String]) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send(Self.head("/body/read-after-answer", "Content-Length: 10"))
            #expect(try client.readReply().text == "answered")
            for piece in pieces.dropLast() {
                try client.send(piece)
                try server.event("piece")
            }
            try client.send(pieces.last! + "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try server.event("read") == "read 0123456789")
            #expect(try client.readReply().text == "Hello, World!")
        }
    }

    /// What has waited for the handler since before the answer is there for it behind it, too.
    @Test(arguments: Setup.all)
    func whatIsHeldIsReadBehindTheAnswer(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send(Self.head("/body/read-after-answer?held", "Content-Length: 10") + "0123456789")
            try server.event("holding")
            #expect(try server.connect().get("/body/go").text == "went")
            #expect(try client.readReply().text == "answered")
            #expect(try server.event("read") == "read 0123456789")
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.readReply().text == "Hello, World!")
        }
    }

    /// Nor does who has begun before miss anything, and the next request waits for nobody.
    @Test(arguments: Setup.all, ["?first", "?reading"])
    func anAnswerTakesNothingFromWhoReads(_ setup: Setup, _ query: String) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send(Self.head("/body/read-after-answer\(query)", "Content-Length: 10") + "01234")
            if query == "?reading" {
                try server.event("piece")
                #expect(try server.connect().get("/body/go").text == "went")
            }
            #expect(try client.readReply().text == "answered")
            try client.send("5")
            try server.event("piece")
            try client.send("6789" + "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try server.event("read") == "read 0123456789")
            #expect(try client.readReply().text == "Hello, World!")
        }
    }

    /// What came when nobody read is missing, which is said.
    @Test(arguments: Setup.all, ["?wait", "?wait&first"])
    func whoReadsTooLateLearnsIt(_ setup: Setup, _ query: String) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            let other = try server.connect()
            try client.send(Self.head("/body/read-after-answer\(query)", "Content-Length: 10"))
            if query.contains("first") { try client.send("01234") }
            #expect(try client.readReply().text == "answered")
            try client.send(query.contains("first") ? "56" : "0123456")
            // The loop has looked at both in its turn, or in one before.
            #expect(try other.get("/").text == "Hello, World!")
            #expect(try other.get("/body/go").text == "went")
            let missing = "400 Bad Request: a part of the body came when the request was answered already"
            #expect(try server.event("read") == "read \(query.contains("first") ? "01234" : "")|\(missing)")
            try client.send("789GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.readReply().text == "Hello, World!")
        }
    }

    // MARK: Bodies that are not complete

    @Test(
        arguments: Setup.all,
        [
            ("Content-Length: 10", "abc"), ("Transfer-Encoding: chunked", "3\r\nabc\r\n"),
            ("Transfer-Encoding: chunked", "5\r\nabc"), ("Transfer-Encoding: chunked", "0\r\nA: b\r\n"),
        ])
    func aBodyThatIsCutOffIsAnError(_ setup: Setup, _ body: (String, String)) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send(Self.head("/body/count", body.0) + body.1)
            client.finishSending()
            #expect(try server.event("failed") == "failed 400 Bad Request: the body is not complete")
            #expect(try client.textToEnd().hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        }
    }

    @Test(arguments: Setup.all)
    func aHandlerLearnsThatTheClientHasGone(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send(Self.head("/body/later", "Content-Length: 9999999") + "abc")
            try server.event("blocked")
            #expect(try server.connect().get("/body/go").text == "went")
            try server.event("held")
            client.reset()
            // Unix sockets tell no reset from an end.
            let event = try server.event("failed")
            #expect(event.contains(setup.transport == .unix ? "failed" : "losed"), "\(event)")
            #expect(try server.connect().get("/").text == "Hello, World!")
        }
    }

    @Test(arguments: Setup.all)
    func chunksThatAreNoneAndBodiesThatAreTooLong(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let tooLong = String(repeating: "3\r\nabc\r\n", count: 400)
            let trailers = "0\r\n" + String(repeating: "A: bcdefghij\r\n", count: 2000)
            let cases = [
                ("/body/count", "3\r\nabcX", 400), ("/body/count", "zz\r\n", 400), ("/body/count", "0\r\nA b\r\n", 400),
                ("/body/count", "3\r\nabc\r\nffffffffffffffff\r\n", 400), ("/body/limited", tooLong, 413),
                ("/body/limited", "ffffff\r\n", 413), ("/body/count", trailers, 431),
            ]
            for (target, body, status) in cases {
                let client = try server.connect()
                try client.send(Self.head(target, "Transfer-Encoding: chunked") + body + "\r\nGET / HTTP/1.1\r\n")
                let reply = try client.readReply()
                #expect(reply.status == status && reply["Connection"] == "close", "\(body.prefix(20))")
                #expect(try client.readToEnd().bytes.isEmpty)
            }
            let client = try server.connect()
            try client.send(Self.sized("/body/limited", pattern(1000)))
            #expect(try client.readReply().text == Self.counted(pattern(1000)))
            try client.send(Self.head("/body/limited", "Content-Length: 1001"))
            #expect(try client.readReply().status == 413)
        }
    }

    @Test(arguments: Setup.eachBackend)
    func aBodyThatComesToAHaltAndAHandlerThatDoesNotAnswer(_ setup: Setup) async throws {
        try await withScenario("http", setup, ["--body-timeout", "1", "--handler-timeout", "1"]) { server in
            let client = try server.connect()
            try client.send(Self.head("/body/count", "Content-Length: 10") + "abc")
            let late = try client.readReply()
            #expect(late.status == 408 && late["Connection"] == "close")
            #expect(try server.event("failed") == "failed 408 Request Timeout")
            let other = try server.connect()
            try other.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
            let unanswered = try other.readReply()
            #expect(unanswered.status == 503 && unanswered["Connection"] == "close")
            let slow = try server.connect()
            try slow.send(Self.head("/body/later", "Content-Length: 1"))
            #expect(try slow.readReply().status == 503)
        }
    }

    // MARK: Onto disk

    private static func form(_ content: [UInt8]) -> [UInt8] {
        let field = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nfield\r\n"
        let empty = "--b\r\nContent-Disposition: form-data; name=\"none\"; filename=\"\"\r\n\r\n\r\n"
        let file = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"dir/x.bin\"\r\n\r\n"
        return Array((field + empty + file).utf8) + content + Array("\r\n\(field)--b--\r\n".utf8)
    }

    private static func upload(_ target: String, _ body: [UInt8]) -> [UInt8] {
        Array(
            head(target, "Content-Type: multipart/form-data; boundary=b", "Content-Length: \(body.count)").utf8) + body
    }

    @Test(arguments: Setup.all)
    func formsAreReceivedOntoDisk(_ setup: Setup) async throws {
        try await withScenario("http", setup, ["--temporary", "/dev/shm"], on: .heavy) { server in
            let content = pattern(200_000)
            let expected = "a=field\na=field\nf: x.bin 200000 \(Self.sum(content))"
            let client = try server.connect()
            let folder = try TemporaryFolder()
            try client.send(Self.upload("/body/form?path=1", Self.form(content)))
            #expect(try client.readReply().text == expected)
            let path = String(try server.event("path").dropFirst(5))
            #expect(path.hasPrefix("/dev/shm/apus.upload."))
            // It goes with its request, and the moved one is from another file system.
            try client.send(Self.upload("/body/form?to=\(folder.file("moved"))", Self.form(content)))
            #expect(try client.readReply().text == expected)
            #expect(access(path, F_OK) != 0)
            #expect(folder.bytes("moved") == content)

            try client.send(
                Self.head("/body/form", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 7"))
            try client.send("a=1&b=2")
            #expect(try client.readReply().text == "a=1\nb=2")
            for (type, body, status) in [
                ("text/plain", "x", 415), ("multipart/form-data; boundary=b", "--c--\r\n", 400),
                ("multipart/form-data", "--c--\r\n", 400),
            ] {
                let other = try server.connect()
                try other.send(Self.head("/body/form", "Content-Type: \(type)", "Content-Length: \(body.utf8.count)"))
                try other.send(body)
                #expect(try other.readReply().status == status, "\(type)")
            }
        }
    }

    @Test(arguments: Setup.eachBackend)
    func bodiesAreSavedWholeOrNotAtAll(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let folder = try TemporaryFolder()
            let target = folder.file("saved")
            let client = try server.connect()
            let body = pattern(300_000)
            try client.send(Self.sized("/body/save?to=\(target)", body))
            #expect(try client.readReply().text == "300000")
            #expect(folder.bytes("saved") == body)
            try client.send(Self.chunked("/body/save?to=\(target)", pattern(10), size: 3))
            #expect(try client.readReply().text == "10")
            let torn = try server.connect()
            try torn.send(Self.head("/body/save?to=\(target)", "Content-Length: 100000") + "abc")
            torn.finishSending()
            #expect(try torn.textToEnd().hasPrefix("HTTP/1.1 400 "))
            #expect(folder.bytes("saved") == pattern(10))
            #expect(folder.names == ["saved"])
            try client.send(Self.sized("/body/save?to=\(folder.path)/no/folder", body))
            #expect(try client.readReply().status == 500)
        }
    }
}
