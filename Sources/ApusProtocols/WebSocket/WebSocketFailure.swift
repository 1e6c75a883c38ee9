/// What is wrong with the bytes of a connection, which ends by it (RFC 6455 §7.1.7).
package enum WebSocketFailure: Error, Sendable {
    case reservedBits, reservedOpcode, notMasked, masked
    case fragmentedControl, longControl
    case paddedLength, hugeLength
    case nothingToContinue, messageNotEnded
    case tooLarge
    case invalidText
    case shortClose, invalidCloseCode, invalidReason
    case invalidCompression

    /// What the close frame says.
    package var closeCode: WebSocketCloseCode {
        switch self {
        case .tooLarge: .messageTooBig
        case .invalidText, .invalidReason, .invalidCompression: .invalidPayload
        default: .protocolError
        }
    }
}

extension WebSocketFailure: CustomStringConvertible {
    /// A sentence for the log.
    package var description: String {
        switch self {
        case .reservedBits: "a frame has reserved bits set, and no extension was agreed on that does (RFC 6455 §5.2)"
        case .reservedOpcode: "a frame has a reserved opcode (RFC 6455 §5.2)"
        case .notMasked: "a frame of the client is not masked (RFC 6455 §5.1)"
        case .masked: "a frame of the server is masked (RFC 6455 §5.1)"
        case .fragmentedControl: "a control frame is fragmented (RFC 6455 §5.5)"
        case .longControl: "a control frame has more than 125 bytes (RFC 6455 §5.5)"
        case .paddedLength: "a length is written with more bytes than it needs (RFC 6455 §5.2)"
        case .hugeLength: "the first bit of a length is set (RFC 6455 §5.2)"
        case .nothingToContinue: "a fragment continues no message (RFC 6455 §5.4)"
        case .messageNotEnded: "a message begins before the one before has ended (RFC 6455 §5.4)"
        case .tooLarge: "a message is larger than the limit (RFC 6455 §10.4)"
        case .invalidText: "a text is no UTF-8 (RFC 6455 §8.1)"
        case .shortClose: "a close frame has half a code (RFC 6455 §5.5.1)"
        case .invalidCloseCode: "a close frame has a code that may not be sent (RFC 6455 §7.4)"
        case .invalidReason: "the reason of a close frame is no UTF-8 (RFC 6455 §5.5.1)"
        case .invalidCompression: "a compressed message cannot be inflated (RFC 7692 §7.2.2)"
        }
    }
}
