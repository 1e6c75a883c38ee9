import ApusProtocols
import CApus

/// Publishes to many connections: a message is made into a frame once, and what was published in one turn of the loop
/// leaves with one `send` for each receiver, at the end of the turn. Each connection gets what was sent and published
/// to it in that order.
final class WebSocketTopics {
    private var byName: [String: WebSocketTopic] = [:]
    private let everyone = WebSocketTopic("")
    /// Topics with something in their log, by the first of it.
    @exclusivity(unchecked) private var pending: [WebSocketTopic] = []
    /// Topics whose members are being given something.
    @exclusivity(unchecked) private var leaving: [WebSocketTopic] = []
    @exclusivity(unchecked) private(set) var hasPending = false {
        didSet {
            if hasPending != oldValue { EventLoop.current.state.pointee.pendingPublishers += hasPending ? 1 : -1 }
        }
    }
    @exclusivity(unchecked) private var sequence: UInt64 = 0
    private var isScheduled = false
    /// Bytes of one log that do not wait for the end of the turn.
    private static let mostWaiting = 256 * 1024
    /// Longer logs are referred to where they have to wait, instead of copied for each receiver.
    private static let mostCopied = 1024

    private let compression: WebSocketCompression?

    init(_ compression: WebSocketCompression?) { self.compression = compression }
    nonisolated deinit {}

    // MARK: Members

    /// The handshake is over.
    func add(_ connection: StreamConnection, _ state: WebSocketConnectionState) {
        join(connection, state, everyone)
    }

    /// The connection has closed.
    func remove(_ connection: StreamConnection, _ state: WebSocketConnectionState) {
        for (topic, index, compresses) in state.subscriptions.removeAll() {
            topic.remove(at: index, compresses: compresses)
            dropIfEmpty(topic)
        }
    }

    func subscribe(_ connection: StreamConnection, _ state: WebSocketConnectionState, _ name: String) {
        guard state.phase != .over, !name.isEmpty else { return }
        let topic = byName[name] ?? WebSocketTopic(name)
        byName[name] = topic
        if !state.subscriptions.contains(topic) { join(connection, state, topic) }
    }

    func unsubscribe(_ connection: StreamConnection, _ state: WebSocketConnectionState, _ name: String) -> Bool {
        guard let topic = byName[name], state.subscriptions.contains(topic) else { return false }
        // What was published before is for it.
        flush(connection, state)
        guard let (index, compresses) = state.subscriptions.remove(topic) else { return true }
        topic.remove(at: index, compresses: compresses)
        dropIfEmpty(topic)
        return true
    }

    func count(of name: String) -> Int { byName[name]?.members.count ?? 0 }

    private func join(_ connection: StreamConnection, _ state: WebSocketConnectionState, _ topic: WebSocketTopic) {
        // What was published before is not for it.
        flush(connection, state)
        // That may have called user code.
        guard state.phase != .over, !state.subscriptions.contains(topic) else { return dropIfEmpty(topic) }
        let compresses = state.compression != nil
        state.subscriptions.add(topic, at: topic.add(connection, compresses: compresses), compresses: compresses)
    }

    private func dropIfEmpty(_ topic: WebSocketTopic) {
        if topic.members.isEmpty, byName[topic.name] === topic { byName[topic.name] = nil }
    }

    // MARK: Publishing

    /// To all subscribers of a topic.
    func publish(_ name: String, _ content: WebSocketContent, except: StreamConnection?) {
        if let topic = byName[name] { publish(topic, content, except) }
    }

    /// To all open connections.
    func broadcast(_ content: WebSocketContent, except: StreamConnection?) { publish(everyone, content, except) }

    private func publish(_ topic: WebSocketTopic, _ content: WebSocketContent, _ except: StreamConnection?) {
        guard !topic.members.isEmpty else { return }
        sequence += 1
        if topic.log.isEmpty { pending.append(topic) }
        content.withBytes { payload in
            topic.log.append(
                sequence, content.opcode, payload, except: except, isCompressing: topic.compressingCount > 0,
                deflater: deflater(for: payload.count))
        }
        hasPending = true
        if topic.log.frames.count >= Self.mostWaiting { return flushAll() }
        schedule()
    }

