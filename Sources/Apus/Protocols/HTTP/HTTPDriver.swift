import ApusProtocols
import CApus

/// Binds HTTP to connections: reads requests in place, delivers one at a time, and keeps the rules of persistence.
final class HTTPDriver: TypedDriver<HTTP> {
    /// So many requests one connection has handled before others have their turn.
    private static let requestsPerTurn = 32
    /// Nanoseconds behind the first request of a turn after which a connection gets no further one handled in it:
    /// handlers may take long, and a client may ask for the same 32 times.
    private static let timePerTurn = Int64(0.01 * 1e9)
    /// More than is handled in a turn. What else a client has sent in advance stays with the kernel, and not, copied
    /// aside, with us: thousands may do that.
    private static let mostReadAhead = 16 * 1024

    private let options: HTTP
    private let requestLimits: HTTPRequestLimits
    /// See `Worker.bodyPolicy`.
    @exclusivity(unchecked) var bodyPolicy: (@MainActor (HTTPRequest) throws -> HTTPBodyPolicy?)? {
        // Its parser has the bound of bodies without a policy, or none.
        didSet { spare = nil }
    }
    /// The request object of the last delivery, unless it was kept.
    @exclusivity(unchecked) private var spare: HTTPRequest?
    /// Clients are told what a handler threw.
    let showsErrors: Bool
    /// The request whose handler has thrown, while that is dealt with.
    private var failed: HTTPRequest?
    /// Answers announce the end of the connection: the worker is leaving.
    @exclusivity(unchecked) private var isDraining = false

    init(_ options: HTTP) {
        self.options = options
        requestLimits = options.requestLimits
        showsErrors = options.isShowingErrors
        super.init()
        readsAhead = Self.mostReadAhead
    }

    override var name: String { options.name }

    override var startWarning: String? {
        showsErrors ? "clients are shown the errors of handlers (APUS_DEBUG, or HTTP(showsErrors:))" : nil
    }

    override func copy() -> TypedDriver<HTTP> {
        let copy = HTTPDriver(options)
        copy.callbacks = callbacks
        copy.bodyPolicy = bodyPolicy
        copy.limits = limits
        copy.isDraining = isDraining
        return copy
    }

    override func receive(_ connection: StreamConnection, _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        var offset = 0
        repeat {
            if connection.http.streamsBody {
                offset += receiveStreamed(connection, bytes + offset, count - offset)
                if connection.http.streamsBody { break }
            }
            offset = receiveWhole(connection, bytes, count, from: offset)
        } while connection.http.streamsBody && offset < count && connection.state == .established
        return connection.state == .established ? offset : count
    }

    /// Handles as many requests as may be delivered, and returns where the next one starts.
    @inline(__always)
    private func receiveWhole(
        _ connection: StreamConnection, _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, from start: Int
    ) -> Int {
        var offset = start
        var budget = Self.requestsPerTurn
        var began: Int64 = 0
        while offset < count, connection.wantsMessages, !connection.http.isAnswering, connection.driver === self {
            // A client that does not read its answers gets no further ones.
            if connection.outbound != nil,
                connection.isSendingFile || connection.pendingSendBytes >= maxUnreadBytes(connection)
            {
                break
            }
            let used = receiveOne(connection, bytes + offset, count - offset)
            if used == 0 { break }
            offset += used
            // Its answer may be complete before its body is.
            if connection.http.streamsBody { break }
            budget &-= 1
            guard offset < count else { break }
            // Of the first request's time nobody asks: for most it is the only one.
            let time = capus_coarse_ns()
            if began == 0 { began = time }
            if budget == 0 || time &- began > Self.timePerTurn {
                connection.yieldTurn()
                break
            }
        }
        return offset
    }

    /// Handles the request at `bytes`; 0 while it is not complete.
    private func receiveOne(
        _ connection: StreamConnection, _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int
    ) -> Int {
        if connection.http.expectedCount > count { return bodyProgressed(connection) }
        // In two steps: with `??` the compiler adds a retain and a release.
        if spare == nil { spare = makeRequest(bytes) }
        var request = spare.take()!
        request.bytes = bytes
        request.comes(from: connection)
        var used = 0
        if let body = connection.http.chunked {
            used = receiveChunked(connection, request, body, count)
        } else {
            switch request.parser.parse(bytes, count: count) {
            case .incomplete: break
            case .invalid(let error):
                used = count
                refuse(connection, error, UnsafeRawBufferPointer(start: bytes, count: count))
            case .complete:
                used = receiveBody(connection, request, count)
            }
        }
        if isKnownUniquelyReferenced(&request) {
            if request.extras != nil { request.recycle() }
            spare = request
        } else {
            request.detach()
        }
        return used
    }

