/// What one process did.
package nonisolated struct LoadResult: Sendable {
    /// Why a run ended.
    package enum End: UInt64, Sendable {
        /// The time was over, or all requests were done.
        case finished
        /// Somebody asked for it.
        case interrupted
        /// No connection could be made at all.
        case neverConnected
        /// Requests are left, and no response was completed for as long as the timeout.
        case gaveUp
        /// The poller failed.
        case pollerFailed
    }

    package var end = End.finished
    /// Responses that were completed.
    package var requests: UInt64 = 0
    package var bytesReceived: UInt64 = 0
    package var bytesSent: UInt64 = 0
    /// Connections that were established.
    package var connectionsOpened: UInt64 = 0
    /// Connections that were opened again because the server had closed them, without an error.
    package var reconnects: UInt64 = 0
    /// Requests that were neither answered nor failed when the run ended.
    package var unfinished: UInt64 = 0
    package var statuses = StatusTally()
    package var errors = ErrorTally()
    package var latencies = LatencyHistogram()
    /// Nanoseconds from the first connect to the end.
    package var elapsed: Int64 = 0
    /// Nanoseconds on a processor; 0 when the system does not tell.
    package var cpuTime: Int64 = 0

    package init() {}

    /// Adds what another process did at the same time.
    package mutating func add(_ other: LoadResult) {
        end = End(rawValue: max(end.rawValue, other.end.rawValue)) ?? end
        requests += other.requests
        bytesReceived += other.bytesReceived
        bytesSent += other.bytesSent
        connectionsOpened += other.connectionsOpened
        reconnects += other.reconnects
        unfinished += other.unfinished
        for statusClass in 1...5 { statuses.add(other.statuses[statusClass], statusClass: statusClass) }
        errors.add(other.errors)
        latencies.add(other.latencies)
        elapsed = max(elapsed, other.elapsed)
        cpuTime += other.cpuTime
    }
}
