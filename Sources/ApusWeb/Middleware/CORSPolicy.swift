import Apus

/// What pages of other sites may do, in the terms of the Fetch standard (§3.2, "CORS protocol").
struct CORSPolicy {
    let origins: CORSOrigins
    let methods: [HTTPMethod]
    let headers: [String]?
    let exposedHeaders: [String]
    let credentials: Bool
    let maxAge: Int?

    /// The answer to a browser that asks before it sends the request proper; nil for what is none of these questions.
    func preflight(_ request: HTTPRequest) -> HTTPResponse? {
        guard isPreflight(request) else { return nil }
        var response = HTTPResponse(.noContent)
        if headers == nil { response.headers.vary(on: "Access-Control-Request-Headers") }
        guard allowedOrigin(request) != nil else { return response }
        response.headers["Access-Control-Allow-Methods"] = methods.map(\.name).joined(separator: ", ")
        if let names = headers?.joined(separator: ", ") ?? askedHeaders(request), !names.isEmpty {
            response.headers["Access-Control-Allow-Headers"] = names
        }
        if let maxAge { response.headers["Access-Control-Max-Age"] = "\(maxAge)" }
        return response
    }

    /// Adds what lets a page read the response.
    func announce(_ request: HTTPRequest, _ response: inout HTTPResponse) {
        let isSame = isSameForAll
        if !isSame { response.headers.vary(on: "Origin") }
        guard let origin = allowedOrigin(request) else { return }
        response.headers["Access-Control-Allow-Origin"] = isSame ? "*" : origin
        if credentials { response.headers["Access-Control-Allow-Credentials"] = "true" }
        if !exposedHeaders.isEmpty, !isPreflight(request) {
            response.headers["Access-Control-Expose-Headers"] = exposedHeaders.joined(separator: ", ")
        }
    }

    /// `*` is no origin to a browser that sends credentials.
    private var isSameForAll: Bool {
        if case .any = origins { !credentials } else { false }
    }

    private func isPreflight(_ request: HTTPRequest) -> Bool {
        request.method == .options && request.headers["Access-Control-Request-Method"] != nil
            && request.headers["Origin"] != nil
    }

    private func allowedOrigin(_ request: HTTPRequest) -> String? {
        request.headers["Origin"].flatMap { origins.contains($0) ? $0 : nil }
    }

    /// The names that the browser asks for; nothing else goes back to it.
    private func askedHeaders(_ request: HTTPRequest) -> String? {
        let names = request.headers["Access-Control-Request-Headers"]?.split { $0 == "," || $0 == " " } ?? []
        return names.map(String.init).filter { HTTPHeaders.isToken($0) }.joined(separator: ", ")
    }
}
