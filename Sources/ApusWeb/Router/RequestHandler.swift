public import Apus

/// What answers requests: a closure that answers at once, or one that may wait before it does.
///
/// A handler never throws: errors have become responses. Middleware turns one handler into another, and keeps the kind,
/// so that a route that answers at once costs no task.
public enum RequestHandler {
    case immediate(@MainActor (HTTPRequest) -> HTTPResponse)
    case suspending(@MainActor (HTTPRequest) async -> HTTPResponse)

    /// A handler of a closure that answers at once.
    public init(_ body: @escaping @MainActor (HTTPRequest) throws -> HTTPResponse) {
        self = .immediate { request in
            do {
                return try body(request)
            } catch {
                return HTTPResponse(failure: error, of: request)
            }
        }
    }

    /// A handler of a closure that may wait.
    public init(suspending body: @escaping @MainActor (HTTPRequest) async throws -> HTTPResponse) {
        self = .suspending { request in
            do {
                return try await body(request)
            } catch {
                return HTTPResponse(failure: error, of: request)
            }
        }
    }

    /// Answers a request.
    public func respond(to request: HTTPRequest) async -> HTTPResponse {
        switch self {
        case .immediate(let handle): handle(request)
        case .suspending(let handle): await handle(request)
        }
    }

    /// Answers a request of a connection, in its turn.
    func serve(_ request: HTTPRequest, _ connection: Connection<HTTP>) {
        switch self {
        case .immediate(let handle): connection.send(handle(request))
        case .suspending(let handle): connection.run { connection.send(await handle(request)) }
        }
    }
}

/// What middleware consists of that does not wait.
extension RequestHandler {
    /// This handler, unless `before` has an answer or an error.
    func preceded(by before: @escaping @MainActor (HTTPRequest) throws -> HTTPResponse?) -> RequestHandler {
        switch self {
        case .immediate(let handle):
            .immediate { request in
                do {
                    if let response = try before(request) { return response }
                } catch {
                    return HTTPResponse(failure: error, of: request)
                }
                return handle(request)
            }
        case .suspending(let handle):
            .suspending { request in
                do {
                    if let response = try before(request) { return response }
                } catch {
                    return HTTPResponse(failure: error, of: request)
                }
                return await handle(request)
            }
        }
    }

    /// This handler, with `after` for each response.
    func followed(by after: @escaping @MainActor (HTTPRequest, inout HTTPResponse) -> Void) -> RequestHandler {
        switch self {
        case .immediate(let handle):
            .immediate { request in
                var response = handle(request)
                after(request, &response)
                return response
            }
        case .suspending(let handle):
            .suspending { request in
                var response = await handle(request)
                after(request, &response)
                return response
            }
        }
    }
}
