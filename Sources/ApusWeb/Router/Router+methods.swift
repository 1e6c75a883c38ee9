public import Apus

extension Router {
    /// Answers GET, and HEAD unless it has a route of its own.
    public func get(_ path: String, _ handler: @escaping @MainActor (HTTPRequest) throws -> HTTPResponse) {
        on(.get, path, handler)
    }

    /// Answers GET, and HEAD unless it has a route of its own, with a handler that may wait.
    public func get(_ path: String, _ handler: @escaping @MainActor (HTTPRequest) async throws -> HTTPResponse) {
        on(.get, path, handler)
    }

    /// Answers POST. `body` says what becomes of the bodies of its requests.
    public func post(
        _ path: String, body: HTTPBodyPolicy? = nil,
        _ handler: @escaping @MainActor (HTTPRequest) throws -> HTTPResponse
    ) {
        on(.post, path, body: body, handler)
    }

    /// Answers POST, with a handler that may wait.
    public func post(
        _ path: String, body: HTTPBodyPolicy? = nil,
        _ handler: @escaping @MainActor (HTTPRequest) async throws -> HTTPResponse
    ) {
        on(.post, path, body: body, handler)
    }

    /// Answers PUT. `body` says what becomes of the bodies of its requests.
    public func put(
        _ path: String, body: HTTPBodyPolicy? = nil,
        _ handler: @escaping @MainActor (HTTPRequest) throws -> HTTPResponse
    ) {
        on(.put, path, body: body, handler)
    }

    /// Answers PUT, with a handler that may wait.
    public func put(
        _ path: String, body: HTTPBodyPolicy? = nil,
        _ handler: @escaping @MainActor (HTTPRequest) async throws -> HTTPResponse
    ) {
        on(.put, path, body: body, handler)
    }

    /// Answers PATCH. `body` says what becomes of the bodies of its requests.
    public func patch(
        _ path: String, body: HTTPBodyPolicy? = nil,
        _ handler: @escaping @MainActor (HTTPRequest) throws -> HTTPResponse
    ) {
        on(.patch, path, body: body, handler)
    }

    /// Answers PATCH, with a handler that may wait.
    public func patch(
        _ path: String, body: HTTPBodyPolicy? = nil,
        _ handler: @escaping @MainActor (HTTPRequest) async throws -> HTTPResponse
    ) {
        on(.patch, path, body: body, handler)
    }

    /// Answers DELETE. `body` says what becomes of the bodies of its requests.
    public func delete(
        _ path: String, body: HTTPBodyPolicy? = nil,
        _ handler: @escaping @MainActor (HTTPRequest) throws -> HTTPResponse
    ) {
        on(.delete, path, body: body, handler)
    }

    /// Answers DELETE, with a handler that may wait.
    public func delete(
        _ path: String, body: HTTPBodyPolicy? = nil,
        _ handler: @escaping @MainActor (HTTPRequest) async throws -> HTTPResponse
    ) {
        on(.delete, path, body: body, handler)
    }
}
