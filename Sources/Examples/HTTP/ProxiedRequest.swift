import Apus
import ApusClient

/// A request as a proxy hands it on.
enum ProxiedRequest {
    /// Fields about the connection, and not about the message (RFC 9110 §7.6.1), or that the client and the server of
    /// Apus say themselves.
    private static let ownFields: Set = [
        "connection", "content-length", "date", "expect", "host", "keep-alive", "proxy-authenticate",
        "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    ]

    static func make(of request: HTTPRequest, to target: String) throws -> HTTPClientRequest {
        guard request.path.hasPrefix("/") else { throw HTTPError(.badRequest, "a path is needed") }
        guard request.headers["Upgrade"] == nil else {
            throw HTTPError(.notImplemented, "this proxy upgrades no connection")
        }
        var headers = withoutOwnFields((0..<request.headers.count).map { request.headers[$0] })
        let before = headers["X-Forwarded-For"].map { "\($0), " } ?? ""
        headers["X-Forwarded-For"] = before + request.connection.remoteIP
        headers["X-Forwarded-Host"] = request.host
        headers.add("Via", "\(request.version) apus")
        let query = request.query.isEmpty ? "" : "?\(request.query)"
        return HTTPClientRequest(
            request.method.name, target + request.path + query, headers: headers, body: body(of: request))
    }

    /// What goes through: not what stands in `ownFields`, nor what `Connection` names.
    static func withoutOwnFields(_ fields: [(name: String, value: String)]) -> HTTPHeaders {
        let named = fields.filter { $0.name.lowercased() == "connection" }.flatMap { field in
            field.value.split { $0 == "," || $0 == " " }.map { $0.lowercased() }
        }
        let dropped = ownFields.union(named)
        var headers: HTTPHeaders = [:]
        for (name, value) in fields where !dropped.contains(name.lowercased()) { headers.add(name, value) }
        return headers
    }

    private static func body(of request: HTTPRequest) -> HTTPClientBody {
        let length = request.headers["Content-Length"].flatMap { Int($0) }
        guard length != nil || request.headers["Transfer-Encoding"] != nil else { return .none }
        let pieces = Pieces(request)
        // Asked for when the server behind takes one: that is what slows the client down.
        return .stream(AsyncThrowingStream { try await pieces.next() }, length: length)
    }

    /// The body of a request, piece by piece.
    private final class Pieces {
        private var iterator: HTTPBodyStream.Iterator

        init(_ request: HTTPRequest) { iterator = request.bodyStream.makeAsyncIterator() }

        func next() async throws -> [UInt8]? {
            var iterator = iterator
            defer { self.iterator = iterator }
            return try await iterator.next()
        }
    }
}