    @inline(never)
    private func makeRequest(_ bytes: UnsafeMutablePointer<UInt8>) -> HTTPRequest {
        var limits = requestLimits
        if bodyPolicy != nil { limits.maxMessageBytes = .max }
        let request = HTTPRequest(limits: limits, forms: options.forms, bytes: bytes)
        if showsErrors { request.moreExtras.isWatched = true }
        return request
    }

    /// The head is read: delivers the request if its body is there, too.
    @inline(__always)
    private func receiveBody(_ connection: StreamConnection, _ request: HTTPRequest, _ count: Int) -> Int {
        let headCount = request.parser.head.byteCount
        var maxMessageBytes = requestLimits.maxMessageBytes
        if bodyPolicy != nil, connection.http.expectedCount == 0 {
            switch judgeBody(connection, request) {
            case .none: return count
            case .memory(let most): maxMessageBytes = min(most, HTTP.mostBytes) &+ headCount
            case .stream: return headCount
            }
        }
        let bodyArrived = count > headCount
        if request.parser.head.isChunked {
            let body = ChunkedBody(HTTPChunkedDecoder(bodyStart: headCount, maxMessageBytes: maxMessageBytes))
            let expectsContinue = request.parser.head.expectsContinue
            let used = receiveChunked(connection, request, body, count)
            if used == 0, expectsContinue, !bodyArrived { connection.sendContinue() }
            return used
        }
        let total = headCount &+ request.parser.head.contentLength
        guard total <= count else {
            connection.http.expectedCount = total
            if request.parser.head.expectsContinue, !bodyArrived { connection.sendContinue() }
            return 0
        }
        request.bodyStart = headCount
        request.bodyCount = total &- headCount
        request.trailerRange = 0..<0
        deliver(connection, request, hasMore: total < count)
        return total
    }

    @inline(never)
    private func receiveChunked(
        _ connection: StreamConnection, _ request: HTTPRequest, _ body: ChunkedBody, _ count: Int
    ) -> Int {
        switch body.decoder.decode(request.bytes, count: count) {
        case .incomplete:
            connection.http.chunked = body
            connection.stamp = connection.shared.pointee.second
            return 0
        case .invalid(let error):
            reject(connection, error)
            return count
        case .complete:
            // Other connections may have used the request object since. The head stands where it was: the decoder
            // writes behind it only.
            _ = request.parser.parse(request.bytes, count: body.decoder.bodyStart)
            request.bodyStart = body.decoder.bodyStart
            request.bodyCount = body.decoder.bodyCount
            request.trailerRange = body.decoder.trailerStart..<body.decoder.trailerEnd
            let used = body.decoder.readOffset
            deliver(connection, request, hasMore: used < count)
            return used
        }
    }

    // MARK: Bodies with a policy

    /// What the policy makes of a body; nil when the request was refused. One that is streamed has been delivered then.
    @inline(never)
    private func judgeBody(_ connection: StreamConnection, _ request: HTTPRequest) -> HTTPBodyPolicy? {
        let head = request.parser.head
        let usual = HTTPBodyPolicy.memory(upTo: requestLimits.maxMessageBytes - head.byteCount)
        guard head.isChunked || head.contentLength > 0 else { return usual }
        request.bodyStart = head.byteCount
        request.bodyCount = 0
        request.trailerRange = 0..<0
        do {
            let policy = try bodyPolicy?(request) ?? usual
            switch policy {
            case .memory(let most), .stream(let most):
                guard head.contentLength <= min(most, HTTP.mostBytes) else { break }
                if case .stream = policy { deliver(connection, request, bodyUpTo: most) }
                return policy
            }
            reject(connection, .contentTooLarge)
        } catch {
            connection.http.phase = .due
            connection.http.keepsAlive = false
            connection.http.isHead = head.method == .head
            // The body may be on its way.
            connection.http.hasMore = true
            handlerFailed(connection, request, error)
        }
        return nil
    }

