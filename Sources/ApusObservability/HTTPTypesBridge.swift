public import Apus
public import HTTPTypes

extension Apus.HTTPRequest {
    /// The head of the request as swift-http-types has it: the host is the authority, and every other field is there as
    /// it was sent, those that repeat included. The scheme is that of the connection, as long as that is open.
    public var httpTypes: HTTPTypes.HTTPRequest {
        var fields = HTTPFields()
        for index in 0..<headers.count {
            let (name, value) = headers[index]
            guard let name = HTTPField.Name(name), name.canonicalName != "host" else { continue }
            fields.append(HTTPField(name: name, value: value))
        }
        return HTTPTypes.HTTPRequest(
            method: method.httpTypes, scheme: isSecured ? "https" : "http", authority: host.isEmpty ? nil : host,
            path: target, headerFields: fields)
    }
}

extension Apus.HTTPMethod {
    /// The method as swift-http-types has it.
    public nonisolated var httpTypes: HTTPTypes.HTTPRequest.Method {
        // All names of methods are tokens.
        HTTPTypes.HTTPRequest.Method(name)!
    }
}

extension Apus.HTTPResponse {
    /// A response with the status and the fields of one of swift-http-types. Its status must not be below 100.
    public init(httpTypes response: HTTPTypes.HTTPResponse, body: [UInt8] = []) {
        var headers: HTTPHeaders = [:]
        for field in response.headerFields { headers.add(field.name.rawName, field.value) }
        let status = HTTPStatus(code: response.status.code, reason: response.status.reasonPhrase)
        self.init(status, headers: headers, body: body)
    }

    /// A response with the status and the fields of one of swift-http-types, and a body of text.
    public init(httpTypes response: HTTPTypes.HTTPResponse, body: String) {
        self.init(httpTypes: response, body: Array(body.utf8))
    }

    /// Status and fields as swift-http-types has them, without what is added when the response is sent.
    public var httpTypes: HTTPTypes.HTTPResponse {
        var fields = HTTPFields()
        for (name, value) in headers.fields {
            guard let name = HTTPField.Name(name) else { continue }
            fields.append(HTTPField(name: name, value: value))
        }
        return HTTPTypes.HTTPResponse(
            status: .init(code: status.code, reasonPhrase: status.reason), headerFields: fields)
    }
}
