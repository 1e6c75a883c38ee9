import ApusProtocols

extension Connection where P == HTTP {
    /// Answers 200 with text.
    @discardableResult
    public func send(_ text: String, contentType: ContentType = .html) -> SendResult {
        var text = text
        return text.withUTF8 { bytes in
            transport.answer(contentType, UnsafeRawBufferPointer(bytes), owner: nil)
        }
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

    /// Answers with status, fields and body. `.failed` when no request waits for an answer.
    @discardableResult
    public func send(_ response: HTTPResponse) -> SendResult { transport.answer(response) }
}

extension StreamConnection {
    /// Bodies up to this size are copied behind their head and leave in one piece with it.
    private static let inlineBodyBytes = 8 * 1024

    /// Answers the current request with 200.
    @inline(__always)
    func answer(_ type: ContentType, _ body: UnsafeRawBufferPointer, owner: AnyObject?) -> SendResult {
        guard http.isAnswering, canAnswer() else { return .failed }
        let target = renderTarget
        let headCount = loop.headCache.write(type, keepsAlive: http.keepsAlive, loop.date, to: target)
        guard headCount > 0 else {
            return answer(HTTPResponse(headers: ["Content-Type": type.value], body: Array(body)))
        }
        var writer = ByteWriter(target, count: headCount)
        writer.append(number: body.count)
        writer.append("\r\n\r\n")
        let result: SendResult
        if body.count <= Self.inlineBodyBytes || http.isHead {
            if !http.isHead, let base = body.baseAddress {
                writer.append(base.assumingMemoryBound(to: UInt8.self), body.count)
            }
            result = sendRendered(writer.count)
        } else {
            result = sendRendered(writer.count, body: body.baseAddress!, body.count, owner: owner)
        }
        answered()
        return result
    }

    /// Answers the current request with any response.
    func answer(_ response: HTTPResponse) -> SendResult {
        guard http.isAnswering, canAnswer() else { return .failed }
        if let connection = response.headers["connection"], connection.lowercased().contains("close") {
            http.keepsAlive = false
        }
        let hasBody = response.status.allowsBody && !http.isHead
        let head = renderHead(response)
        let body = hasBody ? response.body : []
        let owner = body.count > 4096 ? ByteBox(body) : nil
        let result: SendResult
        if head.count + body.count <= renderRoom, body.count <= Self.inlineBodyBytes {
            var writer = ByteWriter(renderTarget)
            head.withUnsafeBufferPointer { writer.append($0.baseAddress!, $0.count) }
            body.withUnsafeBufferPointer { if let base = $0.baseAddress { writer.append(base, $0.count) } }
            result = sendRendered(writer.count)
        } else {
            _ = head.withUnsafeBytes { sendRaw($0) }
            result = body.withUnsafeBytes { sendRaw($0, owner: owner) }
        }
        answered()
        return result
    }

    private func renderHead(_ response: HTTPResponse) -> [UInt8] {
        var text = "HTTP/1.1 \(response.status.code) \(response.status.reason)\r\nDate: "
        text += String(decoding: UnsafeBufferPointer(start: loop.date.bytes, count: HTTPDate.count), as: UTF8.self)
        text += http.keepsAlive ? "\r\nConnection: keep-alive\r\n" : "\r\nConnection: close\r\n"
        for (name, value) in response.headers.fields where !isReserved(name) { text += "\(name): \(value)\r\n" }
        if response.status.allowsBody {
            if response.headers["content-type"] == nil { text += "Content-Type: text/html;charset=utf-8\r\n" }
            text += "Content-Length: \(response.body.count)\r\n"
        }
        return Array((text + "\r\n").utf8)
    }

    /// Fields that frame the message are written by Apus alone.
    private func isReserved(_ name: String) -> Bool {
        ["connection", "content-length", "date", "transfer-encoding"].contains(name.lowercased())
    }

    @inline(__always)
    private func canAnswer() -> Bool {
        state == .established && (outbound == nil || canSend())
    }

    /// The answer is complete: the connection goes on with the next request, or ends.
    @inline(__always)
    private func answered() {
        http.isAnswering = false
        guard http.keepsAlive else { return finish() }
        if !isDelivering { continueDelivery() }
    }

    private func finish() {
        // Input that nobody will read would turn the close into a reset, which may overtake the answer.
        if http.hasMore || partial.count > 0 && !isDelivering { end() } else { close() }
    }
}
