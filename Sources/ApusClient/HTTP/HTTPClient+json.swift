import Apus
import FoundationEssentials

extension HTTPClientResponse {
    /// The body, which is JSON, as a value. Throws `DecodingError`.
    public nonisolated func decode<Value: Decodable>(
        _ type: Value.Type = Value.self, with decoder: JSONDecoder = JSONDecoder()
    ) throws -> Value {
        try decoder.decode(type, from: Data(body))
    }
}

extension HTTPClientBody {
    /// A value as JSON. Throws `EncodingError`.
    public static func json(_ value: some Encodable, with encoder: JSONEncoder = JSONEncoder()) throws -> HTTPClientBody
    {
        .bytes(Array(try encoder.encode(value)), contentType: "application/json")
    }
}
