/// Makes inputs: requests as they should be, changed at random in ways that matter to HTTP.
struct Generator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number of 0 to `bound` − 1.
    private mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    private static let seeds: [[UInt8]] = [
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a/b?c=d&e HTTP/1.1\r\nHost: example.com:8080\r\nAccept: */*\r\nCookie: a=b; c=d\r\n\r\n",
        "GET http://example.com:81/a?b HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
        "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "DELETE /x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
        "PUT /p HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n",
        "PATCH /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: h\r\n\r\nA\r\n0123456789\r\n0\r\nSum: abc\r\n\r\n",
        "POST /c HTTP/1.0\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
        "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", "LOCK /x HTTP/1.1\r\nHost: h\r\nDepth: 0\r\n\r\n",
        "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /u HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nok",
        "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ].map { Array($0.utf8) }

    private static let tokens: [[UInt8]] = [
        "\r\n", "\r", "\n", "\r\n\r\n", " ", "\t", ":", ",", ";", "\0", "\u{7F}", "0", "5", "f", "ffffffff",
        "8000000000000000", "\r\n ", "Host: h\r\n", "Host: a b\r\n", "Content-Length: 3\r\n", "Content-Length: 0\r\n",
        "Content-Length: +3\r\n", "Content-Length: 99999999999999999999\r\n", "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\n", "Transfer-Encoding: gzip, chunked\r\n", "chunked", "Connection: close\r\n",
        "Connection: keep-alive\r\n", "Connection: Upgrade\r\n", "Upgrade: x\r\n", "Expect: 100-continue\r\n",
        " HTTP/1.1\r\n", "HTTP/1.0", "HTTP/2.0", "GET ", "POST ", "get ", "TRACE ", "CONNECT ", "LOCK ", "http://",
        "https://", "//", "*", "@", "[::1]", "/", "?", "#", "GET / HTTP/1.1\r\n", "0\r\n\r\n", "5\r\nhello\r\n",
        "A: b\r\n", "close", ", close", "\u{E9}", "%", "\"", "\\", "-", "+", "0x",
    ].map { Array($0.utf8) }

    /// Replaces `bytes` with the next input.
    mutating func make(_ bytes: inout [UInt8]) {
        bytes.removeAll(keepingCapacity: true)
        bytes += Self.seeds[below(Self.seeds.count)]
        for _ in 0...below(3) { mutate(&bytes) }
        // Whatever comes, another request follows now and then.
        if below(4) == 0 { bytes += Self.seeds[below(Self.seeds.count)] }
    }

    private mutating func mutate(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let position = below(bytes.count)
        let end = min(bytes.count, position + 1 + below(12))
        switch below(9) {
        case 0: bytes[position] ^= 1 << UInt8(below(8))
        case 1: bytes[position] = UInt8(below(256))
        case 2: bytes.removeSubrange(position..<end)
        case 3: bytes.insert(contentsOf: Array(bytes[position..<end]), at: position)
        case 4: bytes.removeSubrange(position...)
        case 5:
            let other = Self.seeds[below(Self.seeds.count)]
            bytes.replaceSubrange(position..., with: other[below(other.count)...])
        case 6: insertLine(&bytes)
        default: bytes.insert(contentsOf: Self.tokens[below(Self.tokens.count)], at: position)
        }
    }

    /// Puts a token where a line starts, which is where most of them mean something.
    private mutating func insertLine(_ bytes: inout [UInt8]) {
        let start = below(bytes.count)
        guard let end = bytes[start...].firstIndex(of: 0x0A) else { return }
        bytes.insert(contentsOf: Self.tokens[below(Self.tokens.count)], at: end + 1)
    }
}
