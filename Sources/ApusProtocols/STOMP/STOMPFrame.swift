/// A frame of STOMP: what both sides of a connection send each other.
public struct STOMPFrame: Sendable, Hashable {
    /// What the frame is for: `SEND`, `MESSAGE`, `RECEIPT`, …
    public var command: String
    /// The headers, without escapes.
    public var headers: STOMPHeaders
    /// The body; any bytes.
    public var body: [UInt8]

    /// A frame of these parts.
    public init(_ command: String, _ headers: STOMPHeaders = [:], body: [UInt8] = []) {
        self.command = command
        self.headers = headers
        self.body = body
    }

    /// The body as UTF-8; what is none of it is replaced.
    public var text: String { String(decoding: body, as: UTF8.self) }
}

/// The versions of STOMP. They differ in what of a header is escaped, and in how messages are acknowledged.
public enum STOMPVersion: String, Sendable, CaseIterable, Comparable {
    /// Headers hold neither line feeds nor, in their names, colons: nothing is escaped.
    case v1_0 = "1.0"
    /// Escapes line feed, colon and backslash.
    case v1_1 = "1.1"
    /// Escapes carriage return as well, and lets lines end with one.
    case v1_2 = "1.2"

    /// Older ones come first.
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// Why bytes are no frame, or a frame cannot be sent.
public struct STOMPSyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong.
    public let description: String

    package init(_ description: String) { self.description = description }
}

/// What a frame may hold at most.
package struct STOMPLimits: Sendable, Hashable {
    /// Headers of one frame.
    package var headers: Int
    /// Bytes of the command and all headers of one frame.
    package var headBytes: Int
    /// Bytes of one frame.
    package var frameBytes: Int

    package init(headers: Int = 256, headBytes: Int = 64 * 1024, frameBytes: Int = 16 * 1024 * 1024) {
        self.headers = headers
        self.headBytes = headBytes
        self.frameBytes = frameBytes
    }
}
