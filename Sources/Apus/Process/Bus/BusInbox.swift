import CApus

/// What a process receives of the others: packets through one socket, which all of them write to, and messages put
/// together from them.
final class BusInbox: Pollable {
    /// So many packets are taken before others have their turn.
    private static let packetsPerTurn = 64

    private unowned let loop: EventLoop
    private let deliver: @MainActor (BusAssembly.Arrival) -> Void
    private var assembly = BusAssembly()
    /// Senders that have ended. What they have sent completely is in the socket still.
    private var gone: Set<Int> = []

    init(fd: Int32, loop: EventLoop, deliver: @escaping @MainActor (BusAssembly.Arrival) -> Void) {
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
            let packet = UnsafeRawBufferPointer(start: loop.receiveBuffer, count: count)
            if let arrival = assembly.take(packet) { deliver(arrival) }
        }
    }

    /// A sender has ended: what it did not complete never will be.
    func senderIsGone(_ member: Int) {
        gone.insert(member)
        ready(0)
    }

    /// The socket is empty: who has ended has nothing in it any more.
    private func dropAbandoned() {
        guard !gone.isEmpty else { return }
        for member in gone { assembly.forget(member) }
        gone = []
    }
}