    /// Delivers a request whose body follows.
    private func deliver(_ connection: StreamConnection, _ request: HTTPRequest, bodyUpTo most: Int) {
        let head = request.parser.head
        let intake =
            head.isChunked
            ? BodyIntake(connection, maxBytes: most) : BodyIntake(connection, length: head.contentLength)
        intake.awaitsContinue = head.expectsContinue
        connection.moreExtras.bodyIntake = intake
        connection.http.streamsBody = true
        request.moreExtras.intake = intake
        deliver(connection, request, hasMore: false)
    }

    /// Hands on what arrived of the body of a request that was delivered before.
    @inline(never)
    private func receiveStreamed(
        _ connection: StreamConnection, _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int
    ) -> Int {
        // Nothing that follows a body that cannot be read can be told from it.
        guard let intake = connection.extras?.bodyIntake else { return count }
        guard !connection.isPaused else { return 0 }
        let used = intake.receive(bytes, count)
        if used > 0 { connection.stamp = connection.shared.pointee.second }
        return used
    }

    override func peerFinished(_ connection: StreamConnection) -> Bool {
        if connection.http.streamsBody { connection.extras?.bodyIntake?.peerFinished() }
        return false
    }

    private func bodyProgressed(_ connection: StreamConnection) -> Int {
        connection.stamp = connection.shared.pointee.second
        return 0
    }

    @inline(__always)
    private func deliver(_ connection: StreamConnection, _ request: HTTPRequest, hasMore: Bool) {
        connection.noteMessage()
        connection.http.messageArrived()
        connection.http.phase = .due
        connection.http.keepsAlive = request.parser.head.keepsAlive && !isDraining
        connection.http.isHead = request.parser.head.method == .head
        connection.http.knowsChunks = request.parser.head.minorVersion > 0
        connection.http.hasMore = hasMore
        connection.cork(holding: hasMore)
        do {
            try callbacks.onMessage?(Connection(connection), request)
        } catch {
            handlerFailed(connection, request, error)
        }
    }

    // MARK: Errors

    /// Refuses what cannot be read as a request, and says what it is where a client's first bytes tell.
    @inline(never)
    private func refuse(_ connection: StreamConnection, _ error: HTTPRequestError, _ bytes: UnsafeRawBufferPointer) {
        guard connection.bytesRead == bytes.count,
            let spoken = ForeignProtocol.found(in: bytes, on: connection, of: self)
        else { return reject(connection, error) }
        switch spoken {
        case .tls:
            _ = ForeignProtocol.alert.withUnsafeBytes { connection.sendRaw($0) }
            connection.end()
        case .http2: reject(connection, .versionNotSupported)
        case .proxyHeader: reject(connection, error)
        }
    }

    /// Answers a request that cannot be served, and closes: what follows it cannot be trusted.
    @inline(never)
    private func reject(_ connection: StreamConnection, _ error: HTTPRequestError) {
        answerAndEnd(connection, HTTPStatus(error))
    }

    private func answerAndEnd(_ connection: StreamConnection, _ status: HTTPStatus) {
        connection.http.messageArrived()
        connection.http.phase = .none
        let text = "HTTP/1.1 \(status)\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        _ = Array(text.utf8).withUnsafeBytes { connection.sendRaw($0) }
        connection.end()
    }

    @inline(never)
    private func handlerFailed(_ connection: StreamConnection, _ request: HTTPRequest, _ error: any Error) {
        failed = request
        callbackFailed(connection, error)
        failed = nil
    }

    /// An `HTTPError` says what to answer, and leaves connection and process as they are.
    @inline(never)
    override func callbackFailed(_ connection: StreamConnection, _ error: any Error) {
        guard let refusal = error as? HTTPError, callbacks.errorHandler == nil, connection.http.phase == .due else {
            return super.callbackFailed(connection, error)
        }
        var response = refusal.response
        if refusal.status.code >= 500 {
            connection.loop.status.pointee.callback_errors &+= 1
            Log.write("callback of connection \(connection.id) (\(connection.peer.text)) failed: \(error)", .error)
            if showsErrors { response = page(connection, error) }
        }
        if connection.answer(response) == .failed { connection.close() }
    }

