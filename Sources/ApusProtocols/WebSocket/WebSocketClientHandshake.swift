import CApus

/// A client's side of the opening handshake (RFC 6455 §4.1): its request, and what it makes of the answer.
package struct WebSocketClientHandshake: Sendable {
    /// What the user asks for.
    package struct Wishes: Sendable {
        package var origin: String?
        /// The one that is liked best first.
        package var subprotocols: [String] = []
        package var compression: WebSocketCompression?
        /// More fields of the request. `Host` takes the place of the one that the address gives.
        package var fields: [(name: String, value: String)] = []

        package init() {}
    }

    /// What both sides agreed on.
    package struct Agreement: Sendable, Hashable {
        package var response: WebSocketResponse
        package var subprotocol: String?
        package var deflate: WebSocketDeflateAgreement?
        /// Bytes of the answer's head, interim heads included: what follows are frames.
        package var byteCount: Int
    }

    /// Bytes that the head of the answer may have, with the interim heads before it.
    package static let maxAnswerBytes = 16 * 1024

    /// The head of the request.
    package let request: [UInt8]
    private let accept: [UInt8]
    private let wishes: Wishes
    /// Where the head that is arriving begins: behind interim heads.
    private var start = 0
    /// No end of that head was found before this byte.
    private var scanned = 0

    /// `key` has 16 random bytes, which no other connection has. Throws what cannot be sent.
    package init(
        _ url: WebSocketURL, key: [UInt8], _ wishes: Wishes = Wishes()
    ) throws(WebSocketHandshakeError) {
        precondition(key.count == WebSocketHandshake.keyBytes, "a key has 16 bytes")
        let text = Base64.encode(key)
        request = try Self.request(url, key: String(decoding: text, as: UTF8.self), wishes)
        accept = WebSocketHandshake.accept(for: text)
        self.wishes = wishes
    }

    /// Reads all that has arrived from the server since the connection was opened; nil when more is needed. Throws why
    /// no WebSocket is opened.
    package mutating func receive(_ bytes: UnsafeRawBufferPointer) throws(WebSocketHandshakeError) -> Agreement? {
        while let end = try findEnd(of: bytes) {
            let bytesOfHead = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            let head = try WebSocketResponseHead(bytesOfHead)
            switch head.status {
            case 101: return try agreement(head, bytesOfHead, end)
            // RFC 9110 §15.2: interim, the answer follows.
            case 100..<200: (start, scanned) = (end, end)
            default: throw .refused(head.response(bytesOfHead))
            }
        }
        return nil
    }

    /// Where the head ends, behind its empty line; nil while it has not.
    private mutating func findEnd(of bytes: UnsafeRawBufferPointer) throws(WebSocketHandshakeError) -> Int? {
        let end = min(bytes.count, Self.maxAnswerBytes)
        guard WebSocketResponseHead.mayBegin(UnsafeRawBufferPointer(rebasing: bytes[min(start, end)..<end])) else {
            throw .protocolViolation("it is not HTTP/1")
        }
        for index in min(scanned, end)..<end where bytes[index] == 0x0A {
            guard index > start + 1, bytes[index - 1] == 0x0D else {
                throw .protocolViolation("a line that ends with LF alone")
            }
            if bytes[index - 2] == 0x0A { return index + 1 }
        }
        scanned = end
        guard bytes.count < Self.maxAnswerBytes else { throw .answerTooLarge(limit: Self.maxAnswerBytes) }
        return nil
    }

    /// RFC 6455 §4.1, "the client MUST validate the server's response".
    private func agreement(
        _ head: WebSocketResponseHead, _ bytes: UnsafeRawBufferPointer, _ byteCount: Int
    ) throws(WebSocketHandshakeError) -> Agreement {
        let start = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
        return try head.fields.withUnsafeBufferPointer { fields throws(WebSocketHandshakeError) in
            let lines = HTTPFieldLines(bytes: start, fields: fields)
            try checkOpening(lines)
            return Agreement(
                response: head.response(bytes), subprotocol: try subprotocol(lines), deflate: try deflate(lines),
                byteCount: byteCount)
        }
    }

    private func checkOpening(_ lines: HTTPFieldLines) throws(WebSocketHandshakeError) {
        guard lines.list("upgrade", contains: "websocket") else { throw .unacceptable("no Upgrade: websocket") }
        guard lines.list("connection", contains: "upgrade") else { throw .unacceptable("no Connection: Upgrade") }
        var values = lines.values("sec-websocket-accept")
        guard let value = values.next() else { throw .unacceptable("no Sec-WebSocket-Accept") }
        guard value.elementsEqual(accept), values.next() == nil else {
            throw .unacceptable("Sec-WebSocket-Accept does not belong to the key")
        }
    }

    private func subprotocol(_ lines: HTTPFieldLines) throws(WebSocketHandshakeError) -> String? {
        var values = lines.values("sec-websocket-protocol")
        guard let value = values.next() else { return nil }
        let name = String(decoding: value, as: UTF8.self)
        guard wishes.subprotocols.contains(name), values.next() == nil else {
            throw .unacceptable("sub-protocol \"\(name.prefix(200))\"")
        }
        return name
    }

    private func deflate(_ lines: HTTPFieldLines) throws(WebSocketHandshakeError) -> WebSocketDeflateAgreement? {
        var found: [WebSocketExtension] = []
        for value in lines.values("sec-websocket-extensions") {
            guard let extensions = WebSocketExtension.list(value) else {
                throw .unacceptable("malformed Sec-WebSocket-Extensions")
            }
            found += extensions
        }
        guard let first = found.first else { return nil }
        guard let compression = wishes.compression, found.count == 1,
            let agreement = WebSocketDeflateAgreement(answer: first, to: compression)
        else {
            let names = found.map(\.name).joined(separator: ", ")
            throw .unacceptable("extensions \(names.prefix(200)), or their parameters")
        }
        return agreement
    }
}
