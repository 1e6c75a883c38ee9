import ApusProtocols

/// Where a redirect leads (RFC 9110 §10.2.2).
nonisolated enum RedirectTarget: Equatable {
    /// To a path of the same server.
    case path(String)
    /// To another server, or to nothing that could be asked.
    case elsewhere

    /// Resolves the value of a `Location` field that came for a request of `path` on the server `authority`.
    init(_ location: String, from path: String, authority: String, isSecure: Bool) {
        guard let base = try? HTTPURL("\(isSecure ? "https" : "http")://\(authority)\(path)"),
            let url = try? base.resolved(location), url.hasOrigin(of: base)
        else {
            self = .elsewhere
            return
        }
        self = .path(url.target)
    }
}
