/// What servers send, right and wrong, and what has to become of it.
struct ResponseCase {
    let name: String
    let bytes: [UInt8]
    /// Status and body; nil for an error.
    let expected: (Int, String)?

    init(_ name: String, _ text: String, _ expected: (Int, String)? = (200, "hello")) {
        self.name = name
        bytes = Array(text.utf8)
        self.expected = expected
    }

    private static let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    static let all: [ResponseCase] = legal + hostile

    static let legal: [ResponseCase] = [
        ResponseCase("length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        ResponseCase("no reason", "HTTP/1.1 200\r\ncontent-length:5\r\n\r\nhello"),
        ResponseCase("chunks", chunked + "5;a=b;c=\"d e\"\r\nhello\r\n0\r\nX-Sum: y\r\n\r\n"),
        ResponseCase("chunks of one byte", chunked + "1\r\nh\r\n01\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n00\r\n\r\n"),
        ResponseCase(
            "interim responses",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        ResponseCase("until the end", "HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello"),
        ResponseCase("version 1.0", "HTTP/1.0 200 OK\r\n\r\nhello"),
        ResponseCase("the length twice", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
        ResponseCase("a folded field", "HTTP/1.1 200 OK\r\nX: a\r\n  b\r\nContent-Length: 5\r\n\r\nhello"),
        ResponseCase("empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", (200, "")),
        ResponseCase("no content", "HTTP/1.1 204 No Content\r\n\r\n", (204, "")),
        ResponseCase("not modified", "HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\n\r\n", (304, "")),
        ResponseCase("an error", "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", (503, "busy")),
    ]

    static let hostile: [ResponseCase] = [
        ResponseCase("nothing", "", nil),
        ResponseCase("garbage", "\u{0}\u{1}\u{2}garbage", nil),
        ResponseCase("version 0.9", "hello world\r\n", nil),
        ResponseCase("version 2", "HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", nil),
        ResponseCase("no status", "HTTP/1.1 OK\r\nContent-Length: 5\r\n\r\nhello", nil),
        ResponseCase("another protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhello", nil),
        ResponseCase("cut off in the head", "HTTP/1.1 200 OK\r\nContent-Le", nil),
        ResponseCase("cut off in the body", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", nil),
        ResponseCase("cut off in a chunk", chunked + "5\r\nhel", nil),
        ResponseCase("cut off between chunks", chunked + "5\r\nhello\r\n", nil),
        ResponseCase("cut off in the trailers", chunked + "5\r\nhello\r\n0\r\nX: y\r\n", nil),
        ResponseCase("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", nil),
        ResponseCase("two lengths in one", "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello", nil),
        ResponseCase(
            "a length and chunks",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", nil),
        ResponseCase("chunks in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", nil),
        ResponseCase("another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", nil),
        ResponseCase(
            "a coding behind chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n", nil),
        ResponseCase("a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", nil),
        ResponseCase("a length with a sign", "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", nil),
        ResponseCase("a huge length", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello", nil),
        ResponseCase("a blank before a colon", "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello", nil),
        ResponseCase("a NUL in a field", "HTTP/1.1 200 OK\r\nX: \u{0}\r\nContent-Length: 5\r\n\r\nhello", nil),
        ResponseCase("no colon", "HTTP/1.1 200 OK\r\nX\r\nContent-Length: 5\r\n\r\nhello", nil),
        ResponseCase("a chunk without a size", chunked + "\r\nhello\r\n0\r\n\r\n", nil),
        ResponseCase("a chunk of size x", chunked + "0x5\r\nhello\r\n0\r\n\r\n", nil),
        ResponseCase("a chunk of size -5", chunked + "-5\r\nhello\r\n0\r\n\r\n", nil),
        ResponseCase("a huge chunk", chunked + "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", nil),
        ResponseCase("a chunk that is longer", chunked + "5\r\nhelloX\r\n0\r\n\r\n", nil),
        ResponseCase("a chunk that ends with LF", chunked + "5\r\nhello\n0\r\n\r\n", nil),
        ResponseCase("a size that ends with LF", chunked + "5\nhello\r\n0\r\n\r\n", nil),
        ResponseCase("a trailer without a colon", chunked + "5\r\nhello\r\n0\r\nX\r\n\r\n", nil),
        ResponseCase("a large head", "HTTP/1.1 200 OK\r\nX: \(String(repeating: "a", count: 40_000))\r\n\r\n", nil),
        ResponseCase(
            "a head of many fields", "HTTP/1.1 200 OK\r\n\(String(repeating: "X: y\r\n", count: 8000))\r\nhello", nil),
        ResponseCase(
            "interim responses without end", String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 100), nil),
        ResponseCase(
            "extensions without end",
            chunked + String(repeating: "1;\(String(repeating: "x", count: 2000))\r\na\r\n", count: 100) + "0\r\n\r\n",
            nil),
        ResponseCase(
            "trailers without end",
            chunked + "0\r\n" + String(repeating: "X: \(String(repeating: "x", count: 2000))\r\n", count: 100) + "\r\n",
            nil),
    ]
}
