/// How messages of WebSockets are compressed where the other side can (permessage-deflate, RFC 7692).
///
/// What costs memory is the window of each direction of each connection. Smaller windows, and none kept between two
/// messages, take less and compress less.
public struct WebSocketCompression: Sendable, Hashable {
    /// The server forgets each message that it compressed, so that an idle connection needs no memory for it.
    public var serverNoContextTakeover: Bool
    /// The client is asked to do the same.
    public var clientNoContextTakeover: Bool
    /// The server's window is at most 2 to this power, 9 to 15.
    public var serverMaxWindowBits: Int {
        didSet { Self.checkWindow(serverMaxWindowBits) }
    }
    /// The client's window is at most 2 to this power, 9 to 15. Clients that do not let themselves be told use 15.
    public var clientMaxWindowBits: Int {
        didSet { Self.checkWindow(clientMaxWindowBits) }
    }
    /// Messages of fewer bytes are sent as they are.
    public var threshold: Int
    /// From 1, which is fast, to 9, which is small.
    public var level: Int {
        didSet { Self.checkLevel(level) }
    }

    /// Both sides keep their windows, which are as large as they can be.
    public static let permessageDeflate = WebSocketCompression()

    /// Settings of its own; what is not named is as in `permessageDeflate`.
    public init(
        serverNoContextTakeover: Bool = false, clientNoContextTakeover: Bool = false, serverMaxWindowBits: Int = 15,
        clientMaxWindowBits: Int = 15, threshold: Int = 64, level: Int = 6
    ) {
        Self.checkWindow(serverMaxWindowBits)
        Self.checkWindow(clientMaxWindowBits)
        Self.checkLevel(level)
        self.serverNoContextTakeover = serverNoContextTakeover
        self.clientNoContextTakeover = clientNoContextTakeover
        self.serverMaxWindowBits = serverMaxWindowBits
        self.clientMaxWindowBits = clientMaxWindowBits
        self.threshold = threshold
        self.level = level
    }

    private static func checkWindow(_ bits: Int) {
        // RFC 7692 §7.1.2 knows 8 as well, which zlib cannot compress with.
        precondition((9...15).contains(bits), "\(bits) window bits: 9 to 15 are possible")
    }

    private static func checkLevel(_ level: Int) {
        precondition((1...9).contains(level), "compression level \(level): 1 to 9 are possible")
    }
}
