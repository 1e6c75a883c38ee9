public import Apus

extension Middleware {
    /// Gives each request a name, `request.id`, and its response a field that says it: that which the client or a proxy
    /// has sent, if it is a token of up to 128 characters, else a new one.
    public static func requestID(header: String = "X-Request-ID") -> Middleware {
        precondition(HTTPHeaders.isToken(header), "\(header) is no name of a header field")
        return Middleware(
            before: { request in
                let given = request.headers[header].flatMap { RequestIDs.isSane($0) ? $0 : nil }
                request[RequestName.self] = given ?? RequestIDs.next()
                return nil
            }, after: { request, response in response.headers[header] = request.id })
    }
}

private enum RequestName: StorageKey {
    typealias Value = String
}

extension HTTPRequest {
    /// The name that `Middleware.requestID` gave it; nil without.
    public var id: String? { self[RequestName.self] }
}
