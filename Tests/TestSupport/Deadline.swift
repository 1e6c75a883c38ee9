import Glibc

/// A moment on the monotonic clock by which something must have happened.
public struct Deadline: Sendable {
    private let nanoseconds: Int64

    /// The moment in `seconds` from now.
    public init(_ seconds: Double) { nanoseconds = Self.now + Int64(seconds * 1e9) }

    /// Monotonic nanoseconds.
    public static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Whether it is over.
    public var isPast: Bool { Self.now >= nanoseconds }

    /// What is left, in milliseconds as `poll` takes them; 0 when it is past.
    public var milliseconds: Int32 { Int32(clamping: max(0, (nanoseconds - Self.now + 999_999) / 1_000_000)) }
}

/// Looks every few milliseconds whether `condition` has become true; false when it has not within `seconds`.
public func eventually(within seconds: Double = Client.patience, _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = Deadline(seconds)
    while !deadline.isPast {
        if try condition() { return true }
        poll(nil, 0, 3)
    }
    return try condition()
}

/// Looks until `find` returns something; throws what `missing` says when it does not within `seconds`.
public func waitFor<Result>(
    _ missing: @autoclosure () -> String, within seconds: Double = Client.patience, _ find: () throws -> Result?
) throws -> Result {
    let deadline = Deadline(seconds)
    repeat {
        if let result = try find() { return result }
        poll(nil, 0, 3)
    } while !deadline.isPast
    throw Failure("not within \(seconds) s: \(missing())")
}

/// Whether the descriptor becomes ready for `events` in time.
func wait(_ fd: Int32, _ events: Int32, until deadline: Deadline) -> Bool {
    var query = pollfd(fd: fd, events: Int16(events), revents: 0)
    while true {
        let count = poll(&query, 1, deadline.milliseconds)
        if count > 0 { return true }
        if count == 0 { return false }
        if errno != EINTR { return false }
    }
}
