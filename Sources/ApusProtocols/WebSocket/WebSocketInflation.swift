/// How the compressed messages of a connection are inflated (RFC 7692 §7.2.2).
package final class WebSocketInflation {
    private let windowBits: Int
    private let pool: WebSocketInflaterPool?
    private var own: WebSocketInflater?

    /// Each message may refer to those before it: the stream is this connection's own, from the first compressed
    /// message on. `windowBits`: 8…15, as agreed on.
    package init(windowBits: Int) {
        self.windowBits = windowBits
        pool = nil
    }

    /// The peer compresses each message by itself (RFC 7692 §7.1.1): a stream is borrowed while one arrives. All
    /// connections may share the object.
    package init(pool: WebSocketInflaterPool) {
        windowBits = 15
        self.pool = pool
    }

    func borrow() -> WebSocketInflater {
        if let pool { return pool.take() }
        if let own { return own }
        let made = WebSocketInflater(windowBits: windowBits)
        own = made
        return made
    }

    /// A message was inflated to its end.
    func giveBack(_ inflater: WebSocketInflater) { pool?.put(inflater) }
}

/// Streams that wait for the next compressed message of any connection.
package final class WebSocketInflaterPool {
    private var idle: [WebSocketInflater] = []
    private let maxIdle: Int

    /// `maxIdle`: how many are kept, with some 40 KB each.
    package init(maxIdle: Int = 4) { self.maxIdle = maxIdle }

    /// How many wait.
    package var idleCount: Int { idle.count }

    func take() -> WebSocketInflater { idle.popLast() ?? WebSocketInflater(windowBits: 15) }

    func put(_ inflater: WebSocketInflater) {
        guard idle.count < maxIdle else { return }
        inflater.reset()
        idle.append(inflater)
    }
}
