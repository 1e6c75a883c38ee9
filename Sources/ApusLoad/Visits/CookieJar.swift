import ApusProtocols

/// The cookies that one visitor has been given, and sends back (RFC 6265 §5), of the one server there is.
nonisolated struct CookieJar {
    private struct Cookie {
        let name: String
        let value: String
        let path: String
    }

    /// A server that gives more has the oldest forgotten.
    private static let most = 50

    private var cookies: [Cookie] = []

    /// Takes in the value of a `Set-Cookie` field that came for a request of `path`. One that is over already removes
    /// what was there.
    mutating func take(_ field: String, requestPath: String, now: HTTPTime) {
        guard let cookie = ReceivedCookie(field, now: now) else { return }
        let path = cookie.path ?? ReceivedCookie.defaultPath(of: requestPath)
        cookies.removeAll { $0.name == cookie.name && $0.path == path }
        if let end = cookie.end(now: now), end <= now.seconds { return }
        cookies.append(Cookie(name: cookie.name, value: cookie.value, path: path))
        if cookies.count > Self.most { cookies.removeFirst() }
    }

    /// What the `Cookie` field of a request of `path` says; empty for nothing. Longer paths come first.
    func field(for path: String) -> String {
        guard !cookies.isEmpty else { return "" }
        let path = path.prefix(beforeASCII: "?")
        return cookies.filter { ReceivedCookie.path($0.path, matches: path) }
            .enumerated().sorted { ($1.element.path.count, $0.offset) < ($0.element.path.count, $1.offset) }
            .map { "\($0.element.name)=\($0.element.value)" }.joined(separator: "; ")
    }
}
