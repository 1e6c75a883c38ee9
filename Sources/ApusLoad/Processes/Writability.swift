import CApus

/// Whether a descriptor takes bytes.
nonisolated enum Writability {
    /// Waits until it does, so many nanoseconds at most; negative: for ever. False when it does not by then, or when
    /// that cannot be told.
    static func wait(_ fd: Int32, patience: Int64) -> Bool { (poll(fd, patience) ?? -1) > 0 }

    /// Whether it does now. What cannot be asked, as a file, always does.
    static func isThere(_ fd: Int32) -> Bool { poll(fd, 0) != 0 }

    /// How many events there were, or a negated errno; nil when the system watches no such descriptor.
    private static func poll(_ fd: Int32, _ patience: Int64) -> Int32? {
        guard let poller = capus_loop_create(CAPUS_BACKEND_EPOLL) else { return nil }
        defer { capus_loop_destroy(poller) }
        guard capus_loop_watch(poller, fd, 0, UInt32(CAPUS_WRITE)) == 0 else { return nil }
        var events: UnsafePointer<capus_event>?
        var now = capus_monotonic_ns()
        let deadline = patience < 0 ? -1 : now + patience
        while true {
            let count = capus_loop_poll(poller, deadline, now, &events)
            now = capus_monotonic_ns()
            // Woken before its time by nothing.
            if count != 0 || (deadline >= 0 && now >= deadline) { return count }
        }
    }
}
