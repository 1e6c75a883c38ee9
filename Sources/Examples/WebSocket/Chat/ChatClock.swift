import Glibc

/// The two clocks of the chat.
nonisolated enum ChatClock {
    /// Nanoseconds, the same for all processes of a host, and never set back.
    static var monotonic: Int64 { nanoseconds(CLOCK_MONOTONIC) }
    /// Milliseconds since 1970, which lines are ordered by.
    static var wall: Int64 { nanoseconds(CLOCK_REALTIME) / 1_000_000 }

    private static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
