/// Where one header field stands in the bytes of a message, in bytes from the start of the message.
package struct HTTPFieldRange {
    package var nameStart: UInt16
    package var nameCount: UInt16
    package var valueStart: UInt16
    package var valueCount: UInt16
}

/// What a request head says, as positions in its bytes: nothing is copied and no `String` is made.
package struct HTTPRequestHead {
    package var method: HTTPMethod = .get
    /// 1 for HTTP/1.1, 0 for HTTP/1.0; other minor versions count as 1 (RFC 9110 §2.5).
    package var minorVersion: UInt8 = 1
    package var targetStart: UInt16 = 0
    package var targetCount: UInt16 = 0
    /// Bytes of the target before its path: 0 unless it is an absolute URI, whose path may then be empty.
    package var pathOffset: UInt16 = 0
    package var fieldCount: Int = 0
    /// Bytes up to and including the empty line.
    package var byteCount: Int = 0
    /// The declared length of the body; 0 when none is declared or the body is chunked.
    package var contentLength: Int = 0
    /// The body is chunked (RFC 9112 §7.1).
    package var isChunked = false
    /// The connection is to stay open after the response (RFC 9112 §9.3).
    package var keepsAlive = true
    /// The client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
    package var expectsContinue = false

    package init() {}

    /// Where host and port stand in the message that starts at `start`, when the target is an absolute URI.
    package func authority(_ start: UnsafePointer<UInt8>) -> Range<Int> {
        let target = Int(targetStart)
        let isSecure = start[target + 4] != UInt8(ascii: ":")
        return (target + (isSecure ? 8 : 7))..<(target + Int(pathOffset))
    }
}

/// Why a request cannot be served; each closes the connection.
package enum HTTPRequestError: UInt16, Error {
    case badRequest = 400
    case contentTooLarge = 413
    case expectationFailed = 417
    case headerFieldsTooLarge = 431
    case notImplemented = 501
    case versionNotSupported = 505
}

/// Bounds on a request.
package struct HTTPRequestLimits: Sendable {
    /// The empty line that ends the head must start before this offset (at most 65,535 − 4).
    package var maxHeadBytes = 16 * 1024
    /// Header fields of one request.
    package var maxFields = 100
    /// Head and body together, framing included.
    package var maxMessageBytes = 10 * 1024 * 1024

    package init() {}
}
