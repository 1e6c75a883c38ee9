/// What load to put on which server.
///
///     var options = LoadOptions(url: "http://127.0.0.1:8080/")
///     options.connections = 64
///     options.duration = .seconds(10)
///     let report = try LoadRun.run(options)
public nonisolated struct LoadOptions: Sendable {
    /// Where the requests go: `http://host[:port][/path][?query]`, `https://`, `ws://`, `wss://`, `text://host:port`,
    /// `frame://`, `tcp://`, or `udp://host:port`. A host that is a name is looked up once, before the run. What is no
    /// HTTP is asked with a message, and answers each with one.
    public var url: String
    /// More URLs of the same server over HTTP, which are asked in turns with `url`. They share all other options.
    public var furtherURLs: [String] = []
    /// How often each URL is asked compared with the others, `url` first; each as often as any other when empty.
    public var weights: [Int] = []
    /// Values for the placeholders of the URLs, the header fields and the body: `{{column}}`, row by row. There are
    /// `{{seq}}`, the number of the request, and `{{random}}` or `{{random:1-6}}` without it.
    public var data: LoadData?
    /// Whether each connection keeps the cookies that it is given, and sends them back as a browser would.
    public var keepsCookies = false
    /// Whether a request goes on where a redirect leads, within the same server and ten times at most. Its latency
    /// ends with the last response then.
    public var followsRedirects = false
    /// What a response over HTTP has to be like; others count as errors.
    public var expectation = LoadExpectation()
    /// What is asked of a server whose URL is `https://`.
    public var tls = LoadTLS()
    /// The Unix socket to connect to instead of the URL's host and port.
    public var unixPath: String?
    /// Connections that are open at the same time, over all processes.
    public var connections = 64
    /// Processes that put on the load, one core's worth each.
    public var processes = 1
    /// Agents on other hosts that put on the load, each with its own processes; this one then only divides it among
    /// them. None: the load comes from this host.
    public var agents: [LoadAgentAddress] = []
    /// What the agents ask for.
    public var agentSecret: LoadAgentSecret?
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
    /// Opens the connections evenly within so long, rather than at once. The run begins with the first one, or with a
    /// rate or when they are held with the last one.
    public var ramp = Duration.zero
    /// Opens all connections, keeps them idle for the duration, and then asks once on each, at the rate or at 10,000 a
    /// second.
    public var holds = false
    /// The local addresses that the connections come from, in turns: `127.0.1.1`, `127.0.1.1-127.0.1.20`,
    /// `127.0.1.0/28`, or several with commas; nil for the system's choice. Towards one port of a server an address is
    /// good for some 28,000 connections.
    public var sources: String?
    /// What messages are to each other, where the URL is not of HTTP.
    public var exchange = LoadExchange.answers
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

    /// How long the run takes at most; nil when only the number of requests ends it.
    var effectiveDuration: Duration? { duration ?? (requests == nil ? .seconds(10) : nil) }

    /// What is asked, for people: "GET http://127.0.0.1/", or the URL alone where there are messages.
    var what: String {
        guard let target = try? LoadTarget(url) else { return url }
        return target.spoken == .http ? "\(effectiveMethod) \(target)" : "\(target)"
    }

    /// What the connections connect to, as a report names it.
    var destination: String {
        if let unixPath { return "unix:\(unixPath)" }
        guard let target = try? LoadTarget(url) else { return url }
        return target.host.contains(":") ? "[\(target.host)]:\(target.port)" : "\(target.host):\(target.port)"
    }
}
