import ApusProtocols

/// What a WebSocket calls beside the callbacks that every connection has.
struct WebSocketCallbacks {
    var onConnect: (@MainActor (Connection<WebSocket>, WebSocketRequest) throws -> Void)?
    var onConnected: (@MainActor (Connection<WebSocket>, HTTPRequest) throws -> Void)?
    var onOpen: (@MainActor (Connection<WebSocket>, WebSocketResponse) throws -> Void)?
    var onClose: (@MainActor (Connection<WebSocket>, WebSocketCloseCode, String) throws -> Void)?
    var onPing: (@MainActor (Connection<WebSocket>, [UInt8]) throws -> Void)?
    var onPong: (@MainActor (Connection<WebSocket>, [UInt8]) throws -> Void)?
}

/// A client's request for a WebSocket, before it is answered.
public final class WebSocketRequest {
    /// The request that asks for it: path, query, cookies, header fields.
    public let request: HTTPRequest
    /// The sub-protocols that the client speaks, the one that it likes best first.
    public let protocols: [String]
    /// The sub-protocol that is agreed on; nil for none. Unless set, the first of `WebSocket.protocols` that the client
    /// speaks.
    public var selectedProtocol: String?
    /// Further header fields of the answer, such as `Set-Cookie`.
    public var headers: HTTPHeaders = [:]

    init(_ request: HTTPRequest, protocols: [String], selected: String?) {
        self.request = request
        self.protocols = protocols
        selectedProtocol = selected
    }

    nonisolated deinit {}

    /// Where the web page comes from that asks, such as "https://example.com"; nil for clients that are no browsers.
    public var origin: String? { request.headers["origin"] }

    private(set) var refusal: HTTPError?

    /// Answers with a status instead. Throwing an `HTTPError` does the same.
    public func reject(_ status: HTTPStatus = .forbidden, _ message: String? = nil) {
        refusal = HTTPError(status, message)
    }
}

/// A server's answer to a client that asked for a WebSocket.
public typealias WebSocketResponse = ApusProtocols.WebSocketResponse