    /// What compresses a message for many; nil when it is too small.
    private func deflater(for count: Int) -> WebSocketDeflater? {
        guard let compression, count >= compression.threshold else { return nil }
        return WebSocketCompressionState.deflater(15, compression.level)
    }

    // MARK: Giving

    /// Gives what was published to those it is for.
    private func flushAll() {
        // Called by user code that one of the receivers has called: the loop that is under way comes to it.
        guard leaving.isEmpty else { return }
        leaving = pending
        pending = []
        for topic in leaving { swap(&topic.log, &topic.leaving) }
        let last = sequence
        for topic in leaving { give(topic, upTo: last) }
        for topic in leaving { topic.leaving = WebSocketLog() }
        leaving = []
        hasPending = !pending.isEmpty
        // What user code has published meanwhile has its turn later, or a careless callback would never end.
        if hasPending { schedule() }
    }

    private func schedule() {
        guard !isScheduled else { return }
        isScheduled = true
        EventLoop.current.execute { [self] in
            isScheduled = false
            flushAll()
        }
    }

    private func give(_ topic: WebSocketTopic, upTo last: UInt64) {
        let log = topic.leaving
        let first = log.firstSequence
        let isAlone = leaving.count == 1
        // Both, made once for all.
        let owner = log.frames.count > Self.mostCopied ? ByteBox(log.frames) : nil
        let compressedOwner = log.compressed.count > Self.mostCopied ? ByteBox(log.compressed) : nil
        withBytes(of: log) { frames, compressed in
            for connection in topic.members {
                guard let state = connection.webSocket, state.subscriptions.delivered < last else { continue }
                guard state.subscriptions.delivered < first, isAlone || !state.subscriptions.hasSeveralLeaving,
                    !log.excludes(connection)
                else {
                    flush(connection, state)
                    continue
                }
                state.subscriptions.delivered = last
                if log.isWhollyCompressed, let compression = state.compression, compression.takesShared {
                    compression.sharedWasSent()
                    send(connection, state, compressed, owner: compressedOwner)
                } else {
                    send(connection, state, frames, owner: owner)
                }
            }
        }
    }

    private func withBytes(
        of log: WebSocketLog, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
    ) {
        log.frames.withUnsafeBytes { frames in
            log.compressed.withUnsafeBytes { compressed in body(frames, compressed) }
        }
    }

    /// Gives one connection what was published for it, before something else is sent to it.
    func flush(_ connection: StreamConnection, _ state: WebSocketConnectionState) {
        let delivered = state.subscriptions.delivered
        guard delivered < sequence else { return }
        state.subscriptions.delivered = sequence
        guard hasPending else { return }
        let takesCompressed = state.compression?.takesShared ?? false
        if takesCompressed { state.compression?.sharedWasSent() }
        var due: [(sequence: UInt64, frame: ArraySlice<UInt8>)] = []
        state.subscriptions.forEach { topic in
            for log in [topic.leaving, topic.log] {
                for (index, entry) in log.entries.enumerated()
                where entry.sequence > delivered && entry.excluded !== connection {
                    due.append((entry.sequence, log.frame(index, compressed: takesCompressed)))
                }
            }
        }
        guard !due.isEmpty else { return }
        due.sort { $0.sequence < $1.sequence }
        let frames = due.reduce(into: [UInt8]()) { $0 += $1.frame }
        let owner = frames.count > Self.mostCopied ? ByteBox(frames) : nil
        frames.withUnsafeBytes { send(connection, state, $0, owner: owner) }
    }

    private func send(
        _ connection: StreamConnection, _ state: WebSocketConnectionState, _ frames: UnsafeRawBufferPointer,
        owner: AnyObject?
    ) {
        guard connection.state == .established else { return }
        guard state.phase == .open, !state.isStreaming else {
            // The handshake, or a message that is sent in pieces, comes first; nothing comes behind a close frame.
            guard state.phase == .handshake || state.phase == .open else { return }
            _ = WebSocketDriver.keep(connection, state) { $0 += frames }
            return
        }
        if connection.outbound != nil {
            switch state.overflow {
            case .queue: break
            case .drop: return
            case .close:
                return unsafeDowncast(connection.driver, to: WebSocketDriver.self).close(
                    connection, .tryAgainLater, "too slow")
            }
        }
        guard connection.canSend() else { return }
        _ = connection.sendRaw(frames, owner: owner)
    }
}
