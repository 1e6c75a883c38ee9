import ApusProtocols

/// A request as a test sees it: everything the parser and the chunked decoder say, as values.
package struct ReadRequest: Equatable, Sendable {
    package var method = HTTPMethod.get
    package var target = "/"
    package var minorVersion: UInt8 = 1
    package var fields: [String] = []
    package var body = ""
    package var trailers = ""
    package var keepsAlive = true
    package var expectsContinue = false
    /// Bytes of the whole message, framing included.
    package var byteCount = 0

    package init() {}
}

/// What became of one message.
package enum Reading: Equatable, Sendable {
    case request(ReadRequest)
    case incomplete
    case refused(HTTPRequestError)
    /// The parser said something about bytes that are not its own.
    case outOfRange(String)
}
