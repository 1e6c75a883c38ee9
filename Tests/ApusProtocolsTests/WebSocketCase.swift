import ApusProtocols

/// Frames, and what is to be read of them.
struct WebSocketCase: Sendable, CustomStringConvertible {
    let description: String
    let bytes: [UInt8]
    let events: [WebSocketEvent]
    var role = WebSocketRole.server
    var maxMessageBytes = 1000
    /// With permessage-deflate, and whether the peer compresses each message by itself.
    var deflates = false
    var takesOver = true

    init(_ name: String, _ bytes: [UInt8], _ events: [WebSocketEvent], role: WebSocketRole = .server) {
        description = name
        self.bytes = bytes
        self.events = events
        self.role = role
    }

    func reader() -> WebSocketReader {
        let inflation = takesOver ? WebSocketInflation(windowBits: 15) : WebSocketInflation(pool: .init())
        return WebSocketReader(role, maxMessageBytes: maxMessageBytes, inflation: deflates ? inflation : nil)
    }

    /// The bytes in pieces, each of which begins at one of `starts`.
    func read(from starts: some Sequence<Int>) -> [WebSocketEvent] {
        var reader = reader()
        var last = 0
        for start in starts {
            reader.feed(bytes[last..<start])
            last = start
        }
        reader.feed(bytes[last...])
        return reader.events
    }
}

extension WebSocketCase {
    /// The vectors of the specifications.
    static let vectors = [
        WebSocketCase("masked text", hex("81 85 37 FA 21 3D 7F 9F 4D 51 58"), [.text("Hello")]),
        WebSocketCase("text of a server", hex("81 05 48 65 6C 6C 6F"), [.text("Hello")], role: .client),
        WebSocketCase(
            "fragments with a ping between them",
            hex("01 83 37 FA 21 3D 7F 9F 4D 89 82 37 FA 21 3D 7F 93 80 82 37 FA 21 3D 5B 95"),
            [.ping(Array("Hi".utf8)), .text("Hello")]),
        WebSocketCase(
            "fragments of a server", hex("01 03 48 65 6C 80 02 6C 6F"), [.text("Hello")], role: .client),
        WebSocketCase(
            "256 bytes", hex("82 7E 01 00") + [UInt8](repeating: 7, count: 256),
            [.binary([UInt8](repeating: 7, count: 256))], role: .client),
        WebSocketCase("close with 1000", hex("88 02 03 E8"), [.close(1000, [])], role: .client),
        WebSocketCase(
            "close with a reason", hex("88 05 03 E9 62 79 65"), [.close(1001, Array("bye".utf8))], role: .client),
        WebSocketCase("close without a code", hex("88 80 1 2 3 4"), [.close(nil, [])]),
        WebSocketCase("empty text", hex("81 80 1 2 3 4"), [.text([])]),
        WebSocketCase("empty fragments", hex("02 00 00 00 80 00"), [.binary([])], role: .client),
        WebSocketCase("an unmasked frame of a client", hex("81 04 31 32 33 34"), [.failed(.notMasked)]),
        WebSocketCase("a masked frame of a server", hex("81 81 0 0 0 0 31"), [.failed(.masked)], role: .client),
        WebSocketCase("7 bytes short", Array(webSocketFrame(2, [UInt8](1...50)).dropLast(7)), []),
    ]
}
