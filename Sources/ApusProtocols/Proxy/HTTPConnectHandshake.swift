import CApus

/// Opens a tunnel through an HTTP proxy with CONNECT (RFC 9110 §9.3.6). Names are resolved by the proxy.
public struct HTTPConnectHandshake: ProxyHandshake {
    /// Bytes that the proxy's reply may have before the tunnel stands.
    public static let maxReplyBytes = 16 * 1024

    private static let version = "HTTP/1.".utf8
    private static let noStatusLine = "a status line that is not HTTP/1.x and a status"

    private let target: ProxyTarget
    private let authorization: String?
    /// Bytes of interim heads consumed so far.
    private var consumedBefore = 0
    /// Bytes from the start of this head in which no end of it was found.
    private var scanned = 0
    private var isDone = false

    /// `host` is a numeric address or a name of 1 to 255 bytes, `port` 1 to 65535; `authorization` is the value of
    /// `Proxy-Authorization`, such as `Basic dXNlcjpwYXNz`, and may hold no control characters. Throws what is wrong.
    public init(host: String, port: Int, authorization: String?) throws(ProxyHandshakeError) {
        target = try ProxyTarget(host: host, port: port)
        if let authorization {
            guard authorization.utf8.allSatisfy(Self.isFieldByte) else {
                throw .invalidCredentials("Proxy-Authorization contains a control character")
            }
        }
        self.authorization = authorization
    }

    public func open() -> [UInt8] {
        let authority = target.authority
        var head = "CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n"
        if let authorization { head += "Proxy-Authorization: \(authorization)\r\n" }
        head += "Proxy-Connection: keep-alive\r\n\r\n"
        return [UInt8](head.utf8)
    }

    public mutating func receive(
        _ bytes: UnsafeRawBufferPointer
    ) throws(ProxyHandshakeError) -> (consumed: Int, step: ProxyHandshakeStep) {
        var consumed = 0
        while !isDone {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[consumed...])
            guard let count = try findEnd(of: rest) else { break }
            let head = UnsafeRawBufferPointer(rebasing: rest[..<count])
            let (status, reason) = try parse(head)
            consumed += count
            consumedBefore += count
            scanned = 0
            switch status {
            case 200...299: isDone = true
            // RFC 9110 §15.2: interim; 101 would end HTTP, which nobody asked for.
            case 100, 102...199: continue
            default: throw .refusedHTTP(status: status, reason: reason)
            }
        }
        return (consumed, isDone ? .done : .needMore)
    }

    /// The length of the head, its empty line included; nil while it has not ended.
    private mutating func findEnd(of bytes: UnsafeRawBufferPointer) throws(ProxyHandshakeError) -> Int? {
        // A server that speaks another protocol is not waited for.
        guard zip(bytes, Self.version).allSatisfy(==) else { throw .protocolViolation(Self.noStatusLine) }
        let limit = Self.maxReplyBytes - consumedBefore
        let end = min(bytes.count, limit)
        for index in min(scanned, end)..<end where bytes[index] == 0x0A {
            guard bytes[index - 1] == 0x0D else { throw .protocolViolation("a line that ends with LF alone") }
            if bytes[index - 2] == 0x0A { return index + 1 }
        }
        scanned = end
        guard bytes.count < limit else { throw .replyTooLarge(limit: Self.maxReplyBytes) }
        return nil
    }

    /// RFC 9112 §4 and §5. What the fields say does not matter: a 2xx reply to CONNECT has no body whatever they say.
    private func parse(_ head: UnsafeRawBufferPointer) throws(ProxyHandshakeError) -> (status: Int, reason: String) {
        var result: (status: Int, reason: String)?
        var start = 0
        while start < head.count - 2 {
            var end = start
            while end < head.count, Self.isFieldByte(head[end]) { end += 1 }
            guard end + 1 < head.count, head[end] == 0x0D, head[end + 1] == 0x0A else {
                throw .protocolViolation("a control character in its head")
            }
            let line = UnsafeRawBufferPointer(rebasing: head[start..<end])
            if result == nil {
                result = try parseStatusLine(line)
            } else {
                try checkField(line)
            }
            start = end + 2
        }
        guard let result else { throw .protocolViolation(Self.noStatusLine) }
        return result
    }

    /// `HTTP/1.` DIGIT SP 3DIGIT, then a blank and the reason; the blank may be missing where the reason is.
    private func parseStatusLine(
        _ line: UnsafeRawBufferPointer
    ) throws(ProxyHandshakeError) -> (status: Int, reason: String) {
        let isVersion = line.count >= 12 && line.starts(with: Self.version) && isDigit(line[7]) && line[8] == 0x20
        guard isVersion, (9..<12).allSatisfy({ isDigit(line[$0]) }), line.count == 12 || line[12] == 0x20 else {
            throw .protocolViolation(Self.noStatusLine)
        }
        let status = line[9..<12].reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard (100...599).contains(status) else { throw .protocolViolation("status \(status)") }
        // The reason goes into an error's line: no more than a line can take.
        return (status, String(decoding: line.dropFirst(13).prefix(200), as: UTF8.self))
    }

    private func checkField(_ line: UnsafeRawBufferPointer) throws(ProxyHandshakeError) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0,
            line[..<colon].allSatisfy({ capus_is_token($0) != 0 })
        else { throw .protocolViolation("a field line without a name") }
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 <= 9 }

    /// RFC 9110 §5.5: no control characters but HTAB.
    private static func isFieldByte(_ byte: UInt8) -> Bool { byte == 0x09 || (byte >= 0x20 && byte != 0x7F) }
}
