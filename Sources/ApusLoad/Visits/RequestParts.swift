import ApusProtocols

/// The parts of a request as they are sent (RFC 9112 §3).
nonisolated struct RequestParts {
    var method = "GET"
    var path: [UInt8] = []
    /// The lines of all fields but for those of cookies and of the body's length.
    var fieldLines: [UInt8] = []
    var body: [UInt8]?

    init() {}

    /// A request of the server `authority`. Of each default field the request may have its own.
    init(_ request: LoadRequest, authority: String, keepsAlive: Bool) {
        method = request.method
        path = Self.path(request.path)
        var defaults = [("Host", authority), ("User-Agent", "apus-load"), ("Accept", "*/*")]
        if !keepsAlive { defaults.append(("Connection", "close")) }
        var lines = ""
        for (name, value) in defaults where !request.headers.contains(where: { $0.isNamed(name.lowercased()) }) {
            lines += "\(name): \(value)\r\n"
        }
        for field in request.headers where !field.isFraming { lines += "\(field.name): \(field.value)\r\n" }
        fieldLines = Array(lines.utf8)
        body = request.body
    }

    private static func path(_ text: String) -> [UInt8] {
        let path = PercentCoding.encode(text) { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }
        return Array((path.hasPrefix("/") ? path : "/" + path).utf8)
    }

    /// Whether the response can have a body.
    var responseHasBody: Bool { method != "HEAD" }

    /// Writes the request. `cookies` is the value of its field, empty for none.
    func append(to bytes: inout [UInt8], cookies: String = "") {
        bytes += method.utf8
        bytes.append(0x20)
        bytes += path
        bytes += " HTTP/1.1\r\n".utf8
        bytes += fieldLines
        if !cookies.isEmpty { bytes += "Cookie: \(cookies)\r\n".utf8 }
        // RFC 9110 §8.6: where a method anticipates content, its absence is said.
        if body != nil || ["POST", "PUT", "PATCH"].contains(method) {
            bytes += "Content-Length: \(body?.count ?? 0)\r\n".utf8
        }
        bytes += "\r\n".utf8
        if let body { bytes += body }
    }

    /// Makes it the request that a redirect with that status asks for (RFC 9110 §15.4): of the path, and except for 307
    /// and 308 without what was posted.
    mutating func redirect(to path: [UInt8], status: UInt16) {
        self.path = path
        guard status < 307, method != "GET", method != "HEAD" else { return }
        method = "GET"
        body = nil
        let content = Array("content-".utf8)
        let lines = fieldLines.split(separator: 0x0A)
        fieldLines = Array(
            lines.filter { !$0.prefix(content.count).map { $0 | 0x20 }.starts(with: content) }
                .map { $0 + [0x0A] }.joined())
    }
}
