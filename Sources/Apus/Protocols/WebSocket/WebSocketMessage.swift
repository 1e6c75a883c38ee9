import ApusProtocols

/// A message of a WebSocket, as a view on the bytes that arrived.
///
/// The object may be kept, for instance across an `await` or in a variable: its bytes are then copied once, after the
/// handler returned. Otherwise it is used again for the next message, and nothing is copied or allocated.
public final class WebSocketMessage: ByteOwner {
    /// The message is text: `bytes` are UTF-8, which was checked. Otherwise it is binary.
    @exclusivity(unchecked) public internal(set) var isText = false
    @exclusivity(unchecked) var count = 0

    /// The bytes.
    public var bytes: ByteView { ByteView(owner: self, range: 0..<count) }

    /// The bytes as text; of a binary message, what is no UTF-8 is replaced.
    public var text: String {
        String(decoding: UnsafeBufferPointer(start: storage, count: count), as: UTF8.self)
    }

    /// What was received, to be sent again or kept as a value.
    public var content: WebSocketContent { isText ? .text(text) : .binary(bytes.array) }

    /// Moves the bytes into memory of the message's own: somebody keeps it.
    func detach() { detach(count: count) }
}

/// What is sent as one message.
public nonisolated enum WebSocketContent: Sendable, Hashable, ExpressibleByStringInterpolation {
    case text(String)
    case binary([UInt8])

    /// A text message.
    public init(stringLiteral text: String) { self = .text(text) }

    var opcode: WebSocketOpcode {
        switch self {
        case .text: .text
        case .binary: .binary
        }
    }

    /// Calls `body` with the bytes, which are valid during the call only.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        switch self {
        case .binary(let bytes): return try bytes.withUnsafeBytes(body)
        case .text(var text): return try text.withUTF8 { try body(UnsafeRawBufferPointer($0)) }
        }
    }
}
