import Apus
import ApusProtocols

/// A connection to a server, which carries one request at a time.
final class HTTPClientConnection {
    private let wire: HTTPClientWire
    private let connection: Connection<HTTPClientWire>
    private unowned let pool: HTTPServerPool
    @exclusivity(unchecked) private(set) var call: HTTPCall?
    /// It has carried a request before this one.
    @exclusivity(unchecked) private(set) var isReused = false
    /// Monotonic nanoseconds until which it may be used again.
    @exclusivity(unchecked) private var idleUntil: Int64 = 0
    /// Seconds for which the server keeps it, as far as it says.
    @exclusivity(unchecked) private var serverPatience = Double.infinity
    @exclusivity(unchecked) private var isConnected = false
    /// The request was sent to its last byte.
    @exclusivity(unchecked) private var isSent = false
    @exclusivity(unchecked) private var failure: String?
    /// It could not be made, or not be secured.
    private var isUnreachable = false
    @exclusivity(unchecked) private var bytesReadBefore = 0
    /// Looks at the call that is under way. It stays when another one begins: it is not set more often than it fires.
    @exclusivity(unchecked) private var timer: WorkerTimer?
    /// When it fires, in monotonic nanoseconds.
    @exclusivity(unchecked) private var alarm = Int64.max

    /// Begins to connect.
    init(
        _ pool: HTTPServerPool, to address: String, _ options: ConnectOptions, _ wire: HTTPClientWire
    ) throws(AddressError) {
        self.pool = pool
        self.wire = wire
        connection = try Connection(wire, to: address, options: options)
        connection.onConnect = { [unowned self] _ in established() }
        connection.onMessage = { [unowned self] _, input in received(input) }
        connection.onError = { [unowned self] _, code, reason in
            failure = reason
            if case .connectFailed = code { isUnreachable = true }
        }
        connection.onClose = { [unowned self] _ in closed() }
        connection.connect()
    }

    nonisolated deinit {}

    /// It has no request, and can take one.
    var isIdle: Bool { isConnected && call == nil && connection.isOpen }
    /// It has waited for so long that it is to be closed.
    func isStale(at time: Int64) -> Bool { idleUntil <= time }
    /// Of the request that is under way.
    var receivedBytes: Int { connection.bytesRead - bytesReadBefore }

    // MARK: Sending

    private func established() {
        isConnected = true
        // It may find nobody who waits for it any more.
        idleUntil = EventLoop.now + Int64(pool.keepAliveTimeout * 1e9)
        pool.isConnected(self)
    }

    /// Sends a request; of its body what comes at once.
    func start(_ call: HTTPCall, _ head: [UInt8], _ body: HTTPClientBody.Content, hasResponseBody: Bool) {
        self.call = call
        isSent = false
        failure = nil
        bytesReadBefore = connection.bytesRead
        wire.expectResponse(hasBody: hasResponseBody)
        switch body {
        case .none:
            isSent = true
            connection.sendRaw(head)
        case .bytes(let bytes):
            isSent = true
            // One segment where both are small.
            if bytes.count <= 16 * 1024 {
                connection.sendRaw(head + bytes)
            } else {
                connection.sendRaw(head)
                if connection.isOpen { connection.sendRaw(bytes) }
            }
        case .pieces: connection.sendRaw(head)
        }
    }

    /// Sends a piece of the body, when there is room. False when the request is over already.
    func send(_ piece: [UInt8], for call: HTTPCall) async throws -> Bool {
        guard self.call === call else { return false }
        try await connection.write(piece)
        return self.call === call
    }

    func finishedSending(_ call: HTTPCall) {
        if self.call === call { isSent = true }
    }

    // MARK: Receiving

    private func received(_ input: HTTPClientWire.Input) {
        guard let call else { return discard() }
        if let head = input.head {
            serverPatience = head.keepAlive
            call.received(head)
        }
        if self.call === call, !input.body.isEmpty { call.received(body: input.body) }
        guard self.call === call else { return }
        if let error = input.error { return end(call, .invalidResponse(error.description)) }
        guard input.isComplete else { return }
        // What is left of a request cannot be taken back, and would be read as the next one.
        let canStay = !wire.closes && !input.hasSurplus && isSent
        finish(call, canStay: canStay)
    }

    /// The connection is free before the user hears of it: the next request may be made there.
    private func finish(_ call: HTTPCall, canStay: Bool) {
        self.call = nil
        // The last piece may have been one too many for who reads it, which is none of the next request's business.
        if canStay { resume() }
        if canStay, connection.isOpen { release() } else { discard() }
        call.completed()
    }

    /// Another request may have it.
    func release() {
        isReused = true
        idleUntil = EventLoop.now + Int64(min(pool.keepAliveTimeout, serverPatience) * 1e9)
        pool.isReady(self)
    }

    /// Has the call that is under way look at the clock, at `time` in monotonic nanoseconds or before.
    func wake(at time: Int64) {
        guard time < alarm else { return }
        timer?.cancel()
        alarm = time
        timer = .at(time) { [unowned self] in
            timer = nil
            alarm = .max
            call?.timeOut()
        }
    }

    private func end(_ call: HTTPCall, _ error: HTTPClientError) {
        self.call = nil
        discard()
        call.failed(error)
    }

    /// Nobody wants the rest of the response.
    func abandon(_ call: HTTPCall) {
        guard self.call === call else { return }
        self.call = nil
        discard()
    }

    func pause() { connection.pauseReading() }
    func resume() { connection.resumeReading() }

    // MARK: The end

    /// Closes for good.
    func discard() {
        timer?.cancel()
        pool.forget(self)
        connection.destroy()
    }

    private func closed() {
        timer?.cancel()
        pool.forget(self)
        guard let call else {
            if !isConnected { pool.connectFailed(failure ?? "the connection was closed") }
            return
        }
        self.call = nil
        if connection.peerHasFinished, wire.finish() { return call.completed() }
        if isUnreachable { return call.failed(.connectFailed(failure ?? "")) }
        let hasBegun = !wire.isBetweenResponses || receivedBytes > 0
        let how =
            failure
            ?? (hasBegun
                ? "the server closed the connection in the middle of the response"
                : "the server closed the connection without a response")
        call.lost(how, hasBegun: hasBegun, isReused: isReused)
    }
}
