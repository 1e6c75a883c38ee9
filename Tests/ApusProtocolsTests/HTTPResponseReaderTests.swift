import ApusProtocols
import Testing

/// What a server sends on one connection, and what has to be read from it.
struct Stream: CustomTestStringConvertible, Sendable {
    let name: String
    let text: String
    var statuses: [UInt16] = [200]
    /// Whether the connection ends behind the last response.
    var closes = false
    /// The request is HEAD.
    var isHead = false
    /// The last response ends with the stream.
    var endsWithStream = false

    var testDescription: String { name }
    var bytes: [UInt8] { Array(text.utf8) }

    static let all: [Stream] = [
        Stream(name: "Content-Length", text: head("HTTP/1.1 200 OK", "Content-Length: 13") + "Hello, World!"),
        Stream(
            name: "fields around it",
            text: head(
                "HTTP/1.1 200 OK", "Date: Thu, 01 Jan 2026 00:00:00 GMT", "content-LENGTH:5", "X-A:", "Server: é")
                + "abcde"),
        Stream(name: "empty body", text: head("HTTP/1.1 200 OK", "Content-Length: 0")),
        Stream(name: "no reason", text: head("HTTP/1.1 200", "Content-Length: 1") + "x"),
        Stream(name: "lines end with LF", text: "HTTP/1.1 200 OK\nContent-Length: 2\n\nab"),
        Stream(
            name: "folded field",
            text: head("HTTP/1.1 200 OK", "X-Long: a", "  Content-Length: 99", "Content-Length: 1") + "x"
        ),
        Stream(
            name: "the same length twice",
            text: head("HTTP/1.1 200 OK", "Content-Length: 2, 2", "Content-Length: 2") + "ab"),
        Stream(
            name: "chunked",
            text: head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
                + "5\r\nHello\r\n8;a=\"b\"\r\n, World!\r\n0\r\n\r\n"),
        Stream(
            name: "chunked with trailers",
            text: head("HTTP/1.1 200 OK", "Transfer-Encoding: Chunked")
                + "A\r\n0123456789\r\n1 \r\nx\r\n000\r\nX-Sum: 1\r\nX-More:\r\n\r\n"),
        Stream(name: "chunked, nothing", text: head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + "0\r\n\r\n"),
        Stream(
            name: "until close", text: head("HTTP/1.1 200 OK", "X: y") + "Hello\r\n\r\nHTTP/1.1 200 OK", closes: true,
            endsWithStream: true),
        Stream(
            name: "until close, empty", text: head("HTTP/1.0 200 OK"), closes: true, endsWithStream: true),
        Stream(
            name: "announced close", text: head("HTTP/1.1 200 OK", "Connection: x, Close", "Content-Length: 1") + "x",
            closes: true),
        Stream(
            name: "HTTP/1.0 closes", text: head("HTTP/1.0 200 OK", "Content-Length: 1") + "x", closes: true),
        Stream(
            name: "HTTP/1.0 stays open",
            text: head("HTTP/1.0 200 OK", "Connection: keep-alive", "Content-Length: 1") + "x"),
        Stream(name: "HEAD", text: head("HTTP/1.1 200 OK", "Content-Length: 1000"), isHead: true),
        Stream(name: "HEAD, chunked", text: head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"), isHead: true),
        Stream(name: "HEAD, no length", text: head("HTTP/1.1 404 Not Found"), statuses: [404], isHead: true),
        Stream(name: "204", text: head("HTTP/1.1 204 No Content"), statuses: [204]),
        Stream(name: "304 with length", text: head("HTTP/1.1 304 Not Modified", "Content-Length: 7"), statuses: [304]),
        Stream(name: "101", text: head("HTTP/1.1 101 Switching Protocols"), statuses: [101], closes: true),
        Stream(
            name: "1xx before",
            text: head("HTTP/1.1 100 Continue") + head("HTTP/1.1 103 Early Hints", "Link: </a>")
                + head("HTTP/1.1 201 Created", "Content-Length: 2") + "ok", statuses: [201]),
        Stream(
            name: "pipelined, the same",
            text: String(repeating: head("HTTP/1.1 200 OK", "Content-Length: 3") + "abc", count: 5),
            statuses: [200, 200, 200, 200, 200]),
        Stream(
            name: "pipelined, all kinds",
            text: head("HTTP/1.1 200 OK", "Content-Length: 3") + "abc"
                + head("HTTP/1.1 404 Not Found", "Content-Length: 0")
                + head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + "1\r\na\r\n0\r\n\r\n"
                + head("HTTP/1.1 204 Nothing")
                + head("HTTP/1.1 500 Oh", "Content-Length: 1") + "!" + head("HTTP/1.1 200 OK") + "rest",
            statuses: [200, 404, 200, 204, 500, 200], closes: true, endsWithStream: true),
    ]
}

@Suite struct `Response reader` {
    private func expectWhole(_ stream: Stream, _ reader: ReaderHarness, _ how: String) -> Bool {
        var reader = reader
        if stream.endsWithStream {
            if reader.statuses.count != stream.statuses.count - 1 { return false }
            reader.finish()
        }
        return reader.malformed == nil && reader.statuses == stream.statuses && reader.isBetweenResponses
            && reader.closes == stream.statuses.indices.map { $0 == stream.statuses.count - 1 && stream.closes }
    }

