/// What is spoken with the server, as the scheme of the URL says.
public nonisolated enum LoadProtocol: String, Sendable, CaseIterable {
    /// HTTP/1.1: a request and its response.
    case http
    /// A message and one that comes back (RFC 6455); over TLS as `wss://`.
    case webSocket = "ws"
    /// A line and one that comes back.
    case text
    /// A message behind its length, and one that comes back: four bytes, the most significant first, that count
    /// themselves.
    case frame
    /// Bytes, and as many that come back.
    case tcp
    /// A datagram and one that comes back; one that does not come in time is an error.
    case udp

    /// What each message is when the options name no body.
    static let defaultMessage = Array("Hello from apus load".utf8)
}
