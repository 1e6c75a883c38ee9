import CApus

/// Where the datagrams that are sent while others are received wait, to leave together with one system call. What is
/// sent to one peer in datagrams of one size leaves as one piece, which the kernel cuts.
final class DatagramOutbox {
    private static let capacity = 256 * 1024
    private static let mostPieces = Int(CAPUS_UDP_BATCH)
    /// Datagrams of this length pass every path of IPv6, and all but odd ones of IPv4.
    private static let shortSegment = 1232

    private let fd: Int32
    private let status: UnsafeMutablePointer<capus_worker_status>
    // Unsafe only for `deinit`, which frees both when nobody else is left.
    nonisolated(unsafe) private let bytes: UnsafeMutablePointer<UInt8>
    nonisolated(unsafe) private let pieces: UnsafeMutablePointer<capus_datagrams>
    @exclusivity(unchecked) private var byteCount = 0
    @exclusivity(unchecked) private var pieceCount = 0
    /// Datagrams up to this long are joined: as long as the kernel has not refused.
    @exclusivity(unchecked) private var longestSegment: Int

    init(fd: Int32, canJoin: Bool, status: UnsafeMutablePointer<capus_worker_status>) {
        self.fd = fd
        self.status = status
        bytes = .allocate(capacity: Self.capacity)
        pieces = .allocate(capacity: Self.mostPieces)
        longestSegment = canJoin ? Int(CAPUS_UDP_LONGEST_SEGMENT) : 0
    }

    nonisolated deinit {
        bytes.deallocate()
        pieces.deallocate()
    }

    /// Keeps a copy for `flush`. When there is no room, what is kept already leaves first.
    func add(_ datagram: UnsafeRawBufferPointer, to peer: capus_address) {
        let count = datagram.count
        if byteCount + count > Self.capacity { flush() }
        if joinsLast(count, peer) {
            copy(datagram)
            pieces[pieceCount - 1].segment = UInt32(truncatingIfNeeded: count)
            pieces[pieceCount - 1].count += UInt32(truncatingIfNeeded: count)
            return
        }
        if pieceCount == Self.mostPieces { flush() }
        pieces[pieceCount] = capus_datagrams(
            bytes: bytes + byteCount, count: UInt32(truncatingIfNeeded: count), segment: 0, peer: peer)
        pieceCount += 1
        copy(datagram)
    }

    private func copy(_ datagram: UnsafeRawBufferPointer) {
        guard let base = datagram.baseAddress else { return }
        UnsafeMutableRawPointer(bytes + byteCount).copyMemory(from: base, byteCount: datagram.count)
        byteCount += datagram.count
    }

    private func joinsLast(_ count: Int, _ peer: capus_address) -> Bool {
        guard pieceCount > 0, count > 0, count <= longestSegment else { return false }
        let last = pieces + (pieceCount - 1)
        let total = Int(last.pointee.count)
        let segment = last.pointee.segment == 0 ? total : Int(last.pointee.segment)
        return segment == count && total < count * Self.mostPieces
            && total + count <= Int(CAPUS_UDP_MOST_BYTES) && last.pointee.peer.isSame(as: peer)
    }

    /// Sends what is kept, in order. What the kernel does not take is lost: that is counted.
    func flush() {
        var next = 0
        while next < pieceCount {
            let outcome = capus_udp_send(fd, pieces + next, Int32(pieceCount - next))
            if outcome < 0 {
                refused(pieces[next], -outcome)
                next += 1
                continue
            }
            for index in next..<(next + Int(outcome)) {
                status.pointee.bytes_written &+= UInt64(pieces[index].count)
            }
            next += Int(outcome)
        }
        pieceCount = 0
        byteCount = 0
    }

    /// Sends one datagram at once. False when the kernel did not take it.
    func send(_ datagram: UnsafeRawBufferPointer, to peer: capus_address) -> Bool {
        // The kernel only reads.
        let base = datagram.baseAddress.map { UnsafeMutableRawPointer(mutating: $0) } ?? UnsafeMutableRawPointer(bytes)
        var piece = capus_datagrams(
            bytes: base.assumingMemoryBound(to: UInt8.self), count: UInt32(truncatingIfNeeded: datagram.count),
            segment: 0, peer: peer)
        let outcome = capus_udp_send(fd, &piece, 1)
        if outcome == 1 {
            status.pointee.bytes_written &+= UInt64(piece.count)
        } else {
            status.pointee.failed_sends &+= 1
        }
        return outcome == 1
    }

    /// What was joined goes out one by one when it is joining that was refused. That may be for one path, of shorter
    /// packets than others: from then on only what is short is joined, and nothing when that is refused, too.
    private func refused(_ piece: capus_datagrams, _ failure: Int32) {
        guard piece.segment > 0 else {
            status.pointee.failed_sends &+= 1
            return
        }
        guard capus_udp_refuses_runs(failure) else {
            status.pointee.failed_sends &+= UInt64(piece.count / piece.segment)
            return
        }
        let segment = Int(piece.segment)
        var passesAlone = false
        for offset in stride(from: 0, to: Int(piece.count), by: segment)
        where send(UnsafeRawBufferPointer(start: piece.bytes + offset, count: segment), to: piece.peer) {
            passesAlone = true
        }
        // Otherwise it was the peer that was refused.
        if passesAlone { longestSegment = segment > Self.shortSegment ? Self.shortSegment : 0 }
    }
}