    @Test(arguments: Stream.all)
    func `reads the same wherever the stream is split`(_ stream: Stream) {
        let bytes = stream.bytes
        for split in 0...bytes.count {
            // The second time the head is the one that was read last.
            let cache = ReaderHarness.CacheBox()
            for _ in 0..<2 {
                var reader = ReaderHarness(hasBody: !stream.isHead, cache: cache)
                reader.receive(bytes[..<split])
                reader.receive(bytes[split...])
                #expect(expectWhole(stream, reader, "split at \(split)"), "split at \(split)")
            }
        }
    }

    @Test(arguments: Stream.all)
    func `reads the same byte by byte and in twos and threes`(_ stream: Stream) {
        for size in 1...3 {
            var reader = ReaderHarness(hasBody: !stream.isHead)
            for start in stride(from: 0, to: stream.bytes.count, by: size) {
                reader.receive(stream.bytes[start..<min(start + size, stream.bytes.count)])
            }
            #expect(expectWhole(stream, reader, "pieces of \(size)"), "pieces of \(size)")
        }
    }

    @Test(arguments: Stream.all)
    func `takes no part of a stream for all of it`(_ stream: Stream) {
        for count in 0..<stream.bytes.count {
            var reader = ReaderHarness(hasBody: !stream.isHead)
            reader.receive(stream.bytes[..<count])
            #expect(reader.malformed == nil)
            #expect(reader.statuses.count < stream.statuses.count, "after \(count) bytes")
        }
    }

    @Test func `tells the end of a response from an end in the middle`() {
        var reader = ReaderHarness()
        reader.receive(Array((head("HTTP/1.1 200 OK", "Content-Length: 5") + "abc").utf8))
        reader.finish()
        #expect(reader.statuses.isEmpty)
        #expect(!reader.isBetweenResponses)
    }

    @Test func `knows that an interim response is part of the next`() {
        var reader = ReaderHarness()
        reader.receive(Array(head("HTTP/1.1 100 Continue").utf8))
        #expect(!reader.isBetweenResponses)
    }

    @Test func `does not take a head that only begins like the last one for it`() {
        let cache = ReaderHarness.CacheBox()
        var first = ReaderHarness(cache: cache)
        first.receive(Array(head("HTTP/1.1 200 OK", "Content-Length: 0").utf8))
        var second = ReaderHarness(cache: cache)
        second.receive(Array((head("HTTP/1.1 200 OK", "Content-Length: 01") + "x").utf8))
        #expect(second.statuses == [200])
        #expect(second.isBetweenResponses)
    }

    @Test func `reads a head anew that has answered HEAD before, or GET`() {
        let cache = ReaderHarness.CacheBox()
        let answer = Array(head("HTTP/1.1 200 OK", "Content-Length: 5").utf8)
        for hasBody in [false, true, false, true] {
            var reader = ReaderHarness(hasBody: hasBody, cache: cache)
            reader.receive(hasBody ? answer + Array("hello".utf8) : answer)
            #expect(reader.statuses == [200] && reader.isBetweenResponses)
        }
    }

