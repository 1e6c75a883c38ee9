public import Apus

/// What a worker does with each request: the routes of a router, with all middleware around them.
final class RouteTable {
    private let tree = RouteTree()
    /// Some route says what becomes of bodies.
    private(set) var hasBodyPolicies = false
    private let notFound: RequestHandler
    private let otherMethod: RequestHandler

    init(notFound: RequestHandler, otherMethod: RequestHandler) {
        self.notFound = notFound
        self.otherMethod = otherMethod
    }

    nonisolated deinit {}

    /// False when there is such a route already.
    func add(_ route: Route) -> Bool {
        if route.body != nil { hasBodyPolicies = true }
        return tree.add(route)
    }

    /// What becomes of the body of a request whose head has arrived; nil where its route does not say.
    func bodyPolicy(for request: HTTPRequest) -> HTTPBodyPolicy? {
        guard case .route(let route, _) = tree.match(request.method, request.pathBytes) else { return nil }
        return route.body
    }

    /// What answers a request. Its path's open parts are `request.parameters` from then on.
    @inline(__always)
    func handler(for request: HTTPRequest) -> RequestHandler {
        guard case .route(let route, let values) = tree.match(request.method, request.pathBytes) else {
            return handler(withoutRoute: request)
        }
        request.take(route: route.number)
        if !values.isEmpty { request.parameters = PathParameters(names: route.pattern.names, values: values) }
        return route.handler
    }

    @inline(never)
    private func handler(withoutRoute request: HTTPRequest) -> RequestHandler {
        request.take(route: 0)
        switch tree.match(request.method, request.pathBytes) {
        case .otherMethods(let methods): request[Allowed.self] = methods
        case .route, .none:
            guard request.method == .options, request.target == "*" else { return notFound }
            request[Allowed.self] = HTTPMethod.allCases
        }
        return otherMethod
    }

    /// The methods of a path that was asked for with another one.
    private enum Allowed: StorageKey {
        typealias Value = [HTTPMethod]
    }

    /// Tells which methods a path has: to OPTIONS as an answer (RFC 9110 §9.3.7), to others as an error.
    static let answerOtherMethod = RequestHandler { request in
        let methods = request[Allowed.self] ?? []
        var names = methods.map(\.name)
        if methods.contains(.get), !methods.contains(.head) { names.append("HEAD") }
        if !methods.contains(.options) { names.append("OPTIONS") }
        let allow: HTTPHeaders = ["Allow": names.joined(separator: ", ")]
        guard request.method == .options else { throw HTTPError(.methodNotAllowed, headers: allow) }
        return HTTPResponse(.noContent, headers: allow)
    }
}

extension Worker where P == HTTP {
    /// Answers every request through `router`. Routes and middleware that are added to it later do not count. Where its
    /// routes do not say what becomes of a body, a `bodyPolicy` that was set before does.
    public func serve(_ router: Router) {
        let table = router.makeTable()
        if table.hasBodyPolicies {
            let other = bodyPolicy
            bodyPolicy = { request in try table.bodyPolicy(for: request) ?? other?(request) }
        }
        onMessage = { connection, request in table.handler(for: request).serve(request, connection) }
    }
}
