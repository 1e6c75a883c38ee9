import ApusProtocols

extension Connection where P == HTTP {
    /// Answers 200 with text.
    @discardableResult
    public func send(_ text: String, contentType: ContentType = .html) -> SendResult {
        transport.answer(contentType, text)
    }

    /// Answers 200 with bytes.
    @discardableResult
    public func send(_ bytes: [UInt8], contentType: ContentType = .octetStream) -> SendResult {
        bytes.withUnsafeBytes {
            transport.answer(contentType, $0, owner: $0.count > 4096 ? ByteBox(bytes) : nil)
        }
    }

    /// Answers 200 with bytes of a request.
    @discardableResult
    public func send(_ bytes: ByteView, contentType: ContentType = .octetStream) -> SendResult {
        bytes.withUnsafeBytes { transport.answer(contentType, $0, owner: nil) }
    }

    /// Answers with status, fields and body. `.failed` when no request waits for an answer. An interim status, 1xx but
    /// for 101, answers nothing: the client gets a 500, and the log a line.
    @discardableResult
    public func send(_ response: HTTPResponse) -> SendResult { transport.answer(response) }
}

extension StreamConnection {
    /// Bodies up to this size are copied behind their head and leave in one piece with it.
    private static let inlineBodyBytes = 8 * 1024

    /// Answers the current request with 200 and text.
    @inline(__always)
    func answer(_ type: ContentType, _ text: String) -> SendResult {
        let count = text.utf8.count
        guard count <= Self.inlineBodyBytes else {
            let bytes = Array(text.utf8)
            return bytes.withUnsafeBytes { answer(type, $0, owner: ByteBox(bytes)) }
        }
        guard var writer = startAnswer(type, bodyCount: count) else { return .failed }
        if !http.isHead { writer.append(text: text) }
        let result = sendRendered(writer.count)
        answered()
        return result
    }

    /// Answers the current request with 200 and bytes, which stay where they are as long as `owner` lives.
    func answer(_ type: ContentType, _ body: UnsafeRawBufferPointer, owner: AnyObject?) -> SendResult {
        guard let writer = startAnswer(type, bodyCount: body.count) else { return .failed }
        let result = sendBehind(writer, http.isHead ? UnsafeRawBufferPointer(rebasing: body[..<0]) : body, owner: owner)
        answered()
        return result
    }

    /// Renders the head of a 200 response. Nil when no request waits for an answer, or the output is full.
    @inline(__always)
    private func startAnswer(_ type: ContentType, bodyCount: Int) -> ByteWriter? {
        guard http.phase == .due, canAnswer() else { return nil }
        isSendingLast = closesAfterAnswer
        let target = shared.pointee.output.target
        let headCount = shared.pointee.heads.write(
            type.value, keepsAlive: http.keepsAlive, shared.pointee.date, to: target)
        var writer = ByteWriter(target, count: headCount)
        writer.append(number: bodyCount)
        writer.append("\r\n\r\n")
        return writer
    }

    /// Answers the current request with any response.
    func answer(_ response: borrowing HTTPResponse) -> SendResult {
        guard http.phase == .due, canAnswer() else { return .failed }
        guard response.status.isFinal else { return refuse(interim: response.status) }
        switch response.content {
        case .text(let text) where text.utf8.count <= Self.inlineBodyBytes:
            return text.withBytes { answer(response, UnsafeRawBufferPointer($0), owner: nil) }
        case .text(let text):
            let bytes = Array(text.utf8)
            return bytes.withUnsafeBytes { answer(response, $0, owner: ByteBox(bytes)) }
        case .bytes(let bytes):
            let owner = bytes.count > 4096 ? ByteBox(bytes) : nil
            return bytes.withUnsafeBytes { answer(response, $0, owner: owner) }
        case .file(let file): return answer(response.status, response.headers, with: file)
        case .stream, .events, .webSocket: return Connection(self).stream(response)
        }
    }

    /// Answers with a body that stays where it is as long as `owner` lives.
    private func answer(
        _ response: borrowing HTTPResponse, _ body: UnsafeRawBufferPointer, owner: AnyObject?
    ) -> SendResult {
        if response.headers.asksForClose { http.keepsAlive = false }
        let sent = response.status.allowsBody && !http.isHead ? body : UnsafeRawBufferPointer(rebasing: body[..<0])
        let result: SendResult
        if ResponseHead.capacity(response.status, response.headers) <= shared.pointee.output.room {
            var writer = ByteWriter(shared.pointee.output.target)
            shared.pointee.start.write(
                response.status.code, response.status.reason, keepsAlive: http.keepsAlive, shared.pointee.date,
                to: &writer)
            ResponseHead.finish(&writer, response.status, response.headers, .length(body.count))
            result = sendBehind(writer, sent, owner: owner)
        } else {
            // Thousands of bytes of header: rare enough for a copy.
            let head = renderHead(response.status, response.headers, .length(body.count))
            result = (head + sent).withUnsafeBytes { sendRaw($0) }
        }
        answered()
        return result
    }

