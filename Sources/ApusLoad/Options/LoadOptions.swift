import ApusProtocols
import CApus

/// What load to put on which server.
///
///     var options = LoadOptions(url: "http://127.0.0.1:8080/")
///     options.connections = 64
///     options.duration = .seconds(10)
///     let report = try LoadRun.run(options)
public nonisolated struct LoadOptions: Sendable {
    /// Where the requests go: `http://host[:port][/path][?query]`, `https://`, `ws://`, `wss://`, `text://host:port`,
    /// `frame://`, or `tcp://`, with a numeric host or `localhost`. What is no HTTP is asked with a message, and
    /// answers each with one.
    public var url: String
    /// What is asked of a server whose URL is `https://`.
    public var tls = LoadTLS()
    /// The Unix socket to connect to instead of the URL's host and port.
    public var unixPath: String?
    /// Connections that are open at the same time, over all processes.
    public var connections = 64
    /// Processes that put on the load, one core's worth each.
    public var processes = 1
    /// How long the run takes. 10 s when `requests` is nil as well.
    public var duration: Duration?
    /// How many requests to make, exactly. With a duration, the run ends at whichever comes first.
    public var requests: Int?
    /// Requests to send a second, whether or not the server keeps up; nil for each connection to send its next request
    /// when the one before is answered. With a rate a latency counts from when its request was due, so that a server
    /// that stalls is charged with all that it kept waiting.
    public var rate: Double?
    /// How the requests of a rate follow each other.
    public var arrivals = LoadArrivals.constant
    /// Puts on the same load for so long before anything is measured.
    public var warmUp = Duration.zero
    /// Whether a connection serves one request after the other. If not, each request gets a connection of its own,
    /// and its latency includes connecting.
    public var keepsAlive = true
    /// Requests sent at once on a connection; the next batch follows when all of them are answered.
    public var pipelineDepth = 1
    /// The method; nil means GET, or POST with a body.
    public var method: String?
    /// Fields of each request, beside or instead of `Host`, `User-Agent`, `Accept` and `Connection`.
    public var headers: [HeaderField] = []
    /// The body of each request.
    public var body: [UInt8]?
    /// How long a response may take: from its request, or from the response before it on the connection, to its last
    /// byte. Also how long a connect may take.
    public var timeout = Duration.seconds(5)

    /// What the run must not do. With any, single errors are no failure of the run unless one of them says so.
    public var thresholds: [LoadThreshold] = []

    /// Options with their defaults for a URL.
    public init(url: String) { self.url = url }

    /// The method that is sent.
    public var effectiveMethod: String { method ?? (body == nil ? "GET" : "POST") }

    /// What the connections connect to, as a report names it.
    var destination: String {
        if let unixPath { return "unix:\(unixPath)" }
        guard let target = try? LoadTarget(url) else { return url }
        return target.host.contains(":") ? "[\(target.host)]:\(target.port)" : "\(target.host):\(target.port)"
    }
}

nonisolated extension LoadOptions {
    private static let maxConnections = 1_000_000
    private static let maxProcesses = 60
    private static let maxPipelineDepth = 65_536
    private static let maxRate = 1e8
    private static let maxTimeout = Duration.seconds(3600)

    /// Throws when the options cannot be understood or do not go together, as `LoadRun.run` would.
    public func validate() throws(LoadOptionsError) { _ = try plan() }

    /// What one process would do for the whole load; throws when the options do not go together.
    package func plan() throws(LoadOptionsError) -> LoadPlan {
        let target = try LoadTarget(url)
        try checkNumbers()
        if target.spoken == .http { try checkRequest() } else { try checkMessage(target) }
        let request =
            target.spoken == .http
            ? RequestBlock.request(for: self, target: target)
            : try LoadMessage.encoded(body ?? LoadProtocol.defaultMessage, target.spoken)
        var plan = LoadPlan(endpoint: try endpoint(of: target), request: request, timeout: timeout.inNanoseconds)
        plan.spoken = target.spoken
        plan.url = target.description
        plan.headers = headers
        plan.connections = connections
        plan.requests = requests ?? .max
        plan.duration = duration?.inNanoseconds ?? (requests == nil ? 10_000_000_000 : .max)
        plan.host = target.host
        plan.tls = target.isSecure ? tls : nil
        plan.warmUp = warmUp.inNanoseconds
        plan.rate = rate
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
        if let requests, requests < 1 { throw LoadOptionsError("--requests", "at least 1") }
        if let duration, duration <= .zero { throw LoadOptionsError("--duration", "more than nothing") }
        guard timeout > .zero, timeout <= Self.maxTimeout else {
            throw LoadOptionsError("--timeout", "more than nothing, and an hour at most")
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
        if let field = headers.first(where: { $0.isNamed("content-length") || $0.isNamed("transfer-encoding") }) {
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
        let host = target.host.lowercased() == "localhost" ? "127.0.0.1" : target.host
        guard let endpoint = LoadEndpoint(numericHost: host, port: target.port) else {
            throw LoadOptionsError(
                "URL",
                "\(target.host) is a name, and names are not resolved yet; give its address, as 127.0.0.1 or [::1]")
        }
        return endpoint
    }
}
