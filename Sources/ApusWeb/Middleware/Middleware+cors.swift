public import Apus
public import ApusProtocols

extension Middleware {
    /// Lets pages of other sites use this server (the CORS protocol of the Fetch standard).
    ///
    ///     router.use(.cors(["https://app.example.com"], credentials: true, maxAge: 3600))
    ///
    /// A browser's question before a request (OPTIONS with `Origin` and `Access-Control-Request-Method`) is answered
    /// 204, other requests go on, and their responses, errors included, say who may read them. Requests of other sites
    /// are not refused: it is their browsers that keep the answers from them.
    ///
    /// Use it on the router, outside of what asks for credentials: browsers ask without them, and for paths that have
    /// no route for OPTIONS, which middleware of a group does not see.
    ///
    /// - Parameters:
    ///   - origins: the sites: a list, `.any`, or `.matching` with a closure.
    ///   - methods: what they may send.
    ///   - headers: the fields they may send; nil for any.
    ///   - exposedHeaders: the fields they may read beside those that all may.
    ///   - credentials: requests may carry cookies and passwords. With `.any`, pages of every site then act in the name
    ///     of your users.
    ///   - maxAge: the seconds for which browsers remember the answer to their question; nil for their own 5.
    public static func cors(
        _ origins: CORSOrigins = .any, methods: [HTTPMethod] = [.get, .head, .post, .put, .patch, .delete],
        headers: [String]? = nil, exposedHeaders: [String] = [], credentials: Bool = false, maxAge: Int? = nil
    ) -> Middleware {
        let policy = CORSPolicy(
            origins: origins, methods: methods, headers: headers, exposedHeaders: exposedHeaders,
            credentials: credentials, maxAge: maxAge)
        return Middleware(before: { policy.preflight($0) }, after: { policy.announce($0, &$1) })
    }
}
