import CApus

/// The UDP socket of a worker in one process: it receives many datagrams at a time, in place, and collects what is sent
/// meanwhile.
///
/// It knows no message types; `TypedUDPSocket` does. Peers keep it, also when it is closed.
class UDPSocket: Pollable, ServerSocket {
    /// How often one wake-up receives at most: timers and connections want their turn.
    private static let mostBatches = 4
    /// How often it receives when it closes for good: see `close`.
    private static let mostLastBatches = 64

    final let owner: any AcceptingOwner
    @exclusivity(unchecked) final unowned(unsafe) let loop: EventLoop
    final let status: UnsafeMutablePointer<capus_worker_status>
    /// Where it is bound.
    final let localAddress: capus_address
    // Unsafe only for `deinit`, which frees both when nobody else is left.
    nonisolated(unsafe) private let slots: UnsafeMutablePointer<UInt8>
    nonisolated(unsafe) private let pieces: UnsafeMutablePointer<capus_datagrams>
    private let outbox: DatagramOutbox
    @exclusivity(unchecked) private var isWatching = false
    /// Datagrams are being handled: what is sent is collected, and closing waits.
    @exclusivity(unchecked) private var isDelivering = false
    /// Closed, as far as others see.
    @exclusivity(unchecked) private var isClosed = false
    private var lastComplaint = Int64.min

    init(fd: Int32, owner: any AcceptingOwner, loop: EventLoop) {
        self.owner = owner
        self.loop = loop
        status = loop.status
        var address = capus_address()
        _ = capus_local_address(fd, &address)
        localAddress = address
        outbox = DatagramOutbox(fd: fd, canJoin: capus_udp_join(fd), status: loop.status)
        // Pages that no datagram has reached take no memory.
        slots = .allocate(capacity: Int(CAPUS_UDP_SLOT_BYTES) * Int(CAPUS_UDP_BATCH))
        pieces = .allocate(capacity: Int(CAPUS_UDP_BATCH))
        super.init(fd: fd)
    }

    nonisolated deinit {
        slots.deallocate()
        pieces.deallocate()
    }

    // MARK: ServerSocket

    func resume() {
        guard !isWatching, !isClosed else { return }
        isWatching = true
        loop.watch(self, for: UInt32(CAPUS_READ) | UInt32(CAPUS_EXCLUSIVE))
    }

    func pause() {
        guard isWatching else { return }
        isWatching = false
        loop.unwatch(self)
    }

    /// Datagrams that were received already are still delivered.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        let wasWatching = isWatching
        pause()
        guard !isDelivering else { return }  // The end of the batch goes on with it.
        // The kernel may have woken this process, and no other, for what waits.
        if wasWatching, owner.isStopping { receiveRest() }
        release()
    }

    private func receiveRest() {
        var left = Self.mostLastBatches
        while left > 0, receiveBatch() == Int(CAPUS_UDP_BATCH) { left -= 1 }
    }

    private func release() {
        capus_close(fd)
        fd = -1
    }

    // MARK: Receiving

    /// An error of the socket, such as the news that a peer is gone, is over once it was read.
    override func ready(_ flags: UInt32) {
        var left = Self.mostBatches
        while left > 0, receiveBatch() == Int(CAPUS_UDP_BATCH), isWatching { left -= 1 }
        guard isClosed, fd >= 0 else { return }
        if owner.isStopping { receiveRest() }
        release()
    }

    /// Receives once and delivers. Returns how many pieces came.
    private func receiveBatch() -> Int {
        let count = Int(capus_udp_receive(fd, slots, pieces))
        guard count > 0 else { return 0 }
        isDelivering = true
        for index in 0..<count { deliver(pieces + index) }
        isDelivering = false
        outbox.flush()
        return count
    }

    @inline(__always)
    private func deliver(_ piece: UnsafeMutablePointer<capus_datagrams>) {
        let count = Int(piece.pointee.count)
        let segment = piece.pointee.segment == 0 ? count : Int(piece.pointee.segment)
        status.pointee.bytes_read &+= UInt64(truncatingIfNeeded: count)
        status.pointee.peer = piece.pointee.peer
        status.pointee.connection_id = 0
        var offset = 0
        repeat {
            let length = min(segment, count - offset)
            status.pointee.requests &+= 1
            status.pointee.doing = UInt64(CAPUS_DOING_MESSAGE)
            receive(UnsafeRawBufferPointer(start: piece.pointee.bytes + offset, count: length), piece.pointee.peer)
            offset += length
        } while offset < count
    }

    /// Handles one datagram. Its bytes are valid during the call only.
    func receive(_ datagram: UnsafeRawBufferPointer, _ peer: capus_address) {}

    /// One line a second at most: what strangers send fills no log.
    final func complain(_ reason: String, _ peer: capus_address) {
        guard lastComplaint == .min || loop.now - lastComplaint > 1_000_000_000 else { return }
        lastComplaint = loop.now
        Log.write("Error package. \(reason) (\(owner.socketName) from \(peer.text)); it is dropped", .warning)
    }

    // MARK: Sending

    /// Sends one datagram; while others are handled, at the end of their batch.
    final func send(_ datagram: UnsafeRawBufferPointer, to peer: capus_address) -> SendResult {
        guard fd >= 0, datagram.count <= Int(CAPUS_UDP_MOST_BYTES) else {
            status.pointee.failed_sends &+= 1
            return .failed
        }
        if isDelivering {
            outbox.add(datagram, to: peer)
            return .queued
        }
        return outbox.send(datagram, to: peer) ? .sent : .failed
    }
}
