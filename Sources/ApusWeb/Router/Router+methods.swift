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

    /// Answers POST.
    public func post(_ path: String, _ handler: @escaping @MainActor (HTTPRequest) throws -> HTTPResponse) {
        on(.post, path, handler)
    }

    /// Answers POST, with a handler that may wait.
    public func post(_ path: String, _ handler: @escaping @MainActor (HTTPRequest) async throws -> HTTPResponse) {
        on(.post, path, handler)
    }

    /// Answers PUT.
    public func put(_ path: String, _ handler: @escaping @MainActor (HTTPRequest) throws -> HTTPResponse) {
        on(.put, path, handler)
    }

    /// Answers PUT, with a handler that may wait.
    public func put(_ path: String, _ handler: @escaping @MainActor (HTTPRequest) async throws -> HTTPResponse) {
        on(.put, path, handler)
    }

    /// Answers PATCH.
    public func patch(_ path: String, _ handler: @escaping @MainActor (HTTPRequest) throws -> HTTPResponse) {
        on(.patch, path, handler)
    }

    /// Answers PATCH, with a handler that may wait.
    public func patch(_ path: String, _ handler: @escaping @MainActor (HTTPRequest) async throws -> HTTPResponse) {
        on(.patch, path, handler)
    }

    /// Answers DELETE.
    public func delete(_ path: String, _ handler: @escaping @MainActor (HTTPRequest) throws -> HTTPResponse) {
        on(.delete, path, handler)
    }

    /// Answers DELETE, with a handler that may wait.
    public func delete(_ path: String, _ handler: @escaping @MainActor (HTTPRequest) async throws -> HTTPResponse) {
        on(.delete, path, handler)
    }
}
