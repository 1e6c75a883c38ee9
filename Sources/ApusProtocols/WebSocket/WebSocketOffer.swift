import CApus

/// What a client that opens a WebSocket asks for (RFC 6455 §4.2.1).
package struct WebSocketOffer: Sendable {
    /// The value of `Sec-WebSocket-Key`.
    package let key: [UInt8]
    /// The sub-protocols that it speaks, the one that it likes best first.
    package let subprotocols: [String]
    /// The extensions that it knows, the one that it likes best first.
    package let extensions: [WebSocketExtension]

    /// Looks at a request that was read: its head, and the lines of its fields.
    package init(head: HTTPRequestHead, lines: HTTPFieldLines) throws(WebSocketRefusal) {
        guard head.method == .get else { throw .methodNotGet }
        guard head.minorVersion > 0 else { throw .httpVersion }
        guard head.contentLength == 0, !head.isChunked else { throw .hasBody }
        let version = try Self.single(lines, "sec-websocket-version", "Sec-WebSocket-Version")
        if let version, !version.matches(WebSocketHandshake.version) { throw .version }
        // Before a missing version: this tells more to who looks at the address in a browser.
        guard lines.list("upgrade", contains: "websocket") else { throw .noUpgrade }
        guard version != nil else { throw .noVersion }
        guard lines.list("connection", contains: "upgrade") else { throw .noConnectionOption }
        guard let key = try Self.single(lines, "sec-websocket-key", "Sec-WebSocket-Key") else { throw .noKey }
        guard Base64.decodedCount(of: key) == WebSocketHandshake.keyBytes else { throw .invalidKey }
        self.key = [UInt8](key)
        subprotocols = try Self.subprotocols(lines)
        extensions = try Self.extensions(lines)
    }

    /// How messages are compressed for this client; nil where nothing that it offers fits the settings.
    package func deflate(_ settings: WebSocketCompression) -> WebSocketDeflateAgreement? {
        for offer in extensions {
            if let agreement = WebSocketDeflateAgreement(offer, settings) { return agreement }
        }
        return nil
    }

    /// The head that opens the WebSocket (RFC 6455 §4.2.2), without the empty line at its end: fields may be added.
    /// A sub-protocol that the client did not offer is left out: there it would fail the handshake.
    package func answer(subprotocol: String? = nil, deflate: WebSocketDeflateAgreement? = nil) -> [UInt8] {
        var head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        head += "Connection: Upgrade\r\nSec-WebSocket-Accept: "
        head += String(decoding: WebSocketHandshake.accept(for: key), as: UTF8.self)
        if let subprotocol, subprotocols.contains(subprotocol) { head += "\r\nSec-WebSocket-Protocol: \(subprotocol)" }
        if let deflate { head += "\r\nSec-WebSocket-Extensions: \(deflate.fieldValue)" }
        return [UInt8]((head + "\r\n").utf8)
    }

    /// The value of a field that may stand there once.
    private static func single(
        _ lines: HTTPFieldLines, _ name: StaticString, _ shown: String
    ) throws(WebSocketRefusal) -> UnsafeRawBufferPointer? {
        var values = lines.values(name)
        let value = values.next()
        guard values.next() == nil else { throw .repeated(shown) }
        return value
    }

    /// RFC 6455 §4.1, step 10. Names that are there twice should not be; the first counts.
    private static func subprotocols(_ lines: HTTPFieldLines) throws(WebSocketRefusal) -> [String] {
        var names: [String] = []
        // So that a long list takes no longer than its length.
        var seen: Set<String> = []
        for value in lines.values("sec-websocket-protocol") {
            for member in HTTPListMembers(value) {
                guard member.allSatisfy({ capus_is_token($0) != 0 }) else { throw .invalidSubprotocol }
                let name = String(decoding: member, as: UTF8.self)
                if seen.insert(name).inserted { names.append(name) }
            }
        }
        return names
    }

    private static func extensions(_ lines: HTTPFieldLines) throws(WebSocketRefusal) -> [WebSocketExtension] {
        var extensions: [WebSocketExtension] = []
        for value in lines.values("sec-websocket-extensions") {
            guard let found = WebSocketExtension.list(value) else { throw .invalidExtensions }
            extensions += found
        }
        return extensions
    }
}
