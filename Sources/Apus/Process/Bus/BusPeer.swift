import CApus

/// Another process, as this one sends to it: the socket of its inbox, and what that has no room for yet.
final class BusPeer: Pollable {
    enum Outcome {
        case taken
        /// So much waits already that it would be too much.
        case full
        /// It has ended.
        case gone
    }

    private enum Written { case all, nothing, failed }

    /// So many packets are written before others have their turn.
    private static let packetsPerTurn = 64

    let member: Int
    let address: BusSender
    /// What its worker is recognised by.
    let workerKey: String
    private unowned let loop: EventLoop
    private var queue = FIFO<[UInt8]>()
    private(set) var queuedBytes = 0
    private var isGone = false

    init(fd: Int32, member: Int, address: BusSender, workerKey: String, loop: EventLoop) {
        self.member = member
        self.address = address
        self.workerKey = workerKey
        self.loop = loop
        super.init(fd: fd)
    }

    nonisolated deinit {}

    var isIdle: Bool { queue.isEmpty }

    /// Sends the packets of a message, all or none of them.
    func send(_ packets: [[UInt8]], _ size: Int, limit: Int) -> Outcome {
        guard !isGone else { return .gone }
        guard queuedBytes + size <= limit else { return .full }
        for packet in packets {
            if queue.isEmpty {
                switch write(packet) {
                case .all: continue
                case .nothing: break
                case .failed: return .gone
                }
            }
            queue.append(packet)
            queuedBytes += packet.count
        }
        if !queue.isEmpty, generation == 0 { loop.watch(self, for: UInt32(CAPUS_WRITE)) }
        return .taken
    }

    override func ready(_ flags: UInt32) {
        for _ in 0..<Self.packetsPerTurn {
            guard let packet = queue.first else { break }
            switch write(packet) {
            case .all:
                queuedBytes -= packet.count
                _ = queue.popFirst()
            case .nothing, .failed: return
            }
        }
        if queue.isEmpty { loop.unwatch(self) }
    }

    private func write(_ packet: [UInt8]) -> Written {
        let sent = packet.withUnsafeBytes { capus_send(fd, $0.baseAddress!, $0.count) }
        if sent >= 0 { return .all }
        if [CAPUS_WOULD_BLOCK, CAPUS_NO_MEMORY, CAPUS_NO_BUFFERS].contains(-sent) { return .nothing }
        if sent != -Int(CAPUS_BROKEN_PIPE), sent != -Int(CAPUS_CONNECTION_RESET) {
            Log.write("bus: \(SystemError("send to \(address)", Int32(-sent))); it gets nothing more", .error)
        }
        end()
        return .failed
    }

    /// The process has ended; nothing it was sent matters.
    private func end() {
        isGone = true
        loop.unwatch(self)
        queue = FIFO()
        queuedBytes = 0
    }

    /// Forgets the process.
    func close() {
        end()
        capus_close(fd)
        fd = -1
    }
}
