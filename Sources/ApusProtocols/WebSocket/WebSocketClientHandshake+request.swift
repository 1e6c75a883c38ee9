import CApus

extension WebSocketClientHandshake {
    /// What the handshake says itself, and what would make the request another one.
    private static let ownNames: Set = [
        "connection", "upgrade", "sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-key",
        "sec-websocket-protocol", "sec-websocket-version", "content-length", "transfer-encoding", "trailer", "expect",
    ]

    /// The head of the request, its fields in the usual order.
    static func request(
        _ url: WebSocketURL, key: String, _ wishes: Wishes
    ) throws(WebSocketHandshakeError) -> [UInt8] {
        let host = try checkFields(wishes)
        var head = "GET \(url.target) HTTP/1.1\r\nHost: \(host ?? url.authority)\r\n"
        head += "Connection: Upgrade\r\nUpgrade: websocket\r\n"
        if let origin = wishes.origin {
            guard isValue(origin) else { throw .invalidField("Origin", reason: "it has a control character") }
            head += "Origin: \(origin)\r\n"
        }
        if !wishes.subprotocols.isEmpty {
            try checkSubprotocols(wishes.subprotocols)
            head += "Sec-WebSocket-Protocol: \(wishes.subprotocols.joined(separator: ", "))\r\n"
        }
        head += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(key)\r\n"
        if let compression = wishes.compression {
            head += "Sec-WebSocket-Extensions: \(WebSocketDeflateAgreement.offer(compression))\r\n"
        }
        for (name, value) in wishes.fields where name.lowercased() != "host" { head += "\(name): \(value)\r\n" }
        return [UInt8]((head + "\r\n").utf8)
    }

    /// Returns the host that the user's fields name.
    private static func checkFields(_ wishes: Wishes) throws(WebSocketHandshakeError) -> String? {
        var host: String?
        for (name, value) in wishes.fields {
            guard isToken(name) else { throw .invalidField("\"\(name)\"", reason: "its name is no token") }
            guard isValue(value) else { throw .invalidField(name, reason: "its value has a control character") }
            switch name.lowercased() {
            case "host":
                guard host == nil else { throw .invalidField(name, reason: "it is there twice") }
                host = value
            case "origin" where wishes.origin != nil: throw .invalidField(name, reason: "it is there twice")
            case let lowercased where ownNames.contains(lowercased):
                throw .invalidField(name, reason: "the handshake sets it, or cannot have it")
            default: break
            }
        }
        return host
    }

    /// RFC 6455 §4.1, step 10.
    private static func checkSubprotocols(_ names: [String]) throws(WebSocketHandshakeError) {
        let field = "Sec-WebSocket-Protocol"
        for name in names where !isToken(name) { throw .invalidField(field, reason: "\"\(name)\" is no token") }
        guard Set(names).count == names.count else { throw .invalidField(field, reason: "a name is there twice") }
    }

    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { capus_is_token($0) != 0 }
    }

    private static func isValue(_ text: String) -> Bool { text.utf8.allSatisfy(WebSocketResponseHead.isFieldByte) }
}
