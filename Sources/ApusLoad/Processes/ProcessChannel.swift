import CApus

/// Messages between the process that was started and the ones that it starts, over a socket pair.
nonisolated struct ProcessChannel {
    enum Kind: UInt8 {
        /// To the child: its plan.
        case plan = 1
        /// To the parent: everything is prepared.
        case ready
        /// To the child: begin.
        case start
        /// To the child: end now, and tell what was done.
        case stop
        /// To the parent: how far it has come.
        case progress
        /// To the parent: what was done. The last message.
        case result
    }

    struct Message {
        let kind: Kind
        let bytes: [UInt8]
    }

    /// Kind and length.
    private static let headCount = 9

    let fd: Int32
    private var received: [UInt8] = []

    init(fd: Int32) { self.fd = fd }

    /// Writes a message whole, however long the other side takes to read; false when it is gone.
    func send(_ kind: Kind, _ bytes: [UInt8] = []) -> Bool {
        var encoder = MessageEncoder()
        encoder.append(bytes)
        return write([kind.rawValue] + encoder.bytes)
    }

    /// The next message. Waits for it as long as `timeout` says (milliseconds; negative: for ever). Nil when none has
    /// come whole by then; `isClosed` tells whether one can still come.
    mutating func receive(timeout: Int32, isClosed: inout Bool) -> Message? {
        while true {
            if let message = take() { return message }
            if isClosed || !waitReadable(timeout) { return nil }
            isClosed = !readMore()
        }
    }

    private mutating func take() -> Message? {
        guard received.count >= Self.headCount, let kind = Kind(rawValue: received[0]) else { return nil }
        var decoder = MessageDecoder(Array(received[1..<Self.headCount]))
        guard let count = decoder.integer(), received.count >= Self.headCount + count else { return nil }
        let message = Message(kind: kind, bytes: Array(received[Self.headCount..<(Self.headCount + count)]))
        received.removeFirst(Self.headCount + count)
        return message
    }

    private func waitReadable(_ timeout: Int32) -> Bool {
        var isReady = false
        var descriptor = fd
        return capus_wait_readable(&descriptor, &isReady, 1, timeout) > 0
    }

    /// What the next message lacks, as far as it can be told.
    private var missing: Int {
        guard received.count >= Self.headCount else { return Self.headCount - received.count }
        var decoder = MessageDecoder(Array(received[1..<Self.headCount]))
        return max(1, Self.headCount + (decoder.integer() ?? 0) - received.count)
    }

    /// False when the other side is gone. Nothing behind the message is taken: who waits for the descriptor to become
    /// readable would never learn of it.
    private mutating func readMore() -> Bool {
        let most = min(missing, 16 * 1024)
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: most) { piece in
            let count = capus_read(fd, piece.baseAddress!, most)
            if count > 0 { received.append(contentsOf: piece[..<count]) }
            return count > 0 || -count == Int(CAPUS_WOULD_BLOCK)
        }
    }

    private func write(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBufferPointer { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = capus_send(fd, bytes.baseAddress! + sent, bytes.count - sent)
                if count >= 0 {
                    sent += count
                } else if -count != Int(CAPUS_WOULD_BLOCK) || !waitWritable() {
                    return false
                }
            }
            return true
        }
    }

    private func waitWritable() -> Bool {
        guard let poller = capus_loop_create(CAPUS_BACKEND_EPOLL) else { return false }
        defer { capus_loop_destroy(poller) }
        guard capus_loop_watch(poller, fd, 0, UInt32(CAPUS_WRITE)) == 0 else { return false }
        var events: UnsafePointer<capus_event>?
        return capus_loop_poll(poller, -1, 0, &events) >= 0
    }
}
