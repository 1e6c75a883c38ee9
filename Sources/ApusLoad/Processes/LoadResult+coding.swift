nonisolated extension LoadResult {
    /// The result as a child tells it its parent.
    package var encoded: [UInt8] {
        var message = MessageEncoder()
        message.append(end.rawValue)
        for number in [requests, bytesReceived, bytesSent, connectionsOpened, reconnects, unfinished] {
            message.append(number)
        }
        message.append(Int(elapsed))
        message.append(Int(cpuTime))
        for statusClass in 1...5 { message.append(statuses[statusClass]) }
        for kind in LoadErrorKind.allCases {
            message.append(errors.count(kind))
            message.append(Int(errors.cause(kind).code))
        }
        latencies.encode(into: &message)
        return message.bytes
    }

    /// Nil when the bytes are no encoded result.
    package init?(decoding bytes: [UInt8]) {
        self.init()
        var message = MessageDecoder(bytes)
        guard let end = message.unsigned().flatMap(End.init), let requests = message.unsigned(),
            let bytesReceived = message.unsigned(), let bytesSent = message.unsigned(),
            let connectionsOpened = message.unsigned(), let reconnects = message.unsigned(),
            let unfinished = message.unsigned(), let elapsed = message.integer(), let cpuTime = message.integer()
        else { return nil }
        self.end = end
        self.requests = requests
        self.bytesReceived = bytesReceived
        self.bytesSent = bytesSent
        self.connectionsOpened = connectionsOpened
        self.reconnects = reconnects
        self.unfinished = unfinished
        self.elapsed = Int64(elapsed)
        self.cpuTime = Int64(cpuTime)
        for statusClass in 1...5 {
            guard let count = message.unsigned() else { return nil }
            statuses.add(count, statusClass: statusClass)
        }
        for kind in LoadErrorKind.allCases {
            guard let count = message.unsigned(), let code = message.integer() else { return nil }
            errors.add(kind, ErrorCause(code: Int32(truncatingIfNeeded: code)), count: count)
        }
        guard let latencies = LatencyHistogram(decoding: &message) else { return nil }
        self.latencies = latencies
    }
}

nonisolated extension LoadProgress {
    var encoded: [UInt8] {
        var message = MessageEncoder()
        message.append(requests)
        message.append(errors)
        return message.bytes
    }

    init?(decoding bytes: [UInt8]) {
        self.init()
        var message = MessageDecoder(bytes)
        guard let requests = message.unsigned(), let errors = message.unsigned() else { return nil }
        self.requests = requests
        self.errors = errors
    }
}
