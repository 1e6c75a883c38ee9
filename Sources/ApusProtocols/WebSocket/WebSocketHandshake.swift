/// What both sides of an opening handshake know (RFC 6455 §1.3).
package enum WebSocketHandshake {
    /// The only version that is spoken.
    package static let version: StaticString = "13"
    /// Bytes of a key before it is written as base64.
    package static let keyBytes = 16

    private static let identifier = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8

    /// The 28 bytes of `Sec-WebSocket-Accept` for a key as it was sent (RFC 6455 §4.2.2, step 5.4).
    package static func accept(for key: some Sequence<UInt8>) -> [UInt8] {
        let hash = (Array(key) + identifier).withUnsafeBytes { SHA1.digest(of: $0) }
        return Base64.encode(hash)
    }
}
