public import Apus

/// Sends requests to handlers by method and path:
///
///     let router = Router()
///     router.get("/") { _ in "Hello, World!" }
///     router.get("/users/:id") { request in
///         let user = try await users.find(request.parameters.require("id", as: Int.self))
///         return try HTTPResponse(json: user)
///     }
///     server.serve(router)
///
/// `:name` in a path leaves one segment open, `*name` at its end all that follow. Literal segments go before open ones.
/// A slash at the end of a path makes no difference. HEAD is answered as GET without its body, OPTIONS with the methods
/// of the path, other methods of a known path with 405, and unknown paths with 404.
///
/// What a handler throws becomes a response: the status of an `HTTPError`, else 500.
public final class Router {
    private let prefix: String
    private var middleware: [Middleware]
    private var routes: [(method: HTTPMethod, path: String, body: HTTPBodyPolicy?, handler: RequestHandler)] = []
    private var groups: [Router] = []
    /// What becomes of the bodies of requests for routes that do not say so themselves; see `HTTPBodyPolicy`. Unless
    /// set that of the router which a group belongs to counts, and at last that of the worker: in memory, up to
    /// `HTTP.maxRequestBytes`.
    public var body: HTTPBodyPolicy?
    /// What answers paths that no route has; 404 unless set. A group leaves it to the router it belongs to.
    public var notFound = RequestHandler { _ in throw HTTPError(.notFound) }

    /// A router without routes.
    public convenience init() { self.init(prefix: "", []) }

    private init(prefix: String, _ middleware: [Middleware]) {
        self.prefix = prefix
        self.middleware = middleware
    }

    // MARK: Middleware and groups

    /// Puts middleware around every handler of this router and its groups, those that were added before included.
    /// The first is the outermost.
    public func use(_ middleware: Middleware...) { self.middleware += middleware }

    /// Puts middleware around that which is there.
    func surround(with middleware: Middleware) { self.middleware.insert(middleware, at: 0) }

    /// Routes whose paths begin with `prefix`, with middleware of their own inside that of this router.
    public func group(_ prefix: String, _ middleware: Middleware...) -> Router {
        let group = Router(prefix: prefix, middleware)
        groups.append(group)
        return group
    }

    // MARK: Routes

    /// Answers requests of one method and path with what `handler` returns. `body` says what becomes of their bodies:
    ///
    ///     router.on(.put, "/files/:name", body: .stream(upTo: 1 << 30)) { request in
    ///         try await request.saveBody(to: path(of: request))
    ///         return HTTPResponse(.noContent)
    ///     }
    public func on(
        _ method: HTTPMethod, _ path: String, body: HTTPBodyPolicy? = nil,
        _ handler: @escaping @MainActor (HTTPRequest) throws -> HTTPResponse
    ) {
        add(method, path, body: body, RequestHandler(handler))
    }

    /// The same, with a handler that may wait. Requests of the same connection wait for it, others do not.
    public func on(
        _ method: HTTPMethod, _ path: String, body: HTTPBodyPolicy? = nil,
        _ handler: @escaping @MainActor (HTTPRequest) async throws -> HTTPResponse
    ) {
        add(method, path, body: body, RequestHandler(suspending: handler))
    }

    /// The same, with a handler that was made elsewhere.
    public func add(
        _ method: HTTPMethod, _ path: String, body: HTTPBodyPolicy? = nil, _ handler: RequestHandler
    ) {
        routes.append((method, path, body, handler))
    }

    // MARK: Serving

    /// The whole as one handler. A pattern that is none, or two routes for the same method and path, end the program:
    /// they are mistakes in it.
    func makeTable() -> RouteTable {
        let table = RouteTable(
            notFound: wrapped(notFound, middleware), otherMethod: wrapped(RouteTable.answerOtherMethod, middleware))
        collect(into: table, prefix: "", [], body: nil)
        return table
    }

    private func collect(
        into table: RouteTable, prefix outer: String, _ outerMiddleware: [Middleware], body outerBody: HTTPBodyPolicy?
    ) {
        let prefix = outer + (self.prefix.hasSuffix("/") ? String(self.prefix.dropLast()) : self.prefix)
        let all = outerMiddleware + middleware
        let usualBody = self.body ?? outerBody
        for (method, path, body, handler) in routes {
            do {
                let pattern = try RoutePattern(prefix + path)
                let route = Route(method, pattern, body: body ?? usualBody, wrapped(handler, all))
                precondition(table.add(route), "there are two routes for \(method.name) \(prefix + path)")
            } catch {
                preconditionFailure("\(error)")
            }
        }
        for group in groups { group.collect(into: table, prefix: prefix, all, body: usualBody) }
    }

    private func wrapped(_ handler: RequestHandler, _ middleware: [Middleware]) -> RequestHandler {
        middleware.reversed().reduce(handler) { next, layer in layer(next) }
    }
}
