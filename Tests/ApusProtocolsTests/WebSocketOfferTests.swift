import ApusProtocols
import CApus
import Testing

private let key = "dGhlIHNhbXBsZSBub25jZQ=="

/// What the server makes of a request, which must be one.
private func offer(_ request: String) throws -> Result<WebSocketOffer, WebSocketRefusal> {
    let bytes = Array(request.replacing("⏎", with: "\r\n").utf8)
    let fields = UnsafeMutablePointer<HTTPFieldRange>.allocate(capacity: 100)
    defer { fields.deallocate() }
    var parser = HTTPRequestParser(limits: HTTPRequestLimits(), fields: fields)
    let message = bytes + [UInt8](repeating: 0, count: Int(CAPUS_SCAN_PADDING))
    return try message.withUnsafeBufferPointer { message in
        let start = message.baseAddress!
        guard case .complete = parser.parse(start, count: bytes.count) else { throw NoRequest() }
        let lines = HTTPFieldLines(
            bytes: start, fields: UnsafeBufferPointer(start: fields, count: parser.head.fieldCount))
        return Result { () throws(WebSocketRefusal) in try WebSocketOffer(head: parser.head, lines: lines) }
    }
}

private struct NoRequest: Error {}

private func opening(_ fields: String, line: String = "GET /chat HTTP/1.1") -> String {
    "\(line)⏎Host: h⏎\(fields)⏎"
}

private let upgrade = "Upgrade: websocket⏎Connection: Upgrade⏎"
private let version = "Sec-WebSocket-Version: 13⏎"
private let complete = upgrade + version + "Sec-WebSocket-Key: \(key)⏎"

@Suite struct `Requests for a WebSocket` {
    @Test func `have their key hashed`() {
        #expect(WebSocketHandshake.accept(for: key.utf8) == Array("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".utf8))
    }

    @Test(arguments: [
        complete, "uPGRADE:WebSocket⏎CONNECTION: keep-alive , UPGRADE⏎" + version + "sec-websocket-key:\t\(key)\t⏎",
        "Upgrade: h2c, websocket⏎Connection: ,, upgrade,⏎" + version + "Sec-WebSocket-Key: \(key)⏎",
        "Upgrade: h2c⏎Upgrade: websocket⏎Connection: keep-alive⏎Connection: Upgrade⏎" + version
            + "Sec-WebSocket-Key: \(key)⏎",
        complete + "Content-Length: 0⏎", complete + "Origin: null⏎Sec-WebSocket-Protocol:⏎",
        complete + "Sec-WebSocket-Protocol: , ,⏎Sec-WebSocket-Extensions: ⏎",
    ])
    func `are accepted`(_ fields: String) throws {
        let offer = try offer(opening(fields)).get()
        #expect(offer.key == Array(key.utf8))
        #expect(offer.subprotocols.isEmpty && offer.extensions.isEmpty)
        #expect(offer.deflate(.permessageDeflate) == nil)
    }