    private func page(_ connection: StreamConnection, _ error: any Error) -> HTTPResponse {
        ErrorPage(error, failed ?? connection.extras?.keptRequest?.request, on: connection).response
    }

    override func answerFailure(_ connection: StreamConnection, _ error: any Error) {
        // It closes already, maybe the reason for the error: what was sent before still leaves.
        guard connection.state == .established else { return }
        switch connection.http.phase {
        case .none: return connection.close()
        // The client has to see that something is missing.
        case .streaming, .events: return connection.destroy()
        case .due: break
        }
        guard showsErrors else { return answerAndEnd(connection, .internalServerError) }
        connection.http.keepsAlive = false
        if connection.answer(page(connection, error)) == .failed { connection.close() }
    }

    // MARK: Between requests

    override func owesAnswer(_ connection: StreamConnection) -> Bool {
        connection.http.isAnswering || connection.isHandling
    }

    override func receiveRoom(_ connection: StreamConnection) -> Int {
        let missing = connection.http.expectedCount - connection.partial.count
        return max(16 * 1024, min(missing, 1024 * 1024))
    }

    override func maxHeldBytes(_ connection: StreamConnection) -> Int {
        // Who reads no answers is not read any further, so that thousands of them hold little.
        if connection.outbound != nil, connection.pendingSendBytes >= maxUnreadBytes(connection) { return 1 }
        // While an answer is due only a little is read ahead; a message that arrives is read whole.
        return owesAnswer(connection) || connection.isSendingFile
            ? readsAhead / 2 : maxMessageBytes(connection) + EventLoop.receiveCapacity
    }

    /// With so much to read, beside what the kernel holds, a client gets no further answers.
    private func maxUnreadBytes(_ connection: StreamConnection) -> Int { min(16 * 1024, connection.maxSendBufferSize) }

    /// A policy may allow a message more than others.
    private func maxMessageBytes(_ connection: StreamConnection) -> Int {
        let own = connection.http.chunked?.decoder.maxMessageBytes ?? connection.http.expectedCount
        return max(requestLimits.maxMessageBytes, own)
    }

    override func timeOut(_ connection: StreamConnection, after idleSeconds: UInt32) {
        if connection.http.wantsBody {
            guard Int(idleSeconds) >= options.bodyTimeout else { return }
            connection.extras?.bodyIntake?.fail(HTTPError(.requestTimeout))
            return
        }
        if owesAnswer(connection) {
            if connection.http.phase == .due, let limit = options.handlerTimeout, Int(idleSeconds) >= limit {
                return giveUpHandler(connection)
            }
            // Whoever makes the body waits for a client that takes none of it.
            let isStalled = connection.http.phase != .due && connection.pendingSendBytes > 0
            if isStalled, Double(idleSeconds) >= connection.closeTimeout { connection.destroy() }
            return
        }
        // What the client has sent behind its request for the file is not late: the server is.
        if connection.isSendingFile {
            if Int(idleSeconds) >= options.keepAliveTimeout { connection.destroy() }
            return
        }
        if connection.http.expectedCount > 0 || connection.http.chunked != nil {
            if Int(idleSeconds) >= options.bodyTimeout { answerAndEnd(connection, .requestTimeout) }
        } else if connection.partial.count > 0 {
            if Int(idleSeconds) >= options.headTimeout { answerAndEnd(connection, .requestTimeout) }
        } else if Int(idleSeconds) >= (connection.bytesRead == 0 ? options.headTimeout : options.keepAliveTimeout) {
            connection.close()
        }
    }

    /// No answer was made in time.
    private func giveUpHandler(_ connection: StreamConnection) {
        Log.write(
            "a request of connection \(connection.id) (\(connection.peer.text)) was not answered in time", .warning)
        answerAndEnd(connection, .serviceUnavailable)
        connection.cancelOperations()
    }

    override func drain(_ connection: StreamConnection, _ mode: DrainMode) {
        isDraining = true
        connection.http.keepsAlive = false
        if connection.http.phase == .events { return connection.close() }
        guard !owesAnswer(connection), connection.partial.count == 0 else { return }
        // While others take over, a connection in use learns it from its next answer: closing now could cross a
        // request. So could closing one whose first request is on its way.
        let silence = connection.shared.pointee.second &- connection.stamp
        if mode == .stop || silence > (connection.bytesRead > 0 ? 1 : 2) { connection.close() }
    }
}
