import Apus

/// What a router does with one method of the paths of one pattern.
final class Route {
    let method: HTTPMethod
    let pattern: RoutePattern
    let handler: RequestHandler

    init(_ method: HTTPMethod, _ pattern: RoutePattern, _ handler: RequestHandler) {
        self.method = method
        self.pattern = pattern
        self.handler = handler
    }

    nonisolated deinit {}
}
