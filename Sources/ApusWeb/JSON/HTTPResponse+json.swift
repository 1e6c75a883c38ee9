public import Apus
public import FoundationEssentials

extension HTTPResponse {
    /// A response that carries a value as JSON. Dates are numbers and keys stay as they are; for another style use an
    /// encoder of your own.
    public init(_ status: HTTPStatus = .ok, headers: HTTPHeaders = [:], json value: some Encodable) throws {
        try self.init(status, headers: headers, json: JSONWriter.encode(value) ?? Array(JSONEncoder().encode(value)))
    }

    /// A response that carries a value as JSON, in the style of `encoder`.
    public init(
        _ status: HTTPStatus = .ok, headers: HTTPHeaders = [:], json value: some Encodable, encoder: JSONEncoder
    ) throws {
        try self.init(status, headers: headers, json: Array(encoder.encode(value)))
    }

    private init(_ status: HTTPStatus, headers: HTTPHeaders, json bytes: [UInt8]) throws {
        self.init(status, headers: headers, body: bytes)
        if !headers.hasContentType { self.headers.add("Content-Type", ContentType.json.value) }
    }
}

extension Connection where P == HTTP {
    /// Answers 200 with a value as JSON; see `HTTPResponse.init(_:headers:json:)`.
    @discardableResult
    public func send(json value: some Encodable) throws -> SendResult {
        try send(JSONWriter.encode(value) ?? Array(JSONEncoder().encode(value)), contentType: .json)
    }
}
