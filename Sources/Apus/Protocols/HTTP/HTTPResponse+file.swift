import ApusProtocols
import CApus

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
            let facts = FileFacts(path, file, contentType, downloadName)
            let answer = HTTPConditions(request).answer(
                for: facts.representation, isHead: request.method == .head, now: facts.now)
            self.init(answer, file, facts, headers)
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
            source = .file(HTTPFileBody(file, 0..<file.size))
            FileFacts(path, file, contentType, downloadName).describe(&self.headers)
        } catch {
            self.init(error)
        }
    }

    private init(
        _ answer: HTTPConditions.Answer, _ file: OpenFile, _ facts: FileFacts, _ headers: HTTPHeaders
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
            source = .file(HTTPFileBody(file, 0..<file.size))
            facts.validate(&self.headers)
            facts.describe(&self.headers)
        case .ranges(let ranges):
            status = .partialContent
            facts.validate(&self.headers)
            facts.describe(&self.headers)
            if ranges.count == 1 {
                source = .file(HTTPFileBody(file, ranges[0]))
                self.headers["Content-Range"] = HTTPFileBody.contentRange(ranges[0], of: file.size)
            } else {
                let boundary = String(UInt64.random(in: .min ... .max), radix: 36)
                source = .file(
                    HTTPFileBody(file, ranges, contentType: facts.contentType, boundary: boundary))
                self.headers["Content-Type"] = "multipart/byteranges; boundary=\(boundary)"
            }
        }
    }

    private init(_ failure: OpenFile.Failure) {
        switch failure {
        case .missing: self.init(page: .notFound)
        case .notAllowed: self.init(page: .forbidden)
        case .unavailable: self.init(page: .serviceUnavailable)
        }
    }

    /// A page that says the status.
    private init(page status: HTTPStatus) { self.init(status, body: "<h3>\(status)</h3>") }
}

/// What the header of a response says of a file.
private struct FileFacts {
    let now = HTTPTime(seconds: capus_wall_ns() / 1_000_000_000)
    let representation: HTTPConditions.Representation
    let contentType: String
    /// Only the name of the file tells that it is compressed.
    let contentCoding: String?
    let disposition: String?

    init(_ path: String, _ file: OpenFile, _ contentType: ContentType?, _ downloadName: String?) {
        let (seconds, nanoseconds) = file.modified
        let parts = [UInt64(bitPattern: seconds), UInt64(bitPattern: nanoseconds), UInt64(file.size)]
        representation = HTTPConditions.Representation(
            tag: HTTPEntityTag(opaque: parts.map { String($0, radix: 16) }.joined(separator: "-")),
            // RFC 9110 §8.8.2.1: never later than the response.
            modified: min(HTTPTime(seconds: seconds), now), size: file.size)
        let known = contentType?.value ?? MediaTypes.type(ofPath: path)
        self.contentType = known ?? ContentType.octetStream.value
        contentCoding = contentType == nil && path.lowercased().hasSuffix(".svgz") ? "gzip" : nil
        disposition =
            downloadName.map { Self.attachment($0) }
            ?? (known == nil ? Self.attachment(String(path.split(separator: "/").last ?? "")) : nil)
    }

    /// The fields that tell one state of the file from another.
    func validate(_ headers: inout HTTPHeaders) {
        headers["ETag"] = representation.tag.text
        headers["Last-Modified"] = representation.modified.text
        headers["Accept-Ranges"] = "bytes"
    }

    /// The fields that tell what is in the file.
    func describe(_ headers: inout HTTPHeaders) {
        headers["Content-Type"] = contentType
        if let contentCoding { headers["Content-Encoding"] = contentCoding }
        if let disposition { headers["Content-Disposition"] = disposition }
    }

    /// RFC 6266 §4: names that are not all ASCII are given in both forms.
    private static func attachment(_ name: String) -> String {
        let safe = name.unicodeScalars.filter {
            $0.value >= 0x20 && $0.value != 0x7F && !"\"\\".unicodeScalars.contains($0)
        }
        let plain = String(String.UnicodeScalarView(safe.map { $0.isASCII ? $0 : "_" }))
        guard safe.contains(where: { !$0.isASCII }) else { return "attachment; filename=\"\(plain)\"" }
        let coded = String(String.UnicodeScalarView(safe)).utf8.map(Self.coded).joined()
        return "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(coded)"
    }

    /// RFC 8187 §3.2.1.
    private static func coded(_ byte: UInt8) -> String {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: return String(UnicodeScalar(byte))
        default:
            if "!#$&+-.^_`|~".utf8.contains(byte) { return String(UnicodeScalar(byte)) }
            return (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
        }
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
