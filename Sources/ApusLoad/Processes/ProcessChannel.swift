import CApus

/// Messages between whoever divides a load and those who put on a part of it: over a socket pair with a process of the
/// same host, or over TCP between a coordinator and an agent.
nonisolated struct ProcessChannel {
    enum Kind: UInt8 {
        /// To a process: its plan; to an agent: its share of one.
        case plan = 1
        /// To whoever divided the load: everything is prepared.
        case ready
        /// To a process or an agent: begin.
        case start
        /// To a process or an agent: end now, and tell what was done.
        case stop
        /// To whoever divided the load: how far it has come.
        case progress
        /// To whoever divided the load: what was done. The last message.
        case result
        /// To an agent, some times in a run: the coordinator is still there.
        case alive
        /// From an agent: why there will be no result, in words that go on after its name. The last message.
        case failure
        /// The greeting between a coordinator and an agent, as `AgentGreeting` tells.
        case challenge
        case answer
        case admitted
    }

    struct Message {
        let kind: Kind
        let bytes: [UInt8]

        /// What a failure says.
        var reason: String { MessageDecoder.words(bytes) }
    }

    /// How far the other side is trusted.
    struct Limits {
        /// What says that it is longer is no message.
        let mostBytes: Int
        /// Nanoseconds that the other side may take to read before more is sent; negative: for ever.
        let patience: Int64

        static let processes = Limits(mostBytes: 1 << 31, patience: -1)
        static let greeting = Limits(mostBytes: 1024, patience: 10_000_000_000)
        static let agents = Limits(mostBytes: 64 << 20, patience: 10_000_000_000)
    }

    enum State {
        case open
        /// The other side has gone.
        case closed
        /// What came is no message.
        case broken
    }

    /// Kind and length.
    private static let headCount = 9

    let fd: Int32
    var limits: Limits
    private(set) var state = State.open
    private var received: [UInt8] = []

    init(fd: Int32, limits: Limits = .processes) {
        self.fd = fd
        self.limits = limits
    }

    /// Why nothing has come, in words.
    var silence: String {
        switch state {
        case .open: "nothing came in time"
        case .closed: "the connection was closed"
        case .broken: "what came is no message of apus load"
        }
    }

    /// Writes a message whole, however long the other side takes to read, unless it takes longer than the limits allow;
    /// false when it is gone.
    func send(_ kind: Kind, _ bytes: [UInt8] = []) -> Bool {
        var encoder = MessageEncoder()
        encoder.append(bytes)
        return send(bytes: [kind.rawValue] + encoder.bytes)
    }

    /// The next message. Waits for it as long as `timeout` says (milliseconds; negative: for ever). Nil when none has
    /// come whole by then; `state` tells whether one can still come.
    mutating func receive(timeout: Int32) -> Message? {
        let deadline = Self.deadline(timeout)
        guard fill(Self.headCount, deadline) else { return nil }
        var decoder = MessageDecoder(Array(received[1..<Self.headCount]))
        guard let kind = Kind(rawValue: received[0]), let count = decoder.integer(in: 0...limits.mostBytes) else {
            state = .broken
            return nil
        }
        guard fill(Self.headCount + count, deadline) else { return nil }
        return Message(kind: kind, bytes: Array(take(Self.headCount + count).dropFirst(Self.headCount)))
    }

    /// So many bytes that are no message; waits as `receive` does.
    mutating func receiveBytes(_ count: Int, timeout: Int32) -> [UInt8]? {
        fill(count, Self.deadline(timeout)) ? take(count) : nil
    }

    private static func deadline(_ timeout: Int32) -> Int64 {
        timeout < 0 ? .max : capus_monotonic_ns() + Int64(timeout) * 1_000_000
    }

    private mutating func take(_ count: Int) -> [UInt8] {
        defer { received.removeFirst(count) }
        return Array(received.prefix(count))
    }

    /// Waits until so many bytes are there. Nothing behind them is taken: who waits for the descriptor to become
    /// readable would never learn of it.
    private mutating func fill(_ count: Int, _ deadline: Int64) -> Bool {
        while received.count < count {
            guard state == .open, waitReadable(deadline) else { return false }
            readMore(count - received.count)
        }
        return true
    }

    private func waitReadable(_ deadline: Int64) -> Bool {
        var isReady = false
        var descriptor = fd
        var timeout: Int32 = -1
        if deadline != .max {
            let left = max(0, deadline - capus_monotonic_ns())
            timeout = Int32(clamping: (left + 999_999) / 1_000_000)
        }
        return capus_wait_readable(&descriptor, &isReady, 1, timeout) > 0
    }

    private mutating func readMore(_ count: Int) {
        let most = min(count, 16 * 1024)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: most) { piece in
            let count = capus_read(fd, piece.baseAddress!, most)
            if count > 0 {
                received.append(contentsOf: piece[..<count])
            } else if -count != Int(CAPUS_WOULD_BLOCK) {
                state = .closed
            }
        }
    }

    /// The same for bytes that are no message.
    func send(bytes: [UInt8]) -> Bool {
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

    /// False when the other side has not read anything for as long as the limits allow, or has not accepted the
    /// connection.
    func waitWritable() -> Bool { Writability.wait(fd, patience: limits.patience) }
}
