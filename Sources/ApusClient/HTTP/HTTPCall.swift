import Apus
import ApusProtocols

/// One request until its response, over all redirects and attempts.
final class HTTPCall {
    /// What becomes of the response.
    enum Outcome {
        /// All of it.
        case response(HTTPClientResponse)
        /// Its head; the body follows.
        case streamed(HTTPStreamedResponse)
        case failure(HTTPClientError)
    }

    /// Redirects with a longer body cost their connection.
    private static let mostDroppedBytes = 64 * 1024

    let client: HTTPClient
    /// Redirects change it.
    @exclusivity(unchecked) private var request: HTTPClientRequest
    private let firstMethod: String
    private let isStreamed: Bool
    /// Called once.
    @exclusivity(unchecked) private var completion: ((Outcome) -> Void)?
    /// A connection is waited for.
    @exclusivity(unchecked) var isWaiting = false
    /// The last attempt went over a connection that was dead.
    private(set) var needsNewConnection = false
    @exclusivity(unchecked) private(set) var isOver = false
    @exclusivity(unchecked) private var isBeginning = false
    @exclusivity(unchecked) private(set) var url: HTTPURL!
    @exclusivity(unchecked) private var pool: HTTPServerPool?
    @exclusivity(unchecked) private var connection: HTTPClientConnection?
    private var sending: Task<Void, Never>?

    // Of the response.
    @exclusivity(unchecked) private var status: HTTPStatus?
    @exclusivity(unchecked) private var responseHeaders: HTTPHeaders = [:]
    @exclusivity(unchecked) private var inflater: HTTPInflater?
    /// Compressed bytes that wait until somebody wants what becomes of them.
    @exclusivity(unchecked) private var deflated: [UInt8] = []
    /// Nothing more of the body comes from the server.
    private var hasArrived = false
    @exclusivity(unchecked) private var collected: [UInt8] = []
    @exclusivity(unchecked) private var bodyBytes = 0
    private weak var stream: HTTPBodyBuffer?
    /// Where the response sends the request on to.
    @exclusivity(unchecked) private var redirect: HTTPURL?
    /// It was sent on to another origin.
    private var isElsewhere = false

    // For time-outs and metrics, in monotonic nanoseconds.
    private let startedAt = EventLoop.now
    @exclusivity(unchecked) private var connectedAt: Int64 = 0
    @exclusivity(unchecked) private var headAt: Int64?
    @exclusivity(unchecked) private var progressAt: Int64 = 0
    @exclusivity(unchecked) private var timer: WorkerTimer?
    private var isPaused = false
    private var redirects = 0
    private var retries = 0
    @exclusivity(unchecked) private var receivedBytes = 0
    private var isReused = false

    init(
        _ client: HTTPClient, _ request: HTTPClientRequest, isStreamed: Bool, _ completion: @escaping (Outcome) -> Void
    ) {
        self.client = client
        self.request = request
        self.isStreamed = isStreamed
        self.completion = completion
        firstMethod = request.method
    }

    nonisolated deinit {}

    /// Begins. Errors are told later, never from within.
    func begin() {
        isBeginning = true
        do throws(HTTPClientError) {
            guard !client.isClosed else { throw .closed }
            try RequestHead.check(request, client.defaultLines)
            url = try client.url(request.url)
            try serve()
        } catch {
            failed(error)
        }
        isBeginning = false
    }

    private func serve() throws(HTTPClientError) {
        let pool = try client.pool(for: url)
        self.pool = pool
        serve(from: pool)
    }

    private func serve(from pool: HTTPServerPool) {
        pool.serve(self)
        // On a connection another one looks at the clock.
        if isWaiting { setTimer() }
    }

    // MARK: Sending

    func start(on connection: HTTPClientConnection) {
        guard !isOver else { return connection.discard() }
        self.connection = connection
        connectedAt = EventLoop.now
        progressAt = connectedAt
        isReused = connection.isReused
        do throws(HTTPClientError) {
            let pieces = try request.body.open()
            setTimer()
            let length = pieces == nil ? request.body.byteCount : pieces?.length
            client.withHead(of: request, url, isElsewhere: isElsewhere, length: length) {
                connection.start(self, $0, request.body.content, hasResponseBody: request.method != "HEAD")
            }
            if let pieces { send(pieces, on: connection) }
        } catch {
            self.connection = nil
            connection.release()
            failed(error)
        }
    }

    private func send(_ pieces: HTTPBodyPieces, on connection: HTTPClientConnection) {
        sending = Task {
            do {
                var sender = BodySender(length: pieces.length)
                while let piece = try await pieces.next() {
                    if piece.isEmpty { continue }
                    guard try await connection.send(sender.framed(piece), for: self) else { return }
                    progressAt = EventLoop.now
                }
                if let end = try sender.end(), try await !connection.send(end, for: self) { return }
                connection.finishedSending(self)
            } catch is ConnectionError {
                // What has closed the connection says so.
            } catch {
                guard !isOver, self.connection === connection else { return }
                failed(error as? HTTPClientError ?? .bodyFailed("\(error)"))
            }
        }
    }

