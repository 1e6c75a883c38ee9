import CApus

/// A counter's or a table's part of the memory that the processes of a service share. Until they do, which is when
/// `runAll` begins, and where there is one process, it is this one's own.
///
/// Sendable, although `base` changes: that happens before the program's first callback.
nonisolated final class SharedRegion: @unchecked Sendable {
    /// The same as in another process whose region is laid out alike, and no other.
    let layout: String
    /// Bytes, a multiple of a cache line.
    let size: Int
    private let prepare: @Sendable (UnsafeMutableRawPointer) -> Void
    private var memory: UnsafeMutableRawPointer?

    static let alignment = 64

    /// `prepare` fills new memory, which holds zeros.
    init(layout: String, size: Int, prepare: @escaping @Sendable (UnsafeMutableRawPointer) -> Void) {
        self.layout = layout
        self.size = (size + Self.alignment - 1) / Self.alignment * Self.alignment
        self.prepare = prepare
    }

    deinit {}

    var base: UnsafeMutableRawPointer {
        if let memory { return memory }
        // Not from the heap: a large table takes memory as it fills.
        let fd = capus_memory_create(size)
        guard fd >= 0, let own = capus_map_file(fd, size, true) else {
            let reason = fd < 0 ? -fd : capus_last_error()
            let text = "no memory for \(layout): \(SystemError("make memory to share", reason))\n"
            _ = Array(text.utf8).withUnsafeBytes { capus_write(2, $0.baseAddress!, $0.count) }
            capus_exit(71)
        }
        capus_close(fd)
        prepare(own)
        memory = own
        return own
    }

    /// Moves into memory that is shared. What the program has put into it before is where new memory begins.
    func move(to shared: UnsafeMutableRawPointer, isNew: Bool) {
        let own = memory
        memory = shared
        if isNew {
            if let own { shared.copyMemory(from: own, byteCount: size) } else { prepare(shared) }
        }
        if let own { capus_unmap_file(own, size) }
    }
}
