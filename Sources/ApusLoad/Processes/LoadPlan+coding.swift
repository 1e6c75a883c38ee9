import CApus

nonisolated extension LoadPlan {
    var encoded: [UInt8] {
        var message = MessageEncoder()
        switch endpoint {
        case .ip(var address):
            message.append(true)
            message.append(withUnsafeBytes(of: &address) { Array($0) })
        case .unix(let path):
            message.append(false)
            message.append(Array(path.utf8))
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
        return message.bytes
    }

    init?(decoding bytes: [UInt8]) {
        var message = MessageDecoder(bytes)
        guard let isIP = message.flag(), let address = message.text(), let request = message.text(),
            let connections = message.integer(), let requests = message.integer(), let duration = message.integer(),
            let timeout = message.integer(), let pipelineDepth = message.integer(), let keepsAlive = message.flag(),
            let responsesHaveBody = message.flag(), let warmUp = message.integer(), let rate = message.number(),
            let arrivals = message.text().flatMap({ LoadArrivals(rawValue: String(decoding: $0, as: UTF8.self)) }),
            let arrivalOffset = message.number()
        else { return nil }
        var endpoint = LoadEndpoint.unix(path: String(decoding: address, as: UTF8.self))
        if isIP {
            guard address.count == MemoryLayout<capus_address>.size else { return nil }
            endpoint = .ip(address.withUnsafeBytes { $0.loadUnaligned(as: capus_address.self) })
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
    }
}