    // MARK: Receiving

    func received(_ head: ReceivedHead) {
        progressAt = EventLoop.now
        headAt = progressAt
        guard head.status.code != 101 else {
            return failed(.invalidResponse("the server speaks another protocol from now on"))
        }
        status = head.status
        responseHeaders = head.headers
        client.cookies?.take(responseHeaders, from: url)
        do throws(HTTPClientError) {
            redirect = try redirectTarget()
        } catch {
            return failed(error)
        }
        guard redirect == nil else { return }
        if client.options.decompresses, request.headers["Accept-Encoding"] == nil, request.method != "HEAD",
            let coding = responseHeaders["Content-Encoding"], let inflater = HTTPInflater(coding: coding)
        {
            self.inflater = inflater
            responseHeaders["Content-Encoding"] = nil
            responseHeaders["Content-Length"] = nil
        }
        if isStreamed { beginStream() }
    }

    private func beginStream() {
        let buffer = HTTPBodyBuffer(self)
        stream = buffer
        let response = HTTPStreamedResponse(
            status: status!, headers: responseHeaders, url: url, body: HTTPResponseBody(buffer: buffer))
        complete(.streamed(response))
    }

    func received(body bytes: [UInt8]) {
        progressAt = EventLoop.now
        if redirect != nil {
            bodyBytes += bytes.count
            if bodyBytes > Self.mostDroppedBytes { follow() }
            return
        }
        guard inflater != nil else { return take(bytes) }
        if deflated.isEmpty { deflated = bytes } else { deflated += bytes }
        inflate()
    }

    /// Undoes the coding of what has come, for as long as somebody wants more: a little may become a thousand times as
    /// much.
    private func inflate() {
        guard let inflater, !isPaused, !deflated.isEmpty || inflater.hasMore else { return }
        do {
            let count = try deflated.withUnsafeBytes { bytes in
                try inflater.inflate(bytes) { piece in
                    take(Array(piece))
                    return !isOver && !isPaused
                }
            }
            deflated.removeFirst(count)
        } catch {
            if !isOver { failed(.invalidEncoding("gzip or deflate")) }
        }
    }

    private func take(_ bytes: [UInt8]) {
        if isStreamed {
            guard let stream else { return cancel() }
            return stream.add(bytes)
        }
        bodyBytes += bytes.count
        let limit = request.maxBodyBytes ?? client.options.maxBodyBytes
        guard bodyBytes <= limit else { return failed(.bodyTooLarge(limit: limit)) }
        if collected.isEmpty { collected = bytes } else { collected += bytes }
    }

    /// The response is complete. The connection is somebody else's by now.
    func completed() {
        noteConnection()
        if redirect != nil { return follow() }
        hasArrived = true
        if !isPaused || inflater == nil { concludeBody() }
    }

    /// All of the body was handed on.
    private func concludeBody() {
        do {
            try inflater?.finish()
        } catch {
            return failed(.invalidEncoding("gzip or deflate: it ends too early"))
        }
        if isStreamed {
            end(nil)
            stream?.finish(.success(()))
            return
        }
        let response = HTTPClientResponse(
            status: status!, headers: responseHeaders, body: collected, url: url)
        end(nil)
        complete(.response(response))
    }

    // MARK: Redirects

    private static func sendsOn(_ code: Int) -> Bool {
        switch code {
        case 301, 302, 303, 307, 308: true
        default: false
        }
    }

    /// RFC 9110 §15.4: nil for a response that stays here.
    private func redirectTarget() throws(HTTPClientError) -> HTTPURL? {
        let most = request.maxRedirects ?? client.options.maxRedirects
        guard most > 0, let code = status?.code, Self.sendsOn(code), let location = responseHeaders["Location"] else {
            return nil
        }
        guard redirects < most else { throw .tooManyRedirects(most) }
        let target: HTTPURL
        do throws(HTTPURL.Failure) {
            target = try url.resolved(location)
        } catch {
            throw .redirectFailed(error.description)
        }
        guard target.socketPath == nil || target.socketPath == url.socketPath else {
            throw .redirectFailed("it leads to a socket of this machine")
        }
        if code == 307 || code == 308, !request.body.canRepeat {
            throw .redirectFailed("the body of the request cannot be sent once more")
        }
        return target
    }

