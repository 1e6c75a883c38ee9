import CApus

nonisolated extension LoadPlan {
    var encoded: [UInt8] {
        var message = MessageEncoder()
        switch endpoint {
        case .ip(let address):
            message.append(true)
            message.append(address.encoded)
        case .unix(let path):
            message.append(false)
            message.append(Array(path.utf8))
        case .name: preconditionFailure("names are resolved before the run")
        }
        message.append(request)
        message.append(connections)
        message.append(requests)
        message.append(Int(duration))
        message.append(Int(timeout))
        message.append(pipelineDepth)
        message.append(keepsAlive)
        message.append(responsesHaveBody)
        message.append(Int(warmUp))
        message.append(rate ?? 0)
        message.append(Array(arrivals.rawValue.utf8))
        message.append(arrivalOffset)
        message.append(Array(spoken.rawValue.utf8))
        message.append(Array(url.utf8))
        HeaderField.encode(headers, into: &message)
        message.append(Array(host.utf8))
        message.append(tls != nil)
        message.append(tls?.verifiesServer ?? false)
        message.append(tls?.resumes ?? false)
        message.append(tls?.authorities ?? [])
        message.append(Array((tls?.serverName ?? "").utf8))
        message.append(Int(ramp))
        message.append(Int(hold))
        message.append(sourceOffset)
        message.append(exchange.rawValue)
        message.append(subscribes)
        message.append(sources.count)
        for source in sources { message.append(source.encoded) }
        message.append(visit != nil)
        visit?.encode(into: &message)
        return message.bytes
    }

    /// Nil when the bytes are no encoded plan, or one that no options lead to.
    init?(decoding bytes: [UInt8]) {
        var message = MessageDecoder(bytes)
        let hour = Int(LoadOptions.maxTimeout.inNanoseconds)
        guard let isIP = message.flag(), let address = message.text(), let request = message.text(), !request.isEmpty,
            let connections = message.integer(in: 1...LoadOptions.maxConnections), let requests = message.integer(),
            (0...LoadOptions.maxRequests).contains(requests) || requests == .max, let duration = message.integer(),
            (1...1 << 62).contains(duration) || duration == Int.max, let timeout = message.integer(in: 1...hour),
            let pipelineDepth = message.integer(in: 1...LoadOptions.maxPipelineDepth),
            let keepsAlive = message.flag(), let responsesHaveBody = message.flag(),
            let warmUp = message.integer(in: 0...hour), let rate = message.number(in: 0...LoadOptions.maxRate),
            let arrivals = message.string().flatMap(LoadArrivals.init),
            let arrivalOffset = message.number(in: 0...1), let spoken = message.string().flatMap(LoadProtocol.init),
            let url = message.string(), let headers = HeaderField.decode(from: &message), let host = message.string(),
            let isSecure = message.flag(),
            let verifiesServer = message.flag(), let resumes = message.flag(), let authorities = message.text(),
            let serverName = message.string(), let ramp = message.integer(in: 0...hour),
            let hold = message.integer(in: 0...(1 << 62)), let sourceOffset = message.integer(in: 0...(1 << 32)),
            let exchange = message.string().flatMap(LoadExchange.init), let subscribes = message.flag(),
            let sources = Self.sources(from: &message), let hasVisit = message.flag()
        else { return nil }
        var endpoint = LoadEndpoint.unix(path: String(decoding: address, as: UTF8.self))
        if isIP {
            guard let address = capus_address(decoding: address) else { return nil }
            endpoint = .ip(address)
        }
        self.init(endpoint: endpoint, request: request, timeout: Int64(timeout))
        self.connections = connections
        self.requests = requests
        self.duration = Int64(duration)
        self.pipelineDepth = pipelineDepth
        self.keepsAlive = keepsAlive
        self.responsesHaveBody = responsesHaveBody
        self.warmUp = Int64(warmUp)
        self.rate = rate > 0 ? rate : nil
        self.arrivals = arrivals
        self.arrivalOffset = arrivalOffset
        self.spoken = spoken
        self.url = url
        self.headers = headers
        self.host = host
        self.ramp = Int64(ramp)
        self.hold = Int64(hold)
        self.sources = sources
        self.sourceOffset = sourceOffset
        self.exchange = exchange
        self.subscribes = subscribes
        if hasVisit {
            guard let visit = VisitPlan(decoding: &message) else { return nil }
            self.visit = visit
        }
        guard message.isAtEnd else { return nil }
        guard isSecure else { return }
        var tls = LoadTLS()
        tls.verifiesServer = verifiesServer
        tls.resumes = resumes
        tls.authorities = authorities.isEmpty ? nil : authorities
        tls.serverName = serverName.isEmpty ? nil : serverName
        self.tls = tls
    }

    private static func sources(from message: inout MessageDecoder) -> [capus_address]? {
        guard let count = message.integer() else { return nil }
        var sources: [capus_address] = []
        for _ in 0..<max(0, count) {
            guard let address = message.text().flatMap(capus_address.init(decoding:)) else { return nil }
            sources.append(address)
        }
        return sources
    }
}

nonisolated extension capus_address {
    /// Family, port and address, in the order of the network.
    fileprivate var encoded: [UInt8] {
        [family, UInt8(port >> 8), UInt8(truncatingIfNeeded: port)] + withUnsafeBytes(of: ip) { Array($0) }
    }

    fileprivate init?(decoding bytes: [UInt8]) {
        self.init()
        guard bytes.count == 3 + MemoryLayout.size(ofValue: ip), bytes[0] == 4 || bytes[0] == 6 else { return nil }
        family = bytes[0]
        port = UInt16(bytes[1]) << 8 | UInt16(bytes[2])
        withUnsafeMutableBytes(of: &ip) { $0.copyBytes(from: bytes.dropFirst(3)) }
    }
}
