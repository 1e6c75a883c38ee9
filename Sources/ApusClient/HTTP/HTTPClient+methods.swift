import Apus
import ApusProtocols

extension HTTPClient {
    /// GET: see `send`. `query` is added to the address.
    public func get(
        _ url: String, query: KeyValuePairs<String, String> = [:], headers: HTTPHeaders = [:]
    ) async throws -> HTTPClientResponse {
        try await send(HTTPClientRequest("GET", Self.address(url, query), headers: headers))
    }

    /// HEAD: see `send`. The response has no body.
    public func head(_ url: String, headers: HTTPHeaders = [:]) async throws -> HTTPClientResponse {
        try await send(HTTPClientRequest("HEAD", url, headers: headers))
    }

    /// POST: see `send`.
    public func post(
        _ url: String, _ body: HTTPClientBody = .none, headers: HTTPHeaders = [:]
    ) async throws -> HTTPClientResponse {
        try await send(HTTPClientRequest("POST", url, headers: headers, body: body))
    }

    /// PUT: see `send`.
    public func put(
        _ url: String, _ body: HTTPClientBody, headers: HTTPHeaders = [:]
    ) async throws -> HTTPClientResponse {
        try await send(HTTPClientRequest("PUT", url, headers: headers, body: body))
    }

    /// PATCH: see `send`.
    public func patch(
        _ url: String, _ body: HTTPClientBody, headers: HTTPHeaders = [:]
    ) async throws -> HTTPClientResponse {
        try await send(HTTPClientRequest("PATCH", url, headers: headers, body: body))
    }

    /// DELETE: see `send`.
    public func delete(_ url: String, headers: HTTPHeaders = [:]) async throws -> HTTPClientResponse {
        try await send(HTTPClientRequest("DELETE", url, headers: headers))
    }

    /// GET with a callback: see `send`.
    @discardableResult
    public func get(
        _ url: String, headers: HTTPHeaders = [:],
        _ completion: @escaping (Result<HTTPClientResponse, HTTPClientError>) -> Void
    ) -> HTTPClientCall {
        send(HTTPClientRequest("GET", url, headers: headers), completion)
    }

    /// POST with a callback: see `send`.
    @discardableResult
    public func post(
        _ url: String, _ body: HTTPClientBody = .none, headers: HTTPHeaders = [:],
        _ completion: @escaping (Result<HTTPClientResponse, HTTPClientError>) -> Void
    ) -> HTTPClientCall {
        send(HTTPClientRequest("POST", url, headers: headers, body: body), completion)
    }

    private static func address(_ url: String, _ query: KeyValuePairs<String, String>) -> String {
        guard !query.isEmpty else { return url }
        // A fragment stands behind the query, and is not sent.
        let url = url.prefix(beforeASCII: "#")
        return url + (url.contains("?") ? "&" : "?") + FormEncoding.encode(query.map { ($0.key, $0.value) })
    }
}