    private func follow() {
        guard let target = redirect.take() else { return }
        // A body that is longer than it is worth.
        if let connection { connection.abandon(self) }
        noteConnection()
        sending?.cancel()
        redirects += 1
        // RFC 9110 §15.4.2–4: what everybody does.
        let code = status?.code
        if code == 303 && request.method != "HEAD" || (code == 301 || code == 302) && request.method == "POST" {
            request.method = "GET"
            request.body = .none
            for name in ["Content-Type", "Content-Encoding", "Content-Language", "Content-Location", "Digest"] {
                request.headers[name] = nil
            }
        }
        if !target.hasOrigin(of: url) {
            isElsewhere = true
            for name in RequestHead.meantForOneServer { request.headers[name] = nil }
        }
        url = target
        forgetResponse()
        do throws(HTTPClientError) {
            try serve()
        } catch {
            failed(error)
        }
    }

    private func forgetResponse() {
        (status, responseHeaders, bodyBytes, headAt) = (nil, [:], 0, nil)
        needsNewConnection = false
    }

    // MARK: The end

    /// The connection has gone before the response was complete.
    func lost(_ how: String, hasBegun: Bool, isReused: Bool) {
        noteConnection()
        guard !isOver else { return }
        // A connection that had waited was closed meanwhile: RFC 9112 §9.3.1 allows to send again what may be repeated.
        if isReused, !hasBegun, retries == 0, request.body.canRepeat, RequestHead.isIdempotent(request.method) {
            retries = 1
            needsNewConnection = true
            sending?.cancel()
            if let pool { return serve(from: pool) }
        }
        failed(.connectionLost(how, mayHaveBeenProcessed: true))
    }

    func failed(_ error: HTTPClientError) {
        guard !isOver else { return }
        let connection = connection
        noteConnection()
        end(error)
        connection?.abandon(self)
        if isWaiting {
            isWaiting = false
            pool?.noteAbandoned()
        }
        stream?.finish(.failure(error))
        complete(.failure(error))
    }

    /// Nobody wants the response any more.
    func cancel() { failed(.closed) }

    private func noteConnection() {
        if let connection { receivedBytes = connection.receivedBytes }
        connection = nil
    }

    private func end(_ error: HTTPClientError?) {
        isOver = true
        timer?.cancel()
        timer = nil
        if error != nil { sending?.cancel() }
        guard let observe = client.onRequestEnd else { return }
        let seconds = { (time: Int64) in Double(time - self.startedAt) / 1e9 }
        observe(
            HTTPClientMetrics(
                method: firstMethod, url: url, status: status?.code, error: error,
                waitingTime: connectedAt == 0 ? 0 : seconds(connectedAt), responseTime: headAt.map(seconds),
                totalTime: seconds(EventLoop.now), receivedBytes: receivedBytes, isReused: isReused,
                redirects: redirects, retries: retries))
    }

    private func complete(_ outcome: Outcome) {
        guard let completion = completion.take() else { return }
        if isBeginning { return EventLoop.current.execute { completion(outcome) } }
        completion(outcome)
    }

    // MARK: Back-pressure

    func pause() {
        guard !isPaused else { return }
        isPaused = true
        connection?.pause()
    }

    func resume() {
        guard isPaused, !isOver else { return }
        isPaused = false
        progressAt = EventLoop.now
        inflate()
        guard !isPaused, !isOver else { return }
        if hasArrived { concludeBody() } else { connection?.resume() }
    }

    // MARK: Time-outs

    private var idleTimeout: Double { request.idleTimeout ?? client.options.idleTimeout }

    /// When the whole is late, unless it is a stream whose head is there.
    private var deadline: Int64 {
        guard !isStreamed || headAt == nil || redirect != nil, let timeout = request.timeout ?? client.options.timeout
        else { return .max }
        return startedAt + nanoseconds(timeout)
    }

    /// When the server is late. Who reads a stream slowly must not be the server's fault.
    private var idleDeadline: Int64 {
        connection == nil ? .max : progressAt + nanoseconds(idleTimeout)
    }

    /// What is set looks, when it fires, whether there was progress meanwhile: it is not set anew with each.
    private func setTimer() {
        guard !isOver else { return }
        let due = min(deadline, idleDeadline)
        guard due < .max else { return }
        timer?.cancel()
        timer = nil
        if let connection { return connection.wake(at: due) }
        timer = .at(due) { [weak self] in self?.timeOut() }
    }

    func timeOut() {
        let now = EventLoop.now
        if deadline <= now {
            let seconds = request.timeout ?? client.options.timeout ?? 0
            return failed(.timedOut(isWaiting ? .freeConnection : .response, seconds: seconds))
        }
        // Somebody who does not read: looked at again later.
        if isPaused { progressAt = now }
        if idleDeadline <= now { return failed(.timedOut(.progress, seconds: idleTimeout)) }
        setTimer()
    }
}

/// Seconds, 0 to a century, as nanoseconds.
private func nanoseconds(_ seconds: Double) -> Int64 { Int64(min(max(0, seconds), 3e9) * 1e9) }
