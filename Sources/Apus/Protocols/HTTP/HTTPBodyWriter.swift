import ApusProtocols

/// The body of an answer that is sent as it is made; see `Connection.startResponse`.
///
/// Keep it until `end`: an answer whose writer is let go before ends with its connection, so that the client can tell
/// that something is missing. The next request of the same client waits for the end.
@MainActor public final class HTTPBodyWriter {
    /// How the client finds the end of the body.
    enum Framing {
        /// RFC 9112 §7.1.
        case chunked
        /// Bytes that are still to come.
        case length(Int)
        /// Clients of HTTP/1.0 know no chunks.
        case untilClose
        /// HEAD, 204 and 304: nothing is sent.
        case none
    }

    /// Bytes that may wait before `write` does.
    private static let mostWaitingBytes = 256 * 1024

    private let transport: StreamConnection
    private var framing: Framing
    private var isOver = false
    /// What is made of the pieces before they are sent.
    var filter: (any HTTPBodyFilter)?

    init(_ transport: StreamConnection, _ framing: Framing) {
        self.transport = transport
        self.framing = framing
        transport.moreExtras.bodyWriter = ObjectIdentifier(self)
    }

    /// Later: what the handler throws is still to be heard of, which lets the writer go as it leaves.
    isolated deinit {
        guard isOpen else { return }
        let transport = transport
        let identity = ObjectIdentifier(self)
        transport.loop.execute {
            if transport.extras?.bodyWriter == identity { transport.destroy() }
        }
    }

    /// The client is still there and the answer has not ended.
    public var isOpen: Bool {
        !isOver && transport.state == .established && transport.extras?.bodyWriter == ObjectIdentifier(self)
    }

    /// The client wants a body: the request was not HEAD, and the status has one.
    var takesBytes: Bool {
        if case .none = framing { false } else { true }
    }

    /// Sends a piece of the body now, without waiting for room. More than `maxSendBufferSize` that waits ends the
    /// connection: an answer with a hole would be taken for a whole one. See `write`.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> SendResult {
        guard isOpen else { return .failed }
        guard transport.canSend() else {
            abandon()
            return .failed
        }
        let bytes = filter?.filter(bytes, isLast: false) ?? bytes
        guard !bytes.isEmpty else { return .sent }
        guard let piece = frame(bytes) else {
            abandon()
            return .failed
        }
        return piece.isEmpty ? .sent : piece.withUnsafeBytes { transport.sendRaw($0, owner: ByteBox(piece)) }
    }

    /// Sends a piece of the body as UTF-8; see `send(_:)` for bytes.
    @discardableResult
    public func send(_ text: String) -> SendResult { send(Array(text.utf8)) }

    /// Sends a piece of the body after waiting for as long as 256 KiB, or `maxSendBufferSize`, or more is still to be
    /// sent: clients that read nothing hold no more than that and a piece. Throws `ConnectionError.closed` when the
    /// client has gone, or goes meanwhile.
    public func write(_ bytes: [UInt8]) async throws {
        try await transport.waitForRoom(below: Self.mostWaitingBytes)
        if send(bytes) == .failed { throw ConnectionError.closed }
    }

    /// Sends a piece of the body as UTF-8; see `write(_:)` for bytes.
    public func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// The body is complete. `trailers` follow a chunked one (RFC 9110 §6.5) and are dropped elsewhere, as are those
    /// that have to stand in the header, such as `Content-Type`, `Set-Cookie` and `Trailer` (§6.5.1). A body that is
    /// shorter than its announced length ends the connection.
    public func end(trailers: HTTPHeaders = [:]) {
        guard isOpen else { return }
        if let filter {
            self.filter = nil
            guard send(filter.filter([], isLast: true)) != .failed else { return }
        }
        switch framing {
        case .length(let missing) where missing > 0: return abandon()
        case .chunked:
            let allowed = trailers.fields.filter { TrailerField.isAllowed($0.name) }
            let fields = allowed.map { "\($0.name): \($0.value)\r\n" }.joined()
            _ = Array("0\r\n\(fields)\r\n".utf8).withUnsafeBytes { transport.sendRaw($0) }
        case .length, .untilClose, .none: break
        }
        close()
        transport.answered()
    }

    /// The answer is complete, or will never be.
    private func close() {
        isOver = true
        transport.extras?.bodyWriter = nil
    }

    private func abandon() {
        close()
        transport.destroy()
    }

    /// Nil when there is more than was announced.
    private func frame(_ bytes: [UInt8]) -> [UInt8]? {
        switch framing {
        case .chunked: return Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + [0x0D, 0x0A]
        case .length(let missing):
            guard bytes.count <= missing else { return nil }
            framing = .length(missing - bytes.count)
            return bytes
        case .untilClose: return bytes
        case .none: return []
        }
    }
}

extension Connection where P == HTTP {
    /// Begins an answer whose body is sent piece by piece, in chunks unless its length is given:
    ///
    ///     connection.run {
    ///         let body = try connection.startResponse(headers: ["Content-Type": "text/csv"])
    ///         for row in rows { try await body.write(row) }
    ///         body.end()
    ///     }
    ///
    /// A body of another length than the announced one ends the connection. Throws `ConnectionError.closed` when no
    /// request waits for an answer, and an `HTTPError` with status 500 for an interim status, 1xx but for 101, and for
    /// a negative length.
    public func startResponse(
        _ status: HTTPStatus = .ok, headers: HTTPHeaders = [:], contentLength: Int? = nil
    ) throws -> HTTPBodyWriter {
        try transport.startAnswer(status, headers, contentLength: contentLength, phase: .streaming)
    }
}
