import ApusProtocols

extension HTTPResponse {
    /// The answer to a request for a file: what the request says of ranges and of the state that the client knows is
    /// followed (RFC 9110 §13, §14).
    ///
    /// The status is 200, 206 for ranges (several as `multipart/byteranges`), 304 for a client that has the file, 412
    /// when a precondition fails, 416 when no range exists, 404 for what is missing or no regular file, 403 for what
    /// this process may not read, 405 for methods other than GET and HEAD, and 503 when no descriptor is left. Look at
    /// it before you send the response: `if response.status == .notFound { … }`.
    ///
    /// `Content-Type` follows the extension unless `contentType` is given. Browsers save files of unknown type rather
    /// than show them, and all with a `downloadName`. `ETag` is made of the time of the last change and the size.
    /// `headers` go with 200, 206 and 304: `["Cache-Control": "max-age=3600"]`.
    ///
    /// The file is opened here and closed once it is sent and the response has gone. `path` is used as it is: do not
    /// make it of a request's path without looking where it leads.
    public init(
        file path: String, for request: HTTPRequest, contentType: ContentType? = nil, downloadName: String? = nil,
        headers: HTTPHeaders = [:]
    ) {
        guard request.method == .get || request.method == .head else {
            self.init(page: .methodNotAllowed)
            self.headers["Allow"] = "GET, HEAD"
            return
        }
        do {
            let file = try OpenFile(path)
            let description = FileDescription(
                path: path, file.state, contentType: contentType, downloadName: downloadName)
            self.init(description.answer(to: request), file, description, headers)
        } catch {
            self.init(error)
        }
    }

    /// A response with the whole file as its body, whatever the request asks for: a page for an error, for instance. A
    /// file that cannot be opened makes it a 404, 403 or 503, as above.
    public init(
        _ status: HTTPStatus = .ok, file path: String, contentType: ContentType? = nil, downloadName: String? = nil,
        headers: HTTPHeaders = [:]
    ) {
        do {
            let file = try OpenFile(path)
            self.init(status, headers: headers)
            content = .file(HTTPFileBody(file, 0..<file.size))
            FileDescription(path: path, file.state, contentType: contentType, downloadName: downloadName)
                .describe(&self.headers)
        } catch {
            self.init(error)
        }
    }

    /// What `answer` says of a file that is open.
    package init(
        _ answer: HTTPConditions.Answer, _ file: OpenFile, _ facts: FileDescription, _ headers: HTTPHeaders
    ) {
        self.init(.ok, headers: headers)
        switch answer {
        case .preconditionFailed: self.init(page: .preconditionFailed)
        case .rangeNotSatisfiable:
            self.init(page: .rangeNotSatisfiable)
            self.headers["Content-Range"] = "bytes */\(file.size)"
        case .notModified:
            status = .notModified
            facts.validate(&self.headers)
        case .whole:
            content = .file(HTTPFileBody(file, 0..<file.size))
            facts.validate(&self.headers)
            facts.describe(&self.headers)
        case .ranges(let ranges):
            status = .partialContent
            facts.validate(&self.headers)
            facts.describe(&self.headers)
            if ranges.count == 1 {
                content = .file(HTTPFileBody(file, ranges[0]))
                self.headers["Content-Range"] = HTTPFileBody.contentRange(ranges[0], of: file.size)
            } else {
                let boundary = String(UInt64.random(in: .min ... .max), radix: 36)
                content = .file(HTTPFileBody(file, ranges, contentType: facts.contentType, boundary: boundary))
                self.headers["Content-Type"] = "multipart/byteranges; boundary=\(boundary)"
            }
        }
    }

    /// The answer to a request for what cannot be opened.
    package init(_ failure: OpenFile.Failure) {
        switch failure {
        case .missing: self.init(page: .notFound)
        case .notAllowed: self.init(page: .forbidden)
        case .unavailable: self.init(page: .serviceUnavailable)
        }
    }

    /// A page that says the status.
    package init(page status: HTTPStatus) { self.init(status, body: "<h3>\(status)</h3>") }
}

extension FileDescription {
    /// What a GET or HEAD request gets of the file (RFC 9110 §13.2.2).
    package func answer(to request: HTTPRequest) -> HTTPConditions.Answer {
        HTTPConditions(request).answer(for: representation, isHead: request.method == .head, now: .now)
    }
}

extension HTTPConditions {
    fileprivate init(_ request: HTTPRequest) {
        self.init()
        let headers = request.headers
        ifMatch = headers["if-match"]
        ifUnmodifiedSince = headers["if-unmodified-since"]
        ifNoneMatch = headers["if-none-match"]
        ifModifiedSince = headers["if-modified-since"]
        range = headers["range"]
        if range != nil { ifRange = headers["if-range"] }
    }
}
