import Apus

/// What responses say to caches where sessions are concerned.
enum SessionCaching {
    /// RFC 9110 §12.5.5: the response depends on the client's cookies.
    static func vary(_ headers: inout HTTPHeaders) { headers.vary(on: "Cookie") }

    /// A `Set-Cookie` field alone keeps no cache from storing a response (RFC 9111 §7.3): others would get the session.
    /// What the handler says of caching stays, but for that field.
    static func keepPrivate(_ headers: inout HTTPHeaders) {
        guard let field = headers["Cache-Control"] else {
            headers["Cache-Control"] = "private"
            return
        }
        let directives = HTTPHeaders.members(field)
        guard !directives.contains("private"), !directives.contains("no-store") else { return }
        headers["Cache-Control"] = field + ", no-cache=\"Set-Cookie\""
    }
}
