import ApusProtocols
import CApus

nonisolated extension LoadOptions {
    static let maxConnections = 1_000_000
    static let maxProcesses = 60
    static let maxAgents = 100
    static let maxRequests = 1 << 50
    static let maxPipelineDepth = 65_536
    static let maxRate = 1e8
    static let maxTimeout = Duration.seconds(3600)
    static let maxRedirects = 10
    private static let holdRate = 10_000.0
    static let maxURLs = 1000
    static let maxWeight = 1_000_000

    /// Throws when the options cannot be understood or do not go together, as `LoadRun.run` would.
    public func validate() throws(LoadOptionsError) { _ = try plan() }

    /// What one process would do for the whole load; throws when the options do not go together.
    package func plan() throws(LoadOptionsError) -> LoadPlan { try plan(withScenario: false) }

    func plan(withScenario hasScenario: Bool) throws(LoadOptionsError) -> LoadPlan {
        let target = try LoadTarget(url)
        try checkNumbers()
        if target.spoken == .http { try checkRequest() } else { try checkMessage(target) }
        try checkAgents()
        try checkExchange(target)
        let visit = try visitPlan(target)
        if hasScenario { try checkScenario(target) }
        var bytes: [UInt8] = []
        if target.spoken == .http {
            RequestParts(visit.requests[0], authority: target.authority, keepsAlive: keepsAlive).append(to: &bytes)
        } else {
            LoadMessage.append(visit.requests[0].body ?? [], target.spoken, to: &bytes)
        }
        var plan = LoadPlan(endpoint: try endpoint(of: target), request: bytes, timeout: timeout.inNanoseconds)
        let isPlain = try visit.isPlain()
        plan.visit = isPlain && !hasScenario ? nil : visit
        plan.spoken = target.spoken
        plan.url = target.description
        plan.headers = headers
        plan.connections = connections
        plan.requests = requests ?? .max
        plan.duration = effectiveDuration?.inNanoseconds ?? .max
        plan.host = target.host
        plan.tls = target.isSecure ? tls : nil
        plan.warmUp = warmUp.inNanoseconds
        plan.rate = rate
        plan.ramp = ramp.inNanoseconds
        plan.exchange = exchange
        plan.subscribes = exchange == .pushes && body != nil
        plan.sources = try sourceAddresses(of: plan.endpoint)
        if holds {
            plan.hold = plan.duration
            plan.duration = .max
            plan.requests = connections
            plan.rate = rate ?? Self.holdRate
        }
        plan.arrivals = arrivals
        plan.pipelineDepth = pipelineDepth
        plan.keepsAlive = keepsAlive
        plan.responsesHaveBody = effectiveMethod != "HEAD"
        return plan
    }

    private func checkNumbers() throws(LoadOptionsError) {
        guard (1...Self.maxConnections).contains(connections) else {
            throw LoadOptionsError("--connections", "a number from 1 to \(Self.maxConnections)")
        }
        guard (1...Self.maxProcesses).contains(processes) else {
            throw LoadOptionsError("--threads", "a number from 1 to \(Self.maxProcesses)")
        }
        guard processes <= connections else {
            throw LoadOptionsError("--threads", "\(processes) processes cannot share \(connections) connections")
        }
        guard (1...Self.maxPipelineDepth).contains(pipelineDepth) else {
            throw LoadOptionsError("--pipeline", "a number from 1 to \(Self.maxPipelineDepth)")
        }
        guard keepsAlive || pipelineDepth == 1 else {
            throw LoadOptionsError("--pipeline", "needs connections that are kept alive")
        }
        if let rate {
            guard rate > 0, rate <= Self.maxRate else {
                throw LoadOptionsError("--rate", "more than 0 a second, and at most 100,000,000")
            }
            guard pipelineDepth == 1 else {
                throw LoadOptionsError("--pipeline", "does not go with --rate: requests are sent when they are due")
            }
        } else if arrivals != .constant {
            throw LoadOptionsError("--arrivals", "needs a --rate")
        }
        guard warmUp >= .zero, warmUp <= Self.maxTimeout else {
            throw LoadOptionsError("--warm-up", "at most an hour")
        }
        guard warmUp == .zero || requests == nil else {
            throw LoadOptionsError("--warm-up", "does not go with a number of requests, which are all counted")
        }
        guard ramp >= .zero, ramp <= Self.maxTimeout else { throw LoadOptionsError("--ramp", "at most an hour") }
        if holds {
            guard keepsAlive, pipelineDepth == 1, requests == nil, warmUp == .zero else {
                throw LoadOptionsError(
                    "--hold", "does not go with --no-keepalive, --pipeline, --requests and --warm-up")
            }
        }
        if let requests, !(1...Self.maxRequests).contains(requests) {
            throw LoadOptionsError("--requests", "a number from 1 to \(Self.maxRequests)")
        }
        if let duration, duration <= .zero { throw LoadOptionsError("--duration", "more than nothing") }
        guard timeout > .zero, timeout <= Self.maxTimeout else {
            throw LoadOptionsError("--timeout", "more than nothing, and an hour at most")
        }
    }

    // MARK: Requests

    /// All that is asked, and looked for in the responses.
    private func visitPlan(_ target: LoadTarget) throws(LoadOptionsError) -> VisitPlan {
        var visit = VisitPlan()
        let body = target.spoken == .http ? body : body ?? LoadProtocol.defaultMessage
        if let body { try LoadMessage.check(body, target.spoken) }
        for other in try [target] + furtherTargets(target) {
            visit.requests.append(
                LoadRequest(other.path, method: effectiveMethod, headers: headers, body: body))
        }
        guard visit.requests.count <= Self.maxURLs else {
            throw LoadOptionsError("URL", "at most \(Self.maxURLs) of them")
        }
        guard weights.isEmpty || weights.count == visit.requests.count else {
            throw LoadOptionsError("--weights", "\(weights.count) weights for \(visit.requests.count) URLs")
        }
        guard weights.allSatisfy({ (1...Self.maxWeight).contains($0) }) else {
            throw LoadOptionsError("--weights", "numbers from 1 to \(Self.maxWeight)")
        }
        visit.weights = weights.isEmpty ? visit.requests.map { _ in 1 } : weights
        visit.data = data
        visit.authority = target.authority
        visit.keepsAlive = keepsAlive
        visit.keepsCookies = keepsCookies
        visit.mostRedirects = followsRedirects ? Self.maxRedirects : 0
        visit.expectation = expectation
        try checkVisit(visit, target)
        return visit
    }

    private func furtherTargets(_ first: LoadTarget) throws(LoadOptionsError) -> [LoadTarget] {
        var targets: [LoadTarget] = []
        for url in furtherURLs {
            let target = try LoadTarget(url)
            guard target.spoken == .http, first.spoken == .http else {
                throw LoadOptionsError("URL", "several URLs go with http:// and https:// alone")
            }
            guard target.authority == first.authority, target.isSecure == first.isSecure else {
                throw LoadOptionsError("URL", "\(target) is of another server than \(first)")
            }
            targets.append(target)
        }
        return targets
    }

    private func checkVisit(_ visit: VisitPlan, _ target: LoadTarget) throws(LoadOptionsError) {
        // Placeholders are read here, to tell what is wrong with them.
        _ = try RequestMix(visit)
        if target.spoken != .http {
            if keepsCookies { throw LoadOptionsError("--cookies", "goes with http:// and https:// alone") }
            if followsRedirects { throw LoadOptionsError("--follow-redirects", "goes with http:// and https:// alone") }
            if !expectation.isAny {
                throw LoadOptionsError("--expect", "responses are looked into with http:// and https:// alone")
            }
        }
        if keepsCookies, headers.contains(where: { $0.isNamed("cookie") }) {
            throw LoadOptionsError("--cookies", "does not go with a Cookie field of your own")
        }
        if followsRedirects, pipelineDepth > 1 {
            throw LoadOptionsError("--follow-redirects", "does not go with --pipeline")
        }
        if expectation.body?.isEmpty == true { throw LoadOptionsError("--expect-body", "needs at least a byte") }
        for value in (data?.rows ?? []).joined() {
            let hasControl = value.utf8.contains { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }
            guard !hasControl || target.spoken == .http && headers.allSatisfy({ !$0.value.contains("{{") }) else {
                throw LoadOptionsError("--data", "a value with a control character can stand in a body over HTTP alone")
            }
        }
    }

    private func checkScenario(_ target: LoadTarget) throws(LoadOptionsError) {
        guard target.spoken == .http else {
            throw LoadOptionsError("URL", "scenarios go with http:// and https:// alone")
        }
        guard pipelineDepth == 1 else { throw LoadOptionsError("--pipeline", "does not go with a scenario") }
        guard agents.isEmpty else { throw LoadOptionsError("--agents", "agents have programs of their own") }
    }

    private func sourceAddresses(of endpoint: LoadEndpoint) throws(LoadOptionsError) -> [capus_address] {
        guard let sources else { return [] }
        let addresses = try SourceAddresses.parse(sources)
        switch endpoint {
        // Which family a name has is not known yet.
        case .name: return addresses
        case .ip(let address) where addresses.allSatisfy({ $0.family == address.family }): return addresses
        default:
            throw LoadOptionsError("--source", "\(sources) is of another family than the server's address")
        }
    }

    private func checkExchange(_ target: LoadTarget) throws(LoadOptionsError) {
        if target.spoken == .udp {
            guard pipelineDepth == 1, sources == nil, unixPath == nil else {
                throw LoadOptionsError("URL", "udp:// does not go with --pipeline, --source and --unix")
            }
        }
        guard exchange != .answers else { return }
        let option = exchange == .broadcasts ? "--broadcast" : "--receive"
        guard [.webSocket, .text, .frame].contains(target.spoken) else {
            throw LoadOptionsError(option, "goes with ws(s)://, text:// and frame:// alone")
        }
        guard keepsAlive, pipelineDepth == 1, !holds else {
            throw LoadOptionsError(option, "does not go with --no-keepalive, --pipeline and --hold")
        }
        if exchange == .pushes, rate != nil {
            throw LoadOptionsError(option, "does not go with --rate: it is the server that sends")
        }
        if exchange == .broadcasts {
            guard rate != nil else { throw LoadOptionsError(option, "needs a --rate: how many messages are sent") }
            guard processes == 1, agents.isEmpty else {
                throw LoadOptionsError(option, "needs a single process, which knows of all that is sent")
            }
        }
    }

    private func checkAgents() throws(LoadOptionsError) {
        guard !agents.isEmpty else { return }
        guard agents.count <= Self.maxAgents else { throw LoadOptionsError("--agents", "at most \(Self.maxAgents)") }
        guard Set(agents).count == agents.count else { throw LoadOptionsError("--agents", "one is named twice") }
        guard processes == 1 else {
            throw LoadOptionsError("--threads", "each agent has its own: apus load agent --threads \(processes)")
        }
        guard unixPath == nil else {
            throw LoadOptionsError("--unix", "agents on other hosts cannot connect to a socket of this one")
        }
    }

    private func checkMessage(_ target: LoadTarget) throws(LoadOptionsError) {
        if method != nil { throw LoadOptionsError("--method", "\(target.spoken.rawValue):// has no methods") }
        guard !headers.isEmpty else { return }
        guard target.spoken == .webSocket, let url = try? WebSocketURL(target.description) else {
            throw LoadOptionsError("-H", "\(target.spoken.rawValue):// has no header fields")
        }
        var wishes = WebSocketClientHandshake.Wishes()
        wishes.fields = headers.map { ($0.name, $0.value) }
        do throws(WebSocketHandshakeError) {
            _ = try WebSocketClientHandshake(
                url, key: Array(repeating: 0, count: WebSocketHandshake.keyBytes), wishes)
        } catch {
            throw LoadOptionsError("-H", "\(error)")
        }
    }

    private func checkRequest() throws(LoadOptionsError) {
        let method = effectiveMethod
        guard !method.isEmpty, method.utf8.allSatisfy({ capus_is_token($0) != 0 }) else {
            throw LoadOptionsError("--method", "\"\(method)\" is no method")
        }
        if method == "CONNECT" { throw LoadOptionsError("--method", "CONNECT asks for a tunnel, not for a response") }
        // The reader of the responses relies on what was sent.
        if let field = headers.first(where: { $0.isFraming }) {
            throw LoadOptionsError("-H", "\(field.name) follows from the body")
        }
    }

    private func endpoint(of target: LoadTarget) throws(LoadOptionsError) -> LoadEndpoint {
        if let unixPath {
            guard !unixPath.isEmpty, unixPath.utf8.count <= 107 else {
                throw LoadOptionsError("--unix", "the path of a Unix socket has 1 to 107 bytes")
            }
            return .unix(path: unixPath)
        }
        return LoadEndpoint(host: target.host, port: target.port)
    }
}
