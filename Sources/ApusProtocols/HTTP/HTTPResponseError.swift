/// Why bytes are no HTTP/1.1 response.
package enum HTTPResponseError: Int8, Error, Sendable, CaseIterable, CustomStringConvertible {
    case statusLine = 1
    case headerField
    case contentLength
    case transferEncoding
    case headTooLarge
    case chunk
    case trailer

    /// For people.
    package var description: String {
        switch self {
        case .statusLine: "no HTTP/1 status line"
        case .headerField: "invalid header field"
        case .contentLength: "invalid Content-Length"
        case .transferEncoding: "invalid Transfer-Encoding"
        case .headTooLarge: "the head is too large"
        case .chunk: "invalid chunk"
        case .trailer: "invalid trailer"
        }
    }
}
