import ApusProtocols

/// An error that says with what the connection is closed.
///
/// One that a handler of a WebSocket throws, or does not catch, closes it with its code and reason. It counts as the
/// client's fault: nothing is logged, and `errorPolicy` does not apply. A worker or connection with an `errorHandler`
/// leaves that to it. Other errors close with 1011, and are logged.
public nonisolated struct WebSocketError: Error, Sendable, CustomStringConvertible {
    /// What the close frame says.
    public let code: WebSocketCloseCode
    /// Its reason, of which 123 bytes are sent.
    public let reason: String

    /// A code that may not be sent (RFC 6455 §7.4) becomes 1011.
    public init(_ code: WebSocketCloseCode, _ reason: String = "") {
        self.code = code.mayBeSent ? code : .internalError
        self.reason = reason
    }

    /// "1008: no such room"
    public var description: String { reason.isEmpty ? "\(code)" : "\(code): \(reason)" }
}
