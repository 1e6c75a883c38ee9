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
    /// Redirects that were followed.
    package var redirects: UInt64 = 0
    /// Requests that were neither answered nor failed when the run ended.
    package var unfinished: UInt64 = 0
    /// TLS handshakes that were completed, and those of them that resumed a session.
    package var handshakes: UInt64 = 0
    package var resumptions: UInt64 = 0
    package var statuses = StatusTally()
    package var errors = ErrorTally()
    /// From when the request was due in a load with a rate, else from when it was sent.
    package var latencies = LatencyHistogram()
    /// From when the request was sent; only of a load with a rate.
    package var serviceLatencies = LatencyHistogram()
    /// How late the load generator itself was with requests that were due.
    package var lags = LatencyHistogram()
    /// The most requests that were due and had no connection yet.
    package var mostWaiting: UInt64 = 0
    /// Broadcasts that came to a connection.
    package var deliveries: UInt64 = 0
    /// Nanoseconds from the first connect to the last one, where all connections have to be there first.
    package var openingTime: Int64 = 0
    /// The most bytes that were resident at a time.
    package var memory: UInt64 = 0
    /// Nanoseconds from the first connect to the end.
    package var elapsed: Int64 = 0
    /// Nanoseconds on a processor; 0 when the system does not tell.
    package var cpuTime: Int64 = 0
    /// How many processes did it.
    package var processes = 1

    /// What is lost when the figures of several processes are put together.
    struct Merged {
        let busiestShare: Double
        let latestLag: Double
    }
    var merged: Merged?

    /// How much of its time the process was on a processor, of several that which was the most; from 0 to 1.
    package var busiestShare: Double { merged?.busiestShare ?? (elapsed > 0 ? Double(cpuTime) / Double(elapsed) : 0) }

    /// Microseconds that the load generator was late with one request of a hundred, of several processes where that was
    /// the most.
    package var latestLag: Double { merged?.latestLag ?? lags.microseconds(atPercentile: 99) }

    /// Why there was no connection.
    var connectCause: ErrorCause {
        let kinds: [LoadErrorKind] = [.connect, .tls]
        return kinds.first { errors.count($0) > 0 }.map(errors.cause) ?? .noAnswer
    }

    package init() {}

    /// What all of them did at the same time.
    static func sum(_ results: [LoadResult]) -> LoadResult {
        var sum = results.first ?? LoadResult()
        for result in results.dropFirst() { sum.add(result) }
        return sum
    }

    /// Adds what another process did at the same time.
    package mutating func add(_ other: LoadResult) {
        merged = Merged(
            busiestShare: max(busiestShare, other.busiestShare), latestLag: max(latestLag, other.latestLag))
        processes += other.processes
        end = End(rawValue: max(end.rawValue, other.end.rawValue)) ?? end
        requests += other.requests
        bytesReceived += other.bytesReceived
        bytesSent += other.bytesSent
        connectionsOpened += other.connectionsOpened
        reconnects += other.reconnects
        redirects += other.redirects
        unfinished += other.unfinished
        handshakes += other.handshakes
        resumptions += other.resumptions
        for statusClass in 1...5 { statuses.add(other.statuses[statusClass], statusClass: statusClass) }
        errors.add(other.errors)
        latencies.add(other.latencies)
        serviceLatencies.add(other.serviceLatencies)
        lags.add(other.lags)
        mostWaiting += other.mostWaiting
        deliveries += other.deliveries
        openingTime = max(openingTime, other.openingTime)
        memory += other.memory
        elapsed = max(elapsed, other.elapsed)
        cpuTime += other.cpuTime
    }
}
