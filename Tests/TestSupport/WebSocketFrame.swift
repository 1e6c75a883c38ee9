/// A frame of RFC 6455 §5.2 as a test writes and reads it: nothing in here checks what a server has to check.
public struct WebSocketFrame: Equatable, CustomStringConvertible, Sendable {
    public enum Kind: UInt8, Sendable {
        case continuation = 0
        case text = 1
        case binary = 2
        case close = 8
        case ping = 9
        case pong = 10
    }

    /// FIN, RSV1 to RSV3 and the opcode.
    public var first: UInt8
    public var payload: [UInt8]

    public init(
        _ kind: Kind, _ payload: [UInt8] = [], isFinal: Bool = true, isCompressed: Bool = false
    ) {
        first = kind.rawValue | (isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0)
        self.payload = payload
    }

    public init(_ kind: Kind, _ text: String, isFinal: Bool = true) {
        self.init(kind, Array(text.utf8), isFinal: isFinal)
    }

    /// A close frame.
    public init(close code: Int, _ reason: String = "") {
        self.init(.close, [UInt8(code >> 8), UInt8(code & 0xFF)] + Array(reason.utf8))
    }

    public init(first: UInt8, payload: [UInt8]) {
        self.first = first
        self.payload = payload
    }

    /// What a client sends, masked, unless there is no mask.
    public func bytes(mask: [UInt8]? = [0x37, 0xFA, 0x21, 0x3D]) -> [UInt8] {
        Self.head(first, length: payload.count, mask: mask)
            + (mask.map { mask in payload.enumerated().map { $1 ^ mask[$0 & 3] } } ?? payload)
    }

    /// A head that announces `length` bytes.
    public static func head(_ first: UInt8, length: Int, mask: [UInt8]? = [0x37, 0xFA, 0x21, 0x3D]) -> [UInt8] {
        let flag: UInt8 = mask == nil ? 0 : 0x80
        var head = [first]
        if length < 126 {
            head.append(flag | UInt8(length))
        } else {
            let bytes = length < 65536 ? 2 : 8
            head.append(flag | (bytes == 2 ? 126 : 127))
            for shift in (0..<bytes).reversed() { head.append(UInt8(truncatingIfNeeded: length >> (shift * 8))) }
        }
        return head + (mask ?? [])
    }

    public var text: String { String(decoding: payload, as: UTF8.self) }
    public var isFinal: Bool { first & 0x80 != 0 }
    public var isCompressed: Bool { first & 0x40 != 0 }
    public var kind: Kind? { Kind(rawValue: first & 0x0F) }

    /// "text Hello", "close 1000 bye"
    public var description: String {
        let name = kind.map { "\($0)" } ?? "opcode \(first & 0x0F)"
        let flags = (isFinal ? "" : "more ") + (isCompressed ? "compressed " : "")
        if kind == .close, payload.count >= 2 {
            return "\(flags)close \(Int(payload[0]) << 8 | Int(payload[1])) "
                + String(decoding: payload[2...], as: UTF8.self)
        }
        return payload.count > 60 ? "\(flags)\(name) of \(payload.count) bytes" : "\(flags)\(name) \(text)"
    }
}

extension Client {
    /// The key of RFC 6455 §1.3, and what has to be answered to it.
    private static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    private static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    /// The request that opens a WebSocket. `fields` have lines that end.
    public static func webSocketRequest(_ path: String = "/", _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(key)\r\n\(fields)\r\n"
    }

    /// Opens a WebSocket, and returns the head of the answer.
    @discardableResult
    public func openWebSocket(_ path: String = "/", _ fields: String = "", with more: [UInt8] = []) throws -> String {
        try send(Array(Self.webSocketRequest(path, fields).utf8) + more)
        let head = String(decoding: try read(through: "\r\n\r\n"), as: UTF8.self)
        guard head.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"),
            head.contains("\r\nSec-WebSocket-Accept: \(Self.accept)\r\n")
        else { throw Failure("no WebSocket: \(head)") }
        return head
    }

    /// Sends frames in one piece.
    public func send(_ frames: WebSocketFrame...) throws { try send(frames.flatMap { $0.bytes() }) }

    /// The next frame; a masked one is an error unless masks are wanted.
    public func readFrame(isMasked: Bool = false, within seconds: Double = Client.patience) throws -> WebSocketFrame {
        let head = try read(2, within: seconds)
        guard head[1] & 0x80 == (isMasked ? 0x80 : 0) else { throw Failure("masked or not: \(head)") }
        var length = Int(head[1] & 0x7F)
        if length > 125 { length = try read(length == 126 ? 2 : 8, within: seconds).reduce(0) { $0 << 8 | Int($1) } }
        let mask = isMasked ? try read(4, within: seconds) : [0, 0, 0, 0]
        var payload = try read(length, within: seconds)
        if isMasked { for index in payload.indices { payload[index] ^= mask[index & 3] } }
        return WebSocketFrame(first: head[0], payload: payload)
    }

    /// The next `count` frames.
    public func readFrames(_ count: Int) throws -> [WebSocketFrame] { try (0..<count).map { _ in try readFrame() } }
}
