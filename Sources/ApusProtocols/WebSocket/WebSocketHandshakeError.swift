/// Why a client cannot open a WebSocket.
public enum WebSocketHandshakeError: Error, CustomStringConvertible, Sendable, Hashable {
    /// The address cannot be used: what was given, and what is wrong with it.
    case invalidURL(String, reason: String)
    /// A header field, or a sub-protocol, cannot be sent: its name, and what is wrong with it.
    case invalidField(String, reason: String)
    /// The server answers with a status other than 101, such as a redirect or 401: the head of its answer.
    case refused(WebSocketResponse)
    /// The server does not keep to HTTP/1.1: how.
    case protocolViolation(String)
    /// The server agrees to open a WebSocket, and to something that was not asked for or does not fit: what.
    case unacceptable(String)
    /// The head of the answer is longer than this number of bytes.
    case answerTooLarge(limit: Int)

    /// One line for the user.
    public var description: String {
        switch self {
        case .invalidURL(let text, let reason): "WebSocket address \"\(text)\": \(reason)"
        case .invalidField(let name, let reason): "field \(name) of a WebSocket's request: \(reason)"
        case .refused(let response): "the server opens no WebSocket: \(response.line)"
        case .protocolViolation(let reason): "the server's answer is invalid: \(reason)"
        case .unacceptable(let reason): "the server opens a WebSocket that was not asked for: \(reason)"
        case .answerTooLarge(let limit): "the head of the server's answer is longer than \(limit) bytes"
        }
    }
}
