import Apus

extension Middleware {
    /// Answers 413 to requests with a body of more than `bytes`.
    ///
    /// A body that is in memory has arrived by then: what bounds memory is `HTTP.maxRequestBytes`, or the
    /// `body` policy of a route or router. That also bounds streamed bodies whose length is not announced, which this
    /// lets through.
    public static func bodyLimit(_ bytes: Int) -> Middleware {
        precondition(bytes >= 0, "a body has 0 bytes or more")
        return Middleware(before: { request in
            let announced = request.headers["Content-Length"].flatMap { Int($0) } ?? 0
            if max(announced, request.body.count) > bytes { throw HTTPError(.contentTooLarge) }
            return nil
        })
    }
}
