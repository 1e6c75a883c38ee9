import CApus

/// The memory of this process.
nonisolated enum ProcessMemory {
    private static let title = Array("VmHWM:".utf8)

    /// The most bytes that were resident at a time; 0 when the system does not tell.
    static func peak() -> UInt64 {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4096) { text in
            let count = max(0, capus_read_file("/proc/self/status", text.baseAddress!, text.count))
            guard let line = text.prefix(count).split(separator: 0x0A).first(where: { $0.starts(with: title) }) else {
                return 0
            }
            var kibibytes: UInt64 = 0
            for byte in line where (0x30...0x39).contains(byte) { kibibytes = kibibytes * 10 + UInt64(byte - 0x30) }
            return kibibytes * 1024
        }
    }
}
