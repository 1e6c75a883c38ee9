import CApus

/// What a process receives of the others: packets through one socket, which all of them write to, and messages put
/// together from them.
final class BusInbox: Pollable {
    /// A message that is complete.
    struct Arrival {
        let head: BusPacket.Head
        let bytes: [UInt8]
    }

    /// So many packets are taken before others have their turn.
    private static let packetsPerTurn = 64
    /// Room is not made for more than what has come: a process that was taken over may announce anything.
    private static let mostReserved = 16 * 1024 * 1024

    private unowned let loop: EventLoop
    private let deliver: @MainActor (Arrival) -> Void
    /// Messages of which a part is there, by who sends them: each sends one after the other.
    private var partial: [Int: (head: BusPacket.Head, bytes: [UInt8])] = [:]
    /// Senders that have ended. What they have sent completely is in the socket still.
    private var gone: Set<Int> = []

    init(fd: Int32, loop: EventLoop, deliver: @escaping @MainActor (Arrival) -> Void) {
        self.loop = loop
        self.deliver = deliver
        super.init(fd: fd)
    }

    nonisolated deinit {}

    override func ready(_ flags: UInt32) {
        for _ in 0..<Self.packetsPerTurn {
            let count = capus_receive(fd, loop.receiveBuffer, EventLoop.receiveCapacity)
            if count == -Int(CAPUS_WOULD_BLOCK) { return dropAbandoned() }
            guard count > 0 else {
                // Nobody is left who could send.
                if flags & UInt32(CAPUS_HANGUP) != 0 { loop.unwatch(self) }
                return
            }
            if let arrival = take(UnsafeRawBufferPointer(start: loop.receiveBuffer, count: count)) { deliver(arrival) }
        }
    }

    /// A sender has ended: what it did not complete never will be.
    func senderIsGone(_ member: Int) {
        gone.insert(member)
        ready(0)
    }

    /// The message that is complete with a packet.
    private func take(_ bytes: UnsafeRawBufferPointer) -> Arrival? {
        guard let packet = BusPacket(bytes) else { return nil }
        if let head = packet.head {
            if packet.isLast { return Arrival(head: head, bytes: Array(packet.payload)) }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(min(head.size, Self.mostReserved))
            bytes += packet.payload
            partial[packet.member] = (head, bytes)
            return nil
        }
        partial[packet.member]?.bytes += packet.payload
        guard packet.isLast, let (head, bytes) = partial.removeValue(forKey: packet.member) else { return nil }
        return bytes.count == head.size ? Arrival(head: head, bytes: bytes) : nil
    }

    /// The socket is empty: who has ended has nothing in it any more.
    private func dropAbandoned() {
        guard !gone.isEmpty else { return }
        for member in gone { partial[member] = nil }
        gone = []
    }
}
