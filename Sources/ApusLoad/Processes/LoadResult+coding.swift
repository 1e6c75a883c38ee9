nonisolated extension LoadResult {
    /// The result as a child tells it its parent.
    package var encoded: [UInt8] {
        var message = MessageEncoder()
        message.append(end.rawValue)
        for number in [
            requests, bytesReceived, bytesSent, connectionsOpened, reconnects, unfinished, mostWaiting, handshakes,
            resumptions,
        ] { message.append(number) }
        message.append(Int(elapsed))
        message.append(Int(cpuTime))
        for statusClass in 1...5 { message.append(statuses[statusClass]) }
        for kind in LoadErrorKind.allCases {
            message.append(errors.count(kind))
            message.append(Int(errors.cause(kind).code))
            message.append(Array((errors.cause(kind).detail ?? "").utf8))
        }
        for histogram in [latencies, serviceLatencies, lags] { histogram.encode(into: &message) }
        return message.bytes
    }

    /// Nil when the bytes are no encoded result.
    package init?(decoding bytes: [UInt8]) {
        self.init()
        var message = MessageDecoder(bytes)
        guard let end = message.unsigned().flatMap(End.init), let requests = message.unsigned(),
            let bytesReceived = message.unsigned(), let bytesSent = message.unsigned(),
            let connectionsOpened = message.unsigned(), let reconnects = message.unsigned(),
            let unfinished = message.unsigned(), let mostWaiting = message.unsigned(),
            let handshakes = message.unsigned(), let resumptions = message.unsigned(), let elapsed = message.integer(),
            let cpuTime = message.integer()
        else { return nil }
        self.end = end
        self.requests = requests
        self.bytesReceived = bytesReceived
        self.bytesSent = bytesSent
        self.connectionsOpened = connectionsOpened
        self.reconnects = reconnects
        self.unfinished = unfinished
        self.mostWaiting = mostWaiting
        self.handshakes = handshakes
        self.resumptions = resumptions
        self.elapsed = Int64(elapsed)
        self.cpuTime = Int64(cpuTime)
        for statusClass in 1...5 {
            guard let count = message.unsigned() else { return nil }
            statuses.add(count, statusClass: statusClass)
        }
        for kind in LoadErrorKind.allCases {
            guard let count = message.unsigned(), let code = message.integer(), let detail = message.string() else {
                return nil
            }
            var cause = ErrorCause(code: Int32(truncatingIfNeeded: code))
            if !detail.isEmpty { cause.detail = detail }
            errors.add(kind, cause, count: count)
        }
        guard let latencies = LatencyHistogram(decoding: &message),
            let serviceLatencies = LatencyHistogram(decoding: &message), let lags = LatencyHistogram(decoding: &message)
        else { return nil }
        self.latencies = latencies
        self.serviceLatencies = serviceLatencies
        self.lags = lags
    }
}

nonisolated extension LoadProgress {
    var encoded: [UInt8] {
        var message = MessageEncoder()
        message.append(requests)
        message.append(errors)
        message.append(intervalIndex)
        message.append(interval != nil)
        interval?.encode(into: &message)
        return message.bytes
    }

    init?(decoding bytes: [UInt8]) {
        self.init()
        var message = MessageDecoder(bytes)
        guard let requests = message.unsigned(), let errors = message.unsigned(),
            let intervalIndex = message.integer(), let hasInterval = message.flag()
        else { return nil }
        self.requests = requests
        self.errors = errors
        self.intervalIndex = intervalIndex
        if hasInterval {
            guard let interval = LoadInterval(decoding: &message) else { return nil }
            self.interval = interval
        }
    }
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
        guard let start = message.number(), let duration = message.number(), let requests = message.unsigned(),
            let errors = message.unsigned(), let bytesReceived = message.unsigned(), var left = message.unsigned()
        else { return nil }
        self.init(start: start, duration: duration)
        self.requests = requests
        self.errors = errors
        self.bytesReceived = bytesReceived
        while left > 0 {
            guard let value = message.unsigned(), let count = message.unsigned() else { return nil }
            latencies.append(LatencyHistogram.Entry(value: value, count: count))
            left -= 1
        }
    }
}
