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
        message.append(Array(spoken.rawValue.utf8))
        message.append(Array(url.utf8))
        message.append(headers.count)
        for field in headers {
            message.append(Array(field.name.utf8))
            message.append(Array(field.value.utf8))
        }
        message.append(Array(host.utf8))
        message.append(tls != nil)
        message.append(tls?.verifiesServer ?? false)
        message.append(tls?.resumes ?? false)
        for text in [tls?.authoritiesFile, tls?.serverName] { message.append(Array((text ?? "").utf8)) }
        return message.bytes
    }

    init?(decoding bytes: [UInt8]) {
        var message = MessageDecoder(bytes)
        guard let isIP = message.flag(), let address = message.text(), let request = message.text(),
            let connections = message.integer(), let requests = message.integer(), let duration = message.integer(),
            let timeout = message.integer(), let pipelineDepth = message.integer(), let keepsAlive = message.flag(),
            let responsesHaveBody = message.flag(), let warmUp = message.integer(), let rate = message.number(),
            let arrivals = message.string().flatMap(LoadArrivals.init),
            let arrivalOffset = message.number(), let spoken = message.string().flatMap(LoadProtocol.init),
            let url = message.string(), let headers = Self.headers(from: &message), let host = message.string(),
            let isSecure = message.flag(),
            let verifiesServer = message.flag(), let resumes = message.flag(), let authorities = message.string(),
            let serverName = message.string()
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
        self.spoken = spoken
        self.url = url
        self.headers = headers
        self.host = host
        guard isSecure else { return }
        var tls = LoadTLS()
        tls.verifiesServer = verifiesServer
        tls.resumes = resumes
        tls.authoritiesFile = authorities.isEmpty ? nil : authorities
        tls.serverName = serverName.isEmpty ? nil : serverName
        self.tls = tls
    }

    private static func headers(from message: inout MessageDecoder) -> [HeaderField]? {
        guard var left = message.integer() else { return nil }
        var headers: [HeaderField] = []
        while left > 0 {
            guard let name = message.string(), let value = message.string(),
                let field = try? HeaderField(name: name, value: value)
            else { return nil }
            headers.append(field)
            left -= 1
        }
        return headers
    }
}
