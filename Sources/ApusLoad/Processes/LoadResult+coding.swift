nonisolated extension LoadResult {
    /// The result as a child tells it its parent.
    package var encoded: [UInt8] {
        var message = MessageEncoder()
        message.append(end.rawValue)
        for number in [
            requests, bytesReceived, bytesSent, connectionsOpened, reconnects, redirects, unfinished, mostWaiting,
            handshakes, resumptions, deliveries, memory,
        ] { message.append(number) }
        message.append(Int(elapsed))
        message.append(Int(cpuTime))
        message.append(Int(openingTime))
        for statusClass in 1...5 { message.append(statuses[statusClass]) }
        errors.encode(into: &message)
        for histogram in [latencies, serviceLatencies, lags] { histogram.encode(into: &message) }
        message.append(processes)
        message.append(busiestShare)
        message.append(latestLag)
        return message.bytes
    }

    /// Nil when the bytes are no encoded result.
    package init?(decoding bytes: [UInt8]) {
        self.init()
        var message = MessageDecoder(bytes)
        guard let end = message.unsigned().flatMap(End.init), let requests = message.counted(),
            let bytesReceived = message.counted(), let bytesSent = message.counted(),
            let connectionsOpened = message.counted(), let reconnects = message.counted(),
            let redirects = message.counted(),
            let unfinished = message.counted(), let mostWaiting = message.counted(),
            let handshakes = message.counted(), let resumptions = message.counted(),
            let deliveries = message.counted(), let memory = message.counted(), let elapsed = message.counted(),
            let cpuTime = message.counted(), let openingTime = message.counted()
        else { return nil }
        self.end = end
        self.requests = requests
        self.bytesReceived = bytesReceived
        self.bytesSent = bytesSent
        self.connectionsOpened = connectionsOpened
        self.reconnects = reconnects
        self.redirects = redirects
        self.unfinished = unfinished
        self.mostWaiting = mostWaiting
        self.handshakes = handshakes
        self.resumptions = resumptions
        self.deliveries = deliveries
        self.memory = memory
        self.openingTime = Int64(openingTime)
        self.elapsed = Int64(elapsed)
        self.cpuTime = Int64(cpuTime)
        for statusClass in 1...5 {
            guard let count = message.counted() else { return nil }
            statuses.add(count, statusClass: statusClass)
        }
        guard let errors = ErrorTally(decoding: &message), let latencies = LatencyHistogram(decoding: &message),
            let serviceLatencies = LatencyHistogram(decoding: &message),
            let lags = LatencyHistogram(decoding: &message),
            let processes = message.integer(in: 1...LoadOptions.maxProcesses),
            let busiestShare = message.number(in: 0...1000), let latestLag = message.number(in: 0...1e12),
            message.isAtEnd, Plausible.isRate(max(requests, handshakes), in: Double(elapsed) / 1e9)
        else { return nil }
        self.errors = errors
        self.latencies = latencies
        self.serviceLatencies = serviceLatencies
        self.lags = lags
        self.processes = processes
        merged = Merged(busiestShare: busiestShare, latestLag: latestLag)
    }
}

nonisolated extension ErrorTally {
    func encode(into message: inout MessageEncoder) {
        for kind in LoadErrorKind.allCases {
            message.append(count(kind))
            message.append(Int(cause(kind).code))
            message.append(Array((cause(kind).detail ?? "").utf8))
        }
    }

    init?(decoding message: inout MessageDecoder) {
        self.init()
        for kind in LoadErrorKind.allCases {
            guard let count = message.counted(), let code = message.integer(), let detail = message.words() else {
                return nil
            }
            var cause = ErrorCause(code: Int32(truncatingIfNeeded: code))
            if !detail.isEmpty { cause.detail = detail }
            add(kind, cause, count: count)
        }
    }
}

nonisolated extension LoadProgress {
    var encoded: [UInt8] {
        var message = MessageEncoder()
        message.append(requests)
        message.append(Int(elapsed))
        message.append(isWarmingUp)
        message.append(connections)
        message.append(waiting)
        errorTally.encode(into: &message)
        message.append(intervalIndex)
        message.append(interval != nil)
        interval?.encode(into: &message)
        return message.bytes
    }

    init?(decoding bytes: [UInt8]) {
        self.init()
        var message = MessageDecoder(bytes)
        guard let requests = message.counted(), let elapsed = message.counted(), let isWarmingUp = message.flag(),
            let connections = message.integer(in: 0...LoadOptions.maxConnections),
            let waiting = message.integer(in: 0...LoadOptions.maxRequests),
            let errorTally = ErrorTally(decoding: &message),
            let intervalIndex = message.integer(in: 0...Self.maxIntervalIndex), let hasInterval = message.flag()
        else { return nil }
        self.requests = requests
        self.elapsed = Int64(elapsed)
        self.isWarmingUp = isWarmingUp
        self.connections = connections
        self.waiting = waiting
        self.errorTally = errorTally
        self.intervalIndex = intervalIndex
        if hasInterval {
            guard let interval = LoadInterval(decoding: &message) else { return nil }
            self.interval = interval
        }
        guard message.isAtEnd else { return nil }
    }

    /// A second each: more than a century.
    private static let maxIntervalIndex = 1 << 32
}

nonisolated extension LoadInterval {
    func encode(into message: inout MessageEncoder) {
        message.append(start)
        message.append(duration)
        for number in [requests, errors, bytesReceived, UInt64(latencies.count)] { message.append(number) }
        for entry in latencies {
            message.append(entry.value)
            message.append(entry.count)
        }
    }

    init?(decoding message: inout MessageDecoder) {
        let century = 1e2 * 366 * 86400
        guard let start = message.number(in: 0...century), let duration = message.number(in: 0...century),
            let requests = message.counted(), let errors = message.counted(), let bytesReceived = message.counted(),
            var left = message.unsigned(), Plausible.isRate(max(requests, errors), in: duration)
        else { return nil }
        self.init(start: start, duration: duration)
        self.requests = requests
        self.errors = errors
        self.bytesReceived = bytesReceived
        var total: UInt64 = 0
        while left > 0 {
            // In order, and those of a histogram: so there are never more of them than it has.
            guard let value = message.unsigned(), value > latencies.last?.value ?? 0 || latencies.isEmpty,
                LatencyHistogram.isEntry(value), let count = message.counted(),
                total + count <= MessageDecoder.mostCounted
            else { return nil }
            total += count
            latencies.append(LatencyHistogram.Entry(value: value, count: count))
            left -= 1
        }
    }
}

/// What processes can do.
private nonisolated enum Plausible {
    private static let mostPerSecond = 1e10

    /// Whether a process can have done so much in so many seconds. Who claims more is broken, and its rate would fit
    /// into no number.
    static func isRate(_ count: UInt64, in seconds: Double) -> Bool {
        Double(count) <= mostPerSecond * (seconds + 1e-3)
    }
}
