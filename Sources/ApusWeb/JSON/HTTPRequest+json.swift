public import Apus
public import FoundationEssentials

extension HTTPRequest {
    /// The body, which is JSON, as a value of your own.
    ///
    /// A request whose `Content-Type` does not say JSON is an error with status 415: pages of other sites may send
    /// those in a user's name without asking. One that cannot be read, or holds something else than `type`, is 400, and
    /// the message says where; uncaught, that is what the client gets.
    public func json<T: Decodable>(
        as type: T.Type = T.self, decoder: JSONDecoder = JSONDecoder()
    ) throws(HTTPError) -> T {
        guard mediaType?.isJSON ?? false else { throw HTTPError(.unsupportedMediaType, "the body is not JSON") }
        do {
            return try body.withUnsafeBytes { bytes in
                guard let start = bytes.baseAddress, bytes.count > 0 else {
                    throw HTTPError(.badRequest, "the body is empty")
                }
                // The decoder reads the bytes in place, and keeps none of them.
                let data = Data(
                    bytesNoCopy: UnsafeMutableRawPointer(mutating: start), count: bytes.count, deallocator: .none)
                return try decoder.decode(type, from: data)
            }
        } catch let error as HTTPError {
            throw error
        } catch {
            throw HTTPError(.badRequest, JSONFault.text(error))
        }
    }
}
