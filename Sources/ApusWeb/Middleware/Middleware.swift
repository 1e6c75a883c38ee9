public import Apus

/// What is put around handlers: it may answer in their place, look at requests, and change responses.
///
/// The first middleware of a router is the outermost: it sees a request first and its response last, whatever became
/// of it, errors included.
public struct Middleware {
    private let wrap: @MainActor (RequestHandler) -> RequestHandler

    /// Middleware that makes a handler of the next one. Called once for each route, when the server starts.
    public init(wrapping wrap: @escaping @MainActor (_ next: RequestHandler) -> RequestHandler) { self.wrap = wrap }

    /// Middleware that looks at requests, or at responses, or at both, without waiting. A response or an error of
    /// `before` is the answer, and the handler is not called; `after` sees every response.
    public init(
        before: (@MainActor (HTTPRequest) throws -> HTTPResponse?)? = nil,
        after: (@MainActor (HTTPRequest, inout HTTPResponse) -> Void)? = nil
    ) {
        wrap = { next in
            var handler = next
            if let before { handler = handler.preceded(by: before) }
            if let after { handler = handler.followed(by: after) }
            return handler
        }
    }

    /// Middleware that may wait:
    ///
    ///     Middleware { request, next in
    ///         guard await isKnown(request.headers["Authorization"]) else { throw HTTPError(.unauthorized) }
    ///         return await next(request)
    ///     }
    public init(
        _ handle:
            @escaping @MainActor (
                _ request: HTTPRequest, _ next: @MainActor (HTTPRequest) async -> HTTPResponse
            ) async throws -> HTTPResponse
    ) {
        wrap = { next in
            RequestHandler(suspending: { request in try await handle(request) { await next.respond(to: $0) } })
        }
    }

    /// The handler with this around it.
    public func callAsFunction(_ next: RequestHandler) -> RequestHandler { wrap(next) }
}
