public import Apus
public import FoundationEssentials

extension WebSocketMessage {
    /// The message, which is JSON, as a value of your own. One that cannot be read, or holds something else than
    /// `type`, is an error that says where; uncaught, it closes the connection with 1007.
    public func json<T: Decodable>(
        as type: T.Type = T.self, decoder: JSONDecoder = JSONDecoder()
    ) throws(WebSocketError) -> T {
        do {
            return try bytes.withUnsafeBytes { bytes in
                guard let start = bytes.baseAddress, bytes.count > 0 else {
                    throw WebSocketError(.invalidPayload, "the message is empty")
                }
                // The decoder reads the bytes in place, and keeps none of them.
                let data = Data(
                    bytesNoCopy: UnsafeMutableRawPointer(mutating: start), count: bytes.count, deallocator: .none)
                return try decoder.decode(type, from: data)
            }
        } catch let error as WebSocketError {
            throw error
        } catch {
            throw WebSocketError(.invalidPayload, JSONFault.text(error))
        }
    }
}

extension WebSocketContent {
    /// A text message that carries a value as JSON.
    public static func json(_ value: some Encodable) throws -> WebSocketContent {
        let bytes = try JSONWriter.encode(value) ?? Array(JSONEncoder().encode(value))
        return .text(String(decoding: bytes, as: UTF8.self))
    }
}
