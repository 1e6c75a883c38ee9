import Apus

/// What a router does with one method of the paths of one pattern.
final class Route {
    let method: HTTPMethod
    let pattern: RoutePattern
    /// What becomes of the bodies of its requests; nil leaves that to the worker.
    let body: HTTPBodyPolicy?
    let handler: RequestHandler
    /// See `HTTPRequest.routeNumber`.
    let number: Int

    init(_ method: HTTPMethod, _ pattern: RoutePattern, body: HTTPBodyPolicy?, _ handler: RequestHandler) {
        self.method = method
        self.pattern = pattern
        self.body = body
        self.handler = handler
        number = HTTPRequest.routeNumber(for: pattern.text)
    }

    nonisolated deinit {}
}
