import Apus
import ApusProtocols

/// A client of HTTP/1.1 servers on this process' event loop. One of them serves a process: it keeps connections.
///
///     let client = HTTPClient()
///     let response = try await client.get("https://example.org/")
///     let users = try await client.get("http://10.0.0.5/users").decode([User].self)
///
/// Requests to the same server share up to `maxConnectionsPerServer` connections, one at a time on each. A request that
/// may be repeated is sent once more when the connection that had waited for it is found closed. Every form has a
/// variant that calls back instead of being awaited.
@MainActor public final class HTTPClient {
    /// How it was made.
    public let options: HTTPClientOptions
    /// Called when a request is over, for metrics.
    public var onRequestEnd: ((HTTPClientMetrics) -> Void)?
    let heads = ReceivedHeadCache()
    let cookies: HTTPCookieStore?
    private(set) var isClosed = false
    private var pools: [HTTPServerPool.Key: HTTPServerPool] = [:]
    private var sweeper: WorkerTimer?
    let defaultLines: RequestHead.DefaultLines
    /// Those for servers to which others send requests on.
    private let linesElsewhere: RequestHead.DefaultLines
    // What was asked for last, since it is often asked for again.
    @exclusivity(unchecked) private var lastURL: (text: String, url: HTTPURL)?
    @exclusivity(unchecked) private var lastPool: (url: HTTPURL, pool: HTTPServerPool)?
    /// The memory of the last request's head, for the next one.
    @exclusivity(unchecked) private var spareHead: [UInt8] = []

    /// A client. It may be made before the workers run, and connects when something is asked for.
    public init(_ options: HTTPClientOptions = HTTPClientOptions()) {
        self.options = options
        cookies = options.keepsCookies ? HTTPCookieStore() : nil
        var headers = options.headers
        if headers["User-Agent"] == nil { headers.add("User-Agent", "apus") }
        if headers["Accept"] == nil { headers.add("Accept", "*/*") }
        if options.decompresses, headers["Accept-Encoding"] == nil { headers.add("Accept-Encoding", "gzip, deflate") }
        defaultLines = RequestHead.DefaultLines(headers)
        for name in RequestHead.meantForOneServer { headers[name] = nil }
        linesElsewhere = RequestHead.DefaultLines(headers)
    }

    isolated deinit { close() }

    // MARK: Requests

    /// Sends a request and waits for the whole response. Throws `HTTPClientError`, and `CancellationError` when the
    /// task is cancelled, which closes the connection. A status such as 404 is a response like others.
    public func send(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        guard case .response(let response) = try await outcome(request, isStreamed: false) else {
            preconditionFailure("a response that is not streamed comes whole")
        }
        return response
    }

    /// Sends a request and waits for the head of the response; its body is read as it comes.
    public func stream(_ request: HTTPClientRequest) async throws -> HTTPStreamedResponse {
        guard case .streamed(let response) = try await outcome(request, isStreamed: true) else {
            preconditionFailure("a streamed response comes with its head")
        }
        return response
    }

    /// Sends a request and calls `completion` once, never before this returns.
    @discardableResult
    public func send(
        _ request: HTTPClientRequest, _ completion: @escaping (Result<HTTPClientResponse, HTTPClientError>) -> Void
    ) -> HTTPClientCall {
        let call = HTTPCall(self, request, isStreamed: false) { outcome in
            switch outcome {
            case .response(let response): completion(.success(response))
            case .streamed: break
            case .failure(let error): completion(.failure(error))
            }
        }
        call.begin()
        return HTTPClientCall(call: call)
    }

    private func outcome(_ request: HTTPClientRequest, isStreamed: Bool) async throws -> HTTPCall.Outcome {
        try Task.checkCancellation()
        let waiter = OutcomeWaiter()
        let call = HTTPCall(self, request, isStreamed: isStreamed) { waiter.finish($0) }
        call.begin()
        let outcome = await withTaskCancellationHandler {
            await withUnsafeContinuation { waiter.wait($0) }
        } onCancel: {
            EventLoop.soon { call.cancel() }
        }
        if case .failure(let error) = outcome {
            if case .closed = error { try Task.checkCancellation() }
            throw error
        }
        return outcome
    }

    // MARK: Servers

    func url(_ text: String) throws(HTTPClientError) -> HTTPURL {
        if let lastURL, lastURL.text == text { return lastURL.url }
        do throws(HTTPURL.Failure) {
            let url = try HTTPURL(text)
            lastURL = (text, url)
            return url
        } catch {
            throw .invalidURL(error)
        }
    }

