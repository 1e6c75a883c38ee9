import CApus

/// The time that the current thread has spent on a processor.
nonisolated enum ThreadTime {
    /// Nanoseconds; 0 when the system does not tell.
    static func now() -> Int64 {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { text in
            let count = capus_read_file("/proc/thread-self/schedstat", text.baseAddress!, text.count)
            var time: Int64 = 0
            for i in 0..<max(0, count) {
                let digit = Int64(text[i]) - 0x30
                guard (0...9).contains(digit) else { break }
                time = time * 10 + digit
            }
            return time
        }
    }
}
