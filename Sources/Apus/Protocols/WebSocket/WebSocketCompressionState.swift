import ApusProtocols

/// How the messages that one connection sends are compressed.
final class WebSocketCompressionState {
    /// Smaller messages are sent as they are.
    let threshold: Int
    /// Compresses for all connections: each message by itself.
    private let shared: WebSocketDeflater?
    private let windowBits: Int
    private let level: Int
    /// This connection's own, which remembers what was sent: made with the first message.
    private var own: WebSocketDeflater?

    /// What is compressed once for many connections may be sent: their windows are as large as they can be.
    var takesShared: Bool { windowBits == 15 }

    init(_ agreement: WebSocketDeflateAgreement, _ settings: WebSocketCompression, role: WebSocketRole) {
        threshold = settings.threshold
        level = settings.level
        let isServer = role == .server
        windowBits = isServer ? agreement.serverMaxWindowBits : agreement.clientMaxWindowBits
        let forgets = isServer ? agreement.serverNoContextTakeover : agreement.clientNoContextTakeover
        shared = forgets ? Self.deflater(windowBits, level) : nil
    }

    nonisolated deinit {}

    /// Calls `body` with the compressed bytes, which are valid during the call only.
    func compress(_ payload: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> SendResult) -> SendResult {
        // Taken, not used in place: what sending calls may send itself.
        var compressed = Self.scratch
        Self.scratch = []
        compressed.removeAll(keepingCapacity: true)
        deflater.append(payload, to: &compressed)
        let result = compressed.withUnsafeBytes(body)
        if compressed.capacity <= Self.mostKept { Self.scratch = compressed }
        return result
    }

    /// A compressed message is sent that this state does not know: none that follows may refer to what came before it.
    func sharedWasSent() { own?.reset() }

    private var deflater: WebSocketDeflater {
        if let deflater = shared ?? own { return deflater }
        let made = WebSocketDeflater(windowBits: windowBits, takesOver: true, level: level)
        own = made
        return made
    }

    // MARK: What connections share

    private static var scratch: [UInt8] = []
    private static let mostKept = 256 * 1024
    private static var deflaters: [Int: WebSocketDeflater] = [:]
    private static let inflaters = WebSocketInflaterPool()
    private static let sharedInflation = WebSocketInflation(pool: inflaters)

    /// The deflater of all messages that are compressed by themselves.
    static func deflater(_ windowBits: Int, _ level: Int) -> WebSocketDeflater {
        let key = windowBits * 16 + level
        if let deflater = deflaters[key] { return deflater }
        let made = WebSocketDeflater(windowBits: windowBits, takesOver: false, level: level)
        deflaters[key] = made
        return made
    }

    /// How what the other side has compressed is inflated.
    static func inflation(_ agreement: WebSocketDeflateAgreement, role: WebSocketRole) -> WebSocketInflation {
        let isServer = role == .server
        let forgets = isServer ? agreement.clientNoContextTakeover : agreement.serverNoContextTakeover
        if forgets { return sharedInflation }
        return WebSocketInflation(
            windowBits: isServer ? agreement.clientMaxWindowBits : agreement.serverMaxWindowBits)
    }
}

extension WebSocketConnectionState {
    /// Both sides compress from now on.
    func compress(as agreement: WebSocketDeflateAgreement, _ settings: WebSocketCompression, role: WebSocketRole) {
        compression = WebSocketCompressionState(agreement, settings, role: role)
        subscriptions.compress()
        decoder = WebSocketDecoder(
            role: role, maxMessageBytes: decoder.maxMessageBytes,
            inflation: WebSocketCompressionState.inflation(agreement, role: role))
    }
}