    func pool(for url: HTTPURL) throws(HTTPClientError) -> HTTPServerPool {
        guard !isClosed else { throw .closed }
        if let lastPool, lastPool.url.isSame(as: url) { return lastPool.pool }
        let pool = makePool(for: url)
        lastPool = (url, pool)
        return pool
    }

    private func makePool(for url: HTTPURL) -> HTTPServerPool {
        let isProxied = absoluteFormAuthorization(for: url) != nil
        let key = HTTPServerPool.Key(
            isSecured: url.isSecured, host: isProxied ? "" : url.socketPath ?? url.host, port: isProxied ? 0 : url.port)
        if let pool = pools[key] { return pool }
        var connect = ConnectOptions()
        connect.timeout = options.connectTimeout
        connect.localAddress = options.localAddress
        connect.limits.handshakeTimeout = options.connectTimeout
        connect.limits.idleTimeout = nil
        // A read at a time: what a response may be is bounded where it is read.
        connect.limits.maxPackageSize = .max
        connect.limits.maxSendBufferSize = 1 << 20
        if url.isSecured {
            var tls = options.tls
            if tls.applicationProtocols.isEmpty { tls.applicationProtocols = ["http/1.1"] }
            if url.socketPath != nil, tls.serverName == nil { tls.serverName = url.host }
            connect.tls = tls
        }
        var address =
            url.socketPath.map { "unix:\($0)" } ?? (url.host.contains(":") ? "[\(url.host)]" : url.host)
            + ":\(url.port)"
        switch options.proxy {
        case .http(let proxy, _) where isProxied: address = proxy
        case _ where url.socketPath != nil: break
        case let proxy: connect.proxy = proxy
        }
        let pool = HTTPServerPool(address, self, connect)
        pools[key] = pool
        return pool
    }

    /// Nil for a request that is not given to a proxy whole.
    private func absoluteFormAuthorization(for url: HTTPURL) -> String? {
        guard let proxy = options.proxy, !url.isSecured, url.socketPath == nil, case .http(_, let authorization) = proxy
        else { return nil }
        return authorization ?? ""
    }

    /// Gives `send` the head of a request.
    func withHead(
        of request: HTTPClientRequest, _ url: HTTPURL, isElsewhere: Bool, length: Int?, _ send: ([UInt8]) -> Void
    ) {
        // Taken, not used in place: what sending calls may send itself.
        var head = spareHead
        spareHead = []
        head.removeAll(keepingCapacity: true)
        let additions = RequestHead.Additions(
            absoluteFormAuthorization: absoluteFormAuthorization(for: url),
            lines: isElsewhere ? linesElsewhere : defaultLines,
            cookies: cookies?.field(for: url))
        RequestHead.append(to: &head, request, url, additions, length: length)
        send(head)
        spareHead = head
    }

    /// A connection waits to be used again, or to be closed.
    func noteIdle() {
        guard sweeper == nil else { return }
        sweeper = WorkerTimer.every(min(1, max(0.05, options.keepAliveTimeout / 2))) { [weak self] _ in self?.sweep() }
    }

    private func sweep() {
        for pool in pools.values { pool.closeStale() }
        pools = pools.filter { !$0.value.isUnused }
        lastPool = nil
        guard !pools.values.contains(where: \.hasIdle) else { return }
        sweeper?.cancel()
        sweeper = nil
    }

    /// Connections that are open or being made.
    public var connectionCount: Int { pools.values.reduce(0) { $0 + $1.connectionCount } }

    /// Closes all connections for good. Requests that have no response fail.
    public func close() {
        isClosed = true
        sweeper?.cancel()
        sweeper = nil
        let pools = pools
        self.pools = [:]
        lastPool = nil
        for pool in pools.values { pool.close() }
    }
}

/// A request that can be given up.
public struct HTTPClientCall {
    let call: HTTPCall

    /// Gives it up: it fails with `HTTPClientError.closed`, unless it is over.
    public func cancel() { call.cancel() }
}

/// Hands an outcome to the task that waits for it, whichever comes first.
private final class OutcomeWaiter {
    private var continuation: UnsafeContinuation<HTTPCall.Outcome, Never>?
    private var outcome: HTTPCall.Outcome?

    nonisolated deinit {}

    func wait(_ continuation: UnsafeContinuation<HTTPCall.Outcome, Never>) {
        if let outcome = outcome.take() {
            continuation.resume(returning: outcome)
        } else {
            self.continuation = continuation
        }
    }

    func finish(_ outcome: HTTPCall.Outcome) {
        if let continuation = continuation.take() {
            continuation.resume(returning: outcome)
        } else {
            self.outcome = outcome
        }
    }
}