    static let malformed: [(text: String, reason: HTTPResponseError)] = [
        ("hello", .statusLine), ("\r\n", .statusLine), ("HTTP/2 200 OK\r\n", .statusLine),
        ("HTTP/1.1200 OK\r\n", .statusLine),
        ("HTTP/1.1 2x0 OK\r\n", .statusLine), ("HTTP/1.1 2000 OK\r\n", .statusLine),
        ("HTTP/1.1 099 OK\r\n", .statusLine),
        ("HTTP/1.1 600 OK\r\n", .statusLine), ("HTTP/1.1 200 O\u{0}K\r\n", .statusLine),
        ("HTTP/1.1 200 OK\r\rX", .statusLine),
        (head("HTTP/1.1 200 OK", "no colon"), .headerField), (head("HTTP/1.1 200 OK", "X : y"), .headerField),
        (head("HTTP/1.1 200 OK", ": y"), .headerField), (head("HTTP/1.1 200 OK", "X: \u{1}"), .headerField),
        (head("HTTP/1.1 200 OK", " folded"), .headerField),
        (head("HTTP/1.1 200 OK", "Content-Length: 1", " 2"), .headerField),
        ("HTTP/1.1 200 OK\r\nA: b\r\n\rX", .headerField),
        (head("HTTP/1.1 200 OK", "Content-Length: -1"), .contentLength),
        (head("HTTP/1.1 200 OK", "Content-Length: 1x"), .contentLength),
        (head("HTTP/1.1 200 OK", "Content-Length:"), .contentLength),
        (head("HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: 2"), .contentLength),
        (head("HTTP/1.1 200 OK", "Content-Length: 1, 2"), .contentLength),
        (head("HTTP/1.1 200 OK", "Content-Length: 99999999999999999999"), .contentLength),
        (head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked, gzip"), .transferEncoding),
        (head("HTTP/1.1 200 OK", "Transfer-Encoding: gzip, chunked"), .transferEncoding),
        (head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), .transferEncoding),
        (head("HTTP/1.1 200 OK", "Transfer-Encoding: gzip"), .transferEncoding),
        (head("HTTP/1.1 200 OK", "Transfer-Encoding:"), .transferEncoding),
        (head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Content-Length: 3"), .transferEncoding),
        (head("HTTP/1.0 200 OK", "Transfer-Encoding: chunked"), .transferEncoding),
        (head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + "1\nx\r\n", .chunk),
        (head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + "1\r\nx\n", .chunk),
        (head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + "0\r\n\n", .trailer),
        (head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + "x\r\n", .chunk),
        (head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + "\r\n", .chunk),
        (head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + "-1\r\n", .chunk),
        (head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + "fffffffffffffffff\r\n", .chunk),
        (head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + "1;\u{0}\r\n", .chunk),
        (head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + "1\r\nabc", .chunk),
        (head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + "0\r\nno colon\r\n", .trailer),
    ]

    @Test(arguments: malformed.map(\.text), [false, true])
    func `refuses what is no response`(_ text: String, _ isSplit: Bool) {
        var reader = ReaderHarness()
        for piece in isSplit ? text.utf8.map({ [$0] }) : [Array(text.utf8)] { reader.receive(piece) }
        #expect(reader.malformed == Self.malformed.first { $0.text == text }?.reason)
    }

    @Test func `refuses heads, chunk sizes and trailers without end`() {
        let flood = String(repeating: "a", count: HTTPResponseReader.maxUnitBytes + 100)
        let chunked = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
        for (text, reason) in [
            ("HTTP/1.1 200 OK\r\nX: \(flood)", HTTPResponseError.headTooLarge),
            ("HTTP/1.1 200 OK\r\nX: \(flood)\r\n\r\n", .headTooLarge),
            (chunked + "1;\(flood)", .chunk), (chunked + "0\r\nX: \(flood)", .trailer),
            // The same when the line is complete.
            (chunked + "1;\(flood)\r\na\r\n", .chunk), (chunked + "0\r\nX: \(flood)\r\n\r\n", .trailer),
        ] {
            var reader = ReaderHarness()
            reader.receive(Array(text.utf8))
            #expect(reader.malformed == reason)
        }
    }

    @Test func `refuses what goes on for ever`() {
        let chunked = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
        let extended = "1;\(String(repeating: "x", count: 1000))\r\na\r\n"
        for (text, reason) in [
            (String(repeating: head("HTTP/1.1 100 Continue"), count: 33), HTTPResponseError.statusLine),
            (chunked + String(repeating: extended, count: 80), .chunk),
            (
                chunked + "0\r\n" + String(repeating: "X: \(String(repeating: "x", count: 1000))\r\n", count: 66),
                .trailer
            ),
        ] {
            var reader = ReaderHarness()
            reader.receive(Array(text.utf8))
            #expect(reader.malformed == reason)
        }
        // What a body is worth it may cost, each response anew.
        let large = "ffff;\(String(repeating: "x", count: 1000))\r\n\(String(repeating: "a", count: 65535))\r\n"
        let stream = head("HTTP/1.1 100 Continue") + chunked + String(repeating: large, count: 100) + "0\r\n\r\n"
        var reader = ReaderHarness()
        for _ in 0..<3 { reader.receive(Array(stream.utf8)) }
        #expect(reader.malformed == nil)
        #expect(reader.statuses == [200, 200, 200])
    }
}
