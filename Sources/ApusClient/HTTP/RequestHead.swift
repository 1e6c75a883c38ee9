import Apus
import ApusProtocols

/// The head of a request as it is sent (RFC 9112 §3).
nonisolated enum RequestHead {
    /// What a client adds to its requests.
    struct Additions {
        /// Of a request that is given to a proxy whole: what goes into `Proxy-Authorization`, "" for nothing. Nil for
        /// others.
        var absoluteFormAuthorization: String?
        /// Lines that all requests have.
        var lines: DefaultLines
        var cookies: String?
    }

    /// RFC 9110 §15.4: what a request has for the server that it was meant for, and for none to which that sends it on.
    static let meantForOneServer = ["Authorization", "Cookie", "Proxy-Authorization", "Host"]
    /// What the client says itself, of the body.
    private static let framing = ["Content-Length", "Transfer-Encoding"]

    /// Lines that all requests have which have no field of that name.
    struct DefaultLines {
        private let lines: [(name: String, line: [UInt8])]
        /// All of them.
        private let joined: [UInt8]
        let hasHost: Bool
        /// The name of one that no request may have.
        let forbidden: String?

        init(_ headers: HTTPHeaders) {
            lines = headers.fields.map { ($0.name, Array("\($0.name): \($0.value)\r\n".utf8)) }
            joined = lines.flatMap(\.line)
            hasHost = headers["Host"] != nil
            forbidden = framing.first { headers[$0] != nil }
        }

        func append(to bytes: inout [UInt8], but headers: HTTPHeaders) {
            if headers.isEmpty {
                bytes += joined
            } else {
                for (name, line) in lines where headers[name] == nil { bytes += line }
            }
        }
    }

    /// Throws what would break the message, or what the client says itself.
    static func check(_ request: HTTPClientRequest, _ lines: DefaultLines) throws(HTTPClientError) {
        if let name = lines.forbidden { throw .invalidRequest("\(name) is the client's own: the body says it") }
        guard HTTPHeaders.isToken(request.method) else {
            throw .invalidRequest("«\(request.method)» is no method")
        }
        guard request.method != "CONNECT" else { throw .invalidRequest("CONNECT is for proxies: see options.proxy") }
        guard !request.headers.isEmpty else { return }
        for name in framing where request.headers[name] != nil {
            throw .invalidRequest("\(name) is the client's own: the body says it")
        }
    }

    static func isIdempotent(_ method: String) -> Bool {
        switch method {
        case "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE": true
        default: false
        }
    }

    /// RFC 9110 §8.6: methods that mean a body say so when there is none.
    private static func meansBody(_ method: String) -> Bool {
        switch method {
        case "POST", "PUT", "PATCH": true
        default: false
        }
    }

    /// `url` is that of the request, `length` that of its body in bytes; nil for chunks.
    static func append(
        to bytes: inout [UInt8], _ request: HTTPClientRequest, _ url: HTTPURL, _ additions: Additions, length: Int?
    ) {
        let headers = request.headers
        append(request.method, &bytes)
        bytes.append(0x20)
        let authorization = additions.absoluteFormAuthorization
        // RFC 9112 §3.2.2: to a proxy, which is to find the server.
        if authorization != nil { append("http://\(url.authority)", &bytes) }
        append(url.target, &bytes)
        let hasOwn = !headers.isEmpty
        if hasOwn && headers["Host"] != nil || additions.lines.hasHost {
            append(" HTTP/1.1\r\n", &bytes)
        } else {
            append(" HTTP/1.1\r\nHost: ", &bytes)
            append(url.authority, &bytes)
            append("\r\n", &bytes)
        }
        headers.appendLines(to: &bytes)
        additions.lines.append(to: &bytes, but: headers)
        if let credentials = url.credentials, headers["Authorization"] == nil {
            add(
                "Authorization", "Basic \(String(decoding: Base64.encode(Array(credentials.utf8)), as: UTF8.self))",
                &bytes)
        }
        if let authorization, !authorization.isEmpty { add("Proxy-Authorization", authorization, &bytes) }
        if let cookies = additions.cookies, headers["Cookie"] == nil { add("Cookie", cookies, &bytes) }
        if let type = request.body.contentType, !headers.hasContentType { add("Content-Type", type, &bytes) }
        if let length {
            if length > 0 || request.body.isSome || meansBody(request.method) {
                add("Content-Length", "\(length)", &bytes)
            }
        } else {
            add("Transfer-Encoding", "chunked", &bytes)
        }
        append("\r\n", &bytes)
    }

    private static func append(_ text: String, _ bytes: inout [UInt8]) {
        var text = text
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    private static func add(_ name: String, _ value: String, _ bytes: inout [UInt8]) {
        append(name, &bytes)
        append(": ", &bytes)
        // What comes from elsewhere, such as a content type, must not begin a line of its own.
        for byte in value.utf8 where byte >= 0x20 && byte != 0x7F || byte == 0x09 { bytes.append(byte) }
        append("\r\n", &bytes)
    }
}

/// Frames the pieces of a body of a known length, or in chunks (RFC 9112 §7.1).
struct BodySender {
    private let length: Int?
    private var sent = 0

    init(length: Int?) { self.length = length }

    mutating func framed(_ piece: [UInt8]) throws(HTTPClientError) -> [UInt8] {
        sent += piece.count
        if let length {
            guard sent <= length else { throw .bodyFailed("it has more than the \(length) bytes that were announced") }
            return piece
        }
        return Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + [0x0D, 0x0A]
    }

    /// What ends the body.
    func end() throws(HTTPClientError) -> [UInt8]? {
        guard let length else { return Array("0\r\n\r\n".utf8) }
        guard sent == length else { throw .bodyFailed("it has \(sent) of the \(length) bytes that were announced") }
        return nil
    }
}

nonisolated extension HTTPClientBody {
    /// Bytes of a body that is there as a whole.
    var byteCount: Int {
        if case .bytes(let bytes) = content { bytes.count } else { 0 }
    }

    var isSome: Bool {
        if case .none = content { false } else { true }
    }

    /// The pieces of one that is not.
    @MainActor func open() throws(HTTPClientError) -> HTTPBodyPieces? {
        guard case .pieces(_, _, let open) = content else { return nil }
        do {
            return try open()
        } catch {
            throw error as? HTTPClientError ?? .bodyFailed("\(error)")
        }
    }
}
