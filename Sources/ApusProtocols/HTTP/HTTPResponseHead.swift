/// What a response's head says about where the response ends.
package struct HTTPResponseHead: Equatable {
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