    /// An interim status answers nothing.
    @inline(never)
    private func refuse(interim status: HTTPStatus) -> SendResult {
        let mistake = HTTPError.interim(status)
        loop.status.pointee.callback_errors &+= 1
        Log.write("callback of connection \(id) (\(peer.text)) failed: \(mistake)", .error)
        _ = answer(mistake.response)
        return .failed
    }

    private func answer(
        _ status: HTTPStatus, _ headers: HTTPHeaders, with file: HTTPFileBody
    ) -> SendResult {
        let head = renderHead(status, headers, .length(file.count))
        let isSent = status.allowsBody && !http.isHead
        let result = isSent ? send(head, file) : head.withUnsafeBytes { sendRaw($0) }
        answered()
        return result
    }

    /// Sends what was rendered, and a body behind it.
    private func sendBehind(_ head: ByteWriter, _ body: UnsafeRawBufferPointer, owner: AnyObject?) -> SendResult {
        var writer = head
        guard body.count > 0 else { return sendRendered(writer.count) }
        guard body.count <= Self.inlineBodyBytes, writer.count + body.count <= shared.pointee.output.room else {
            return sendRendered(writer.count, body: body.baseAddress!, body.count, owner: owner)
        }
        writer.append(body.baseAddress!.assumingMemoryBound(to: UInt8.self), body.count)
        return sendRendered(writer.count)
    }

    /// RFC 9110 §10.1.1: the head is acceptable, so the client that waits for that is asked for the body.
    func sendContinue() {
        let line: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
        _ = sendRaw(UnsafeRawBufferPointer(start: line.utf8Start, count: line.utf8CodeUnitCount))
    }

    /// Begins an answer whose body comes later.
    func startAnswer(
        _ status: HTTPStatus, _ headers: HTTPHeaders, contentLength: Int?, phase: AnswerPhase
    ) throws -> HTTPBodyWriter {
        guard http.phase == .due, canAnswer() else { throw ConnectionError.closed }
        guard status.isFinal else { throw HTTPError.interim(status) }
        if let contentLength, contentLength < 0 {
            throw HTTPError(.internalServerError, "a body cannot have \(contentLength) bytes")
        }
        if contentLength == nil, !http.knowsChunks { http.keepsAlive = false }
        let framing =
            contentLength.map { .length($0) } ?? (http.knowsChunks ? HTTPBodyWriter.Framing.chunked : .untilClose)
        let head = renderHead(status, headers, framing)
        http.phase = phase
        stamp = shared.pointee.second
        _ = head.withUnsafeBytes { sendRaw($0) }
        return HTTPBodyWriter(self, status.allowsBody && !http.isHead ? framing : .none)
    }

    private func renderHead(
        _ status: HTTPStatus, _ headers: borrowing HTTPHeaders, _ framing: HTTPBodyWriter.Framing
    ) -> [UInt8] {
        if headers.asksForClose { http.keepsAlive = false }
        let capacity = ResponseHead.capacity(status, headers)
        return [UInt8](unsafeUninitializedCapacity: capacity) { bytes, count in
            var writer = ByteWriter(bytes.baseAddress!)
            ResponseStart.render(
                status.code, status.reason, keepsAlive: http.keepsAlive, date: shared.pointee.date.bytes, to: &writer)
            ResponseHead.finish(&writer, status, headers, framing)
            count = writer.count
        }
    }

    @inline(__always)
    private func canAnswer() -> Bool {
        if http.streamsBody { leaveBody() }
        return state == .established && (outbound == nil || canSend())
    }

    /// The answer comes before the end of the request's body. What the client still sends must not be taken for its
    /// next request: unless it is little it is not read at all.
    private func leaveBody() {
        if !(extras?.bodyIntake?.isWorthSkipping ?? false) { http.keepsAlive = false }
    }

    /// The answer is complete: the connection goes on with the next request, or ends.
    @inline(__always)
    func answered() {
        http.phase = .none
        guard http.keepsAlive else { return finish() }
        guard http.streamsBody else { return isDelivering ? () : continueDelivery() }
        extras?.bodyIntake?.skip()
        // Who goes on to read at once gets what is held.
        if !isDelivering { deliverLater() }
    }

    /// The answer is followed by `close` at once.
    @inline(__always)
    private var closesAfterAnswer: Bool { !http.keepsAlive && !mustLinger }

    /// Input that nobody will read would turn the close into a reset, which may overtake the answer.
    private var mustLinger: Bool { http.hasMore || http.streamsBody || (partial.count > 0 && !isDelivering) }

    private func finish() {
        if mustLinger { end() } else { close() }
    }
}
