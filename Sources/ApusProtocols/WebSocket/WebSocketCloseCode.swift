/// Why a WebSocket connection ends, as one end tells the other (RFC 6455 §7.4). Codes from 4000 to 4999 are free for
/// applications, codes from 3000 to 3999 are registered by libraries.
public struct WebSocketCloseCode: RawRepresentable, Sendable, Hashable {
    /// The number that stands in the close frame.
    public var rawValue: UInt16

    /// The code with this number, whether it may be sent or not.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// 1000: what the connection was for is done.
    public static let normalClosure = WebSocketCloseCode(rawValue: 1000)
    /// 1001: the server stops, or the browser has left the page.
    public static let goingAway = WebSocketCloseCode(rawValue: 1001)
    /// 1002: the other end broke the protocol.
    public static let protocolError = WebSocketCloseCode(rawValue: 1002)
    /// 1003: the other end sent a kind of data that is not taken here, such as binary where text is wanted.
    public static let unsupportedData = WebSocketCloseCode(rawValue: 1003)
    /// 1005: the close frame had no code. It is never sent.
    public static let noStatusReceived = WebSocketCloseCode(rawValue: 1005)
    /// 1006: the connection was lost without a close frame. It is never sent.
    public static let abnormalClosure = WebSocketCloseCode(rawValue: 1006)
    /// 1007: a message does not contain what its type says, such as text that is no UTF-8.
    public static let invalidPayload = WebSocketCloseCode(rawValue: 1007)
    /// 1008: a message breaks the rules of this application; for whatever no other code says.
    public static let policyViolation = WebSocketCloseCode(rawValue: 1008)
    /// 1009: a message is larger than what is taken here.
    public static let messageTooBig = WebSocketCloseCode(rawValue: 1009)
    /// 1010: the client needs an extension that the server did not agree to.
    public static let mandatoryExtension = WebSocketCloseCode(rawValue: 1010)
    /// 1011: something went wrong here that the other end cannot help.
    public static let internalError = WebSocketCloseCode(rawValue: 1011)
    /// 1012: the service restarts; clients may connect again after a while.
    public static let serviceRestart = WebSocketCloseCode(rawValue: 1012)
    /// 1013: the service is overloaded; clients should try again later.
    public static let tryAgainLater = WebSocketCloseCode(rawValue: 1013)
    /// 1014: a gateway got no valid answer from the server behind it.
    public static let badGateway = WebSocketCloseCode(rawValue: 1014)
    /// 1015: there was no TLS connection. It is never sent.
    public static let tlsHandshakeFailed = WebSocketCloseCode(rawValue: 1015)

    /// Whether the code may stand in a close frame (RFC 6455 §7.4.1, §7.4.2): 1004, 1005, 1006, 1015 and the numbers
    /// that nobody registers do not.
    public var mayBeSent: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

extension WebSocketCloseCode: CustomStringConvertible {
    /// "1000"
    public var description: String { "\(rawValue)" }
}
