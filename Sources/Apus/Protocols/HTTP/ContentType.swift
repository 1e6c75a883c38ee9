/// The media type of a body (RFC 9110 §8.3).
public nonisolated struct ContentType: Sendable, Hashable, ExpressibleByStringLiteral {
    /// As it stands in the header.
    public let value: String

    /// `value` as it is to stand in the header: at most 255 bytes; control characters are dropped.
    public init(_ value: String) {
        precondition(value.utf8.count < 256, "a content type has at most 255 bytes")
        self.value = String(value.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F })
    }

    public init(stringLiteral value: String) { self.init(value) }

    private init(known value: String) { self.value = value }

    /// Types that most servers send.
    public static var html: ContentType { ContentType(known: "text/html;charset=utf-8") }
    public static var plainText: ContentType { ContentType(known: "text/plain") }
    public static var json: ContentType { ContentType(known: "application/json") }
    public static var octetStream: ContentType { ContentType(known: "application/octet-stream") }
}
