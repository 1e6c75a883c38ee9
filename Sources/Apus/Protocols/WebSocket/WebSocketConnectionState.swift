import ApusProtocols

/// What WebSocket remembers of a connection.
final class WebSocketConnectionState {
    /// Where the conversation is.
    enum Phase: UInt8 {
        /// The handshake is not complete: frames wait.
        case handshake
        case open
        /// A close frame was sent; the other side's is waited for.
        case closing
        /// Nothing more is said or heard.
        case over
    }

    @exclusivity(unchecked) var phase = Phase.handshake
    /// A message is being sent piece by piece: other messages wait for its end.
    @exclusivity(unchecked) var isStreaming = false
    /// What becomes of published messages while earlier ones wait to be sent.
    @exclusivity(unchecked) var overflow: WebSocketOverflow
    @exclusivity(unchecked) var decoder: WebSocketDecoder
    /// What the decoder holds is in use.
    @exclusivity(unchecked) var isDecoding = false
    /// Compression as it was agreed on; nil for none.
    @exclusivity(unchecked) var compression: WebSocketCompressionState?
    /// Frames that wait for the end of the handshake, or of a message that is streamed.
    @exclusivity(unchecked) var waiting: [UInt8] = []
    /// The topics that it is subscribed to, and the place among the worker's open connections.
    @exclusivity(unchecked) var subscriptions = WebSocketSubscriptions()
    /// What few connections need.
    @exclusivity(unchecked) var rest: Rest?
    /// `bytesRead` when the sweep last looked, and the loop's second when it had grown.
    @exclusivity(unchecked) var bytesHeard = 0
    @exclusivity(unchecked) var heardAt: UInt32
    /// The loop's second of the ping that waits for an answer, or of the close frame; 0 for none.
    @exclusivity(unchecked) var askedAt: UInt32 = 0

    init(_ role: WebSocketRole, second: UInt32, maxMessageBytes: Int, overflow: WebSocketOverflow) {
        self.overflow = overflow
        decoder = WebSocketDecoder(role: role, maxMessageBytes: maxMessageBytes)
        heardAt = second
    }

    nonisolated deinit {}

    /// Few connections agree on a sub-protocol, and each is closed once.
    final class Rest {
        var selectedProtocol: String?
        /// With what the conversation ended; 1006 (RFC 6455 §7.1.5) when it broke off.
        var closeCode: WebSocketCloseCode?
        var closeReason = ""
        /// What the connection spoke before, when that has a callback for its end and WebSocket has none.
        var predecessor: ProtocolDriver?
        /// What a client has asked for, until it is answered.
        var handshake: WebSocketClientHandshake?
        nonisolated deinit {}
    }

    var more: Rest {
        if let rest { return rest }
        let made = Rest()
        rest = made
        return made
    }
}

/// What becomes of published messages for a connection whose earlier ones still wait to be sent.
public nonisolated enum WebSocketOverflow: Sendable, Hashable {
    /// They wait, too, up to `maxSendBufferSize`; beyond it they are dropped, and `onError` is told.
    case queue
    /// They are dropped, silently: for news that the next message makes old, such as prices or positions.
    case drop
    /// The connection is closed with 1013: for clients that come again and ask for what they missed.
    case close
}