    @Test(
        arguments: [
            (upgrade + version, .noKey), (upgrade + "Sec-WebSocket-Key: \(key)⏎", .noVersion), ("", .noUpgrade),
            ("Connection: Upgrade⏎" + version + "Sec-WebSocket-Key: \(key)⏎", .noUpgrade),
            ("Upgrade: websockets⏎Connection: Upgrade⏎" + version, .noUpgrade),
            ("Upgrade: web socket⏎Connection: Upgrade⏎" + version, .noUpgrade),
            ("Upgrade: websocket/13⏎Connection: Upgrade⏎" + version, .noUpgrade),
            ("Upgrade: websocket⏎" + version + "Sec-WebSocket-Key: \(key)⏎", .noConnectionOption),
            ("Upgrade: websocket⏎Connection: keep-alive, upgraded⏎" + version, .noConnectionOption),
            (complete + "Content-Length: 1⏎", .hasBody), (complete + "Transfer-Encoding: chunked⏎", .hasBody),
            (complete + version, .repeated("Sec-WebSocket-Version")),
            (complete + "Sec-WebSocket-Key: \(key)⏎", .repeated("Sec-WebSocket-Key")),
            (upgrade + "Sec-WebSocket-Version: 8⏎", .version), ("Sec-WebSocket-Version: 8⏎", .version),
            (upgrade + "Sec-WebSocket-Version: 013⏎", .version), (upgrade + "Sec-WebSocket-Version:⏎", .version),
            (upgrade + "Sec-WebSocket-Version: 13, 8⏎", .version),
            (upgrade + version + "Sec-WebSocket-Key:⏎", .invalidKey),
            (upgrade + version + "Sec-WebSocket-Key: \(key.dropLast())⏎", .invalidKey),
            (upgrade + version + "Sec-WebSocket-Key: \(key)AAAA⏎", .invalidKey),
            (upgrade + version + "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA=⏎", .invalidKey),
            (upgrade + version + "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA⏎", .invalidKey),
            (upgrade + version + "Sec-WebSocket-Key: dGhlIHNhbXBsZSB*b25jZQ==⏎", .invalidKey),
            (complete + "Sec-WebSocket-Protocol: a b⏎", .invalidSubprotocol),
            (complete + "Sec-WebSocket-Protocol: a, é⏎", .invalidSubprotocol),
            (complete + "Sec-WebSocket-Protocol: a/b⏎", .invalidSubprotocol),
            (complete + "Sec-WebSocket-Extensions: a b⏎", .invalidExtensions),
            (complete + "Sec-WebSocket-Extensions: a⏎Sec-WebSocket-Extensions: ;⏎", .invalidExtensions),
        ] as [(String, WebSocketRefusal)])
    func `are refused`(_ fields: String, _ refusal: WebSocketRefusal) throws {
        #expect(throws: refusal) { try offer(opening(fields)).get() }
        #expect(refusal.description.hasSuffix("."))
    }

    @Test func `are refused by their first line`() throws {
        for method in ["POST", "HEAD", "OPTIONS", "PUT"] {
            let request = opening(complete, line: "\(method) / HTTP/1.1")
            #expect(throws: WebSocketRefusal.methodNotGet) { try offer(request).get() }
        }
        #expect(throws: WebSocketRefusal.httpVersion) { try offer(opening(complete, line: "GET / HTTP/1.0")).get() }
    }

    /// RFC 6455 §4.4.
    @Test func `learn which version is spoken`() {
        func fields(_ refusal: WebSocketRefusal) -> [String] { refusal.fields.map { "\($0.name): \($0.value)" } }
        #expect(WebSocketRefusal.version.status == 426)
        #expect(
            fields(.version) == ["Connection: Upgrade", "Upgrade: WebSocket", "Sec-WebSocket-Version: 13"])
        #expect(WebSocketRefusal.noVersion.status == 400)
        #expect(fields(.noVersion) == ["Sec-WebSocket-Version: 13"])
        #expect(WebSocketRefusal.invalidKey.status == 400)
        #expect(fields(.invalidKey).isEmpty)
    }

    @Test func `name sub-protocols in their order`() throws {
        let lines = "Sec-WebSocket-Protocol: chat.v2 ,chat\t, ,mqtt⏎Sec-WebSocket-Protocol: chat, soap⏎"
        let offer = try offer(opening(complete + lines)).get()
        #expect(offer.subprotocols == ["chat.v2", "chat", "mqtt", "soap"])
    }

    @Test func `are answered`() throws {
        let fields = complete + "Sec-WebSocket-Protocol: a, b⏎Sec-WebSocket-Extensions: x, permessage-deflate⏎"
        let offer = try offer(opening(fields)).get()
        func text(_ answer: [UInt8]) -> String { String(decoding: answer, as: UTF8.self) }
        let start =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            + "Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        #expect(text(offer.answer()) == start)
        for other in ["c", "", "a\r\nb"] { #expect(text(offer.answer(subprotocol: other)) == start) }
        let deflate = try #require(offer.deflate(.permessageDeflate))
        #expect(
            text(offer.answer(subprotocol: "b", deflate: deflate))
                == start + "Sec-WebSocket-Protocol: b\r\nSec-WebSocket-Extensions: permessage-deflate\r\n")
    }
}
