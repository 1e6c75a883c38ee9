import CApus

/// The bytes of a message that has not arrived completely. Takes no memory while there is none.
nonisolated struct PartialMessage {
    private struct Header {
        /// Where the bytes begin: those before are done with.
        var start = 0
        var count: Int
        var capacity: Int
        /// So many of the bytes were searched for the end of the message.
        var searched = 0
    }
    private var header: UnsafeMutablePointer<Header>?

    /// Whether bytes are held, or room for them is.
    var isAllocated: Bool { header != nil }
    /// How many bytes are held.
    var count: Int { header?.pointee.count ?? 0 }

    /// How many of the bytes were searched in vain for the end of the message.
    var searched: Int {
        get { header?.pointee.searched ?? 0 }
        set { header?.pointee.searched = newValue }
    }

    /// The bytes; only while allocated. A zero and `CAPUS_SCAN_PADDING` readable bytes follow the last one.
    var bytes: UnsafeMutablePointer<UInt8> { Self.block(header!) + header!.pointee.start }

    private static func block(_ header: UnsafeMutablePointer<Header>) -> UnsafeMutablePointer<UInt8> {
        UnsafeMutableRawPointer(header + 1).assumingMemoryBound(to: UInt8.self)
    }

    /// Makes room for `extra` more bytes and returns where they go and how many fit.
    mutating func reserve(_ extra: Int) -> (UnsafeMutablePointer<UInt8>, Int) {
        let count = count
        if let header, header.pointee.start >= count {
            // Fewer bytes are moved than were done with since the last time: what is held costs its size once.
            Self.block(header).update(from: bytes, count: count)
            header.pointee.start = 0
        }
        if header == nil || header!.pointee.capacity - header!.pointee.start - count < extra {
            let capacity = max(count + extra, count * 2)
            let size = MemoryLayout<Header>.stride + capacity + Int(CAPUS_SCAN_PADDING)
            let block = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
            let grown = block.bindMemory(to: Header.self, capacity: 1)
            grown.initialize(to: Header(count: count, capacity: capacity))
            if let header {
                grown.pointee.searched = header.pointee.searched
                UnsafeMutableRawPointer(grown + 1).copyMemory(from: bytes, byteCount: count)
                UnsafeMutableRawPointer(header).deallocate()
            }
            header = grown
        }
        return (bytes + count, header!.pointee.capacity - header!.pointee.start - count)
    }

    /// Counts bytes that were written where `reserve` said.
    mutating func commit(_ count: Int) { header!.pointee.count += count }

    mutating func append(_ source: UnsafePointer<UInt8>, _ count: Int) {
        let (target, _) = reserve(count)
        target.update(from: source, count: count)
        commit(count)
    }

    /// Drops bytes from the front; gives the memory back with the last one.
    mutating func consume(_ consumed: Int) {
        guard let header else { return }
        let rest = header.pointee.count - consumed
        guard rest > 0 else { return free() }
        if consumed > 0 {
            header.pointee.start += consumed
            header.pointee.count = rest
            header.pointee.searched = 0
        }
    }

    /// Gives the memory back.
    mutating func free() {
        guard let header else { return }
        UnsafeMutableRawPointer(header).deallocate()
        self.header = nil
    }
}
