extension Connection where P == HTTP {
    /// Answers GET or HEAD with a file, or with the ranges of it that the request asks for; see
    /// `HTTPResponse.init(file:for:contentType:downloadName:headers:)` for the statuses and fields. Small files leave
    /// with their head in one piece, others through `sendfile` or, over TLS, in small pieces, while other connections
    /// go on. The next request of this connection waits until the file is out.
    @discardableResult
    public func send(
        file path: String, for request: HTTPRequest, contentType: ContentType? = nil, downloadName: String? = nil,
        headers: HTTPHeaders = [:]
    ) -> SendResult {
        send(
            HTTPResponse(
                file: path, for: request, contentType: contentType, downloadName: downloadName, headers: headers))
    }
}

extension StreamConnection {
    /// One range of so many bytes is read at once; system calls for more would cost more than the copy.
    private var readAtOnce: Int { tls == nil ? 16 * 1024 : 48 * 1024 }

    /// Sends a head and ranges of a file behind it.
    func send(_ head: [UInt8], _ body: HTTPFileBody) -> SendResult {
        if body.parts.count == 1, body.count <= readAtOnce { return sendAtOnce(head, body.file, body.parts[0].range) }
        let output = FileOutput()
        output.append(head)
        for part in body.parts {
            output.append(part.head)
            output.append(body.file, part.range)
        }
        output.append(body.tail)
        return send(output)
    }

    private func sendAtOnce(_ head: [UInt8], _ file: OpenFile, _ range: Range<Int>) -> SendResult {
        let count = head.count + range.count
        if count > shared.pointee.output.room, isCorked { uncork() }
        guard state != .closed else { return .failed }
        guard count <= shared.pointee.output.room else { return sendInMemory(head, file, range) }
        var writer = ByteWriter(shared.pointee.output.target)
        writer.append(head)
        guard file.read(range, into: shared.pointee.output.target + writer.count) else { return fileFailed() }
        return sendRendered(count)
    }

    /// For a head that leaves no room, or while the output of another connection is collected.
    private func sendInMemory(_ head: [UInt8], _ file: OpenFile, _ range: Range<Int>) -> SendResult {
        var isRead = true
        let body = [UInt8](unsafeUninitializedCapacity: range.count) { bytes, count in
            if let base = bytes.baseAddress { isRead = file.read(range, into: base) }
            count = isRead ? range.count : 0
        }
        guard isRead else { return fileFailed() }
        return (head + body).withUnsafeBytes { sendRaw($0) }
    }

    /// The file is shorter than its head says, or cannot be read.
    private func fileFailed() -> SendResult {
        noteFailedSend("the file became shorter while it was sent")
        destroy()
        return .failed
    }
}
