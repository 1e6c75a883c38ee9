import CApus

/// The bytes of a file, as long as somebody holds this.
nonisolated final class FileMapping: Sendable {
    // Unsafe for being a pointer; nobody writes there.
    nonisolated(unsafe) let base: UnsafePointer<UInt8>?
    private let count: Int

    init(_ fd: Int32, _ count: Int) throws(SystemError) {
        self.count = count
        // Nothing cannot be mapped.
        base =
            count == 0
            ? nil : capus_map_file(fd, count, false).map { UnsafePointer($0.assumingMemoryBound(to: UInt8.self)) }
        if count > 0, base == nil { throw SystemError("map a file", Int32(CAPUS_NO_MEMORY)) }
    }

    deinit { if let base { capus_unmap_file(base, count) } }
}
