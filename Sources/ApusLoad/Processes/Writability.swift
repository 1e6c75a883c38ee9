import CApus

/// Whether a descriptor takes bytes.
nonisolated enum Writability {
    /// Waits until it does, so many nanoseconds at most; negative: for ever. False when it does not by then, or when
    /// that cannot be told.
    static func wait(_ fd: Int32, patience: Int64) -> Bool {
        guard let poller = capus_loop_create(CAPUS_BACKEND_EPOLL) else { return false }
        defer { capus_loop_destroy(poller) }
        guard capus_loop_watch(poller, fd, 0, UInt32(CAPUS_WRITE)) == 0 else { return false }
        var events: UnsafePointer<capus_event>?
        var now = capus_monotonic_ns()
        let deadline = patience < 0 ? -1 : now + patience
        while true {
            let count = capus_loop_poll(poller, deadline, now, &events)
            now = capus_monotonic_ns()
            // Woken before its time by nothing.
            if count != 0 || (deadline >= 0 && now >= deadline) { return count > 0 }
        }
    }
}
