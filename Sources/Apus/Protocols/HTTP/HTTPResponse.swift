/// A response: status, header fields and body. `Content-Length`, `Connection` and `Date` are Apus' own.
public struct HTTPResponse: Sendable {
    /// The status; 200 unless set.
    public var status: HTTPStatus
    /// The fields. Without `Content-Type` it is `text/html;charset=utf-8`.
    public var headers: HTTPHeaders
    /// Where the body comes from.
    var content: HTTPBodySource
    /// It answers an error of a handler that is the server's fault.
    package internal(set) var isFailure = false

    /// A response with a body of bytes.
    public nonisolated init(_ status: HTTPStatus = .ok, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.init(status, headers: headers, content: .bytes(body))
    }

    /// A response with a body of text.
    public nonisolated init(_ status: HTTPStatus = .ok, headers: HTTPHeaders = [:], body: String) {
        self.init(status, headers: headers, content: .text(body))
    }

    nonisolated init(_ status: HTTPStatus, headers: HTTPHeaders, content: HTTPBodySource) {
        self.status = status
        self.headers = headers
        self.content = content
    }

    /// The body. Not sent for HEAD, 204 and 304. Empty while a file or a stream is the body; setting it takes the place
    /// of that.
    public var body: [UInt8] {
        get {
            switch content {
            case .bytes(let bytes): bytes
            case .text(let text): Array(text.utf8)
            case .file, .stream, .events, .webSocket: []
            }
        }
        set { content = .bytes(newValue) }
        _modify {
            var bytes = body
            content = .bytes([])
            defer { content = .bytes(bytes) }
            yield &bytes
        }
    }

    /// The body consists of the bytes in `body`: there is no more of it elsewhere.
    public var isInMemory: Bool {
        switch content {
        case .bytes, .text: true
        case .file, .stream, .events, .webSocket: false
        }
    }
}
