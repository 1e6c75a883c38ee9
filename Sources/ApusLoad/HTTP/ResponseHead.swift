/// What a response's head says about where the response ends.
package nonisolated struct ResponseHead: Equatable {
    /// How the body is delimited (RFC 9112 §6.3).
    package enum Framing: UInt8 {
        /// `bodyCount` bytes, which may be 0.
        case length
        case chunked
        case untilClose
    }

    package var status: UInt16 = 0
    package var framing = Framing.length
    package var bodyCount = 0
    /// The connection ends behind this response.
    package var closes = false
    /// Bytes up to and including the empty line.
    package var byteCount = 0

    package init() {}

    /// RFC 9110 §15.2: another response to the same request follows. 101 is none of these: it ends HTTP.
    package var isInterim: Bool { status < 200 && status != 101 }
}

/// Why bytes are no HTTP/1.1 response.
package nonisolated enum MalformedReason: Int8, Sendable, CaseIterable {
    case statusLine = 1
    case headerField
    case contentLength
    case transferEncoding
    case headTooLarge
    case chunk
    case trailer
    /// More came than was asked for.
    case surplus
    case frame
    case webSocketFrame

    /// For the report.
    package var text: String {
        switch self {
        case .statusLine: "no HTTP/1 status line"
        case .headerField: "invalid header field"
        case .contentLength: "invalid Content-Length"
        case .transferEncoding: "invalid Transfer-Encoding"
        case .headTooLarge: "the head is too large"
        case .chunk: "invalid chunk"
        case .trailer: "invalid trailer"
        case .surplus: "bytes behind the response"
        case .frame: "invalid length of a frame"
        case .webSocketFrame: "invalid WebSocket frame"
        }
    }
}
