import CApus

/// A response: status, header fields and body. `Content-Length`, `Connection` and `Date` are Apus' own.
public struct HTTPResponse: Sendable {
    /// The status; 200 unless set.
    public var status: HTTPStatus
    /// The fields. Without `Content-Type` it is `text/html;charset=utf-8`.
    public var headers: HTTPHeaders
    /// The body. Not sent for HEAD, 204 and 304. Empty while a file or a stream is the body; setting it takes the place
    /// of that.
    public var body: [UInt8] { didSet { source = nil } }
    /// Where the body comes from when it is none of bytes.
    var source: HTTPBodySource?
    /// The body consists of the bytes in `body`: there is no more of it elsewhere.
    public var isInMemory: Bool { source == nil }
    /// It answers an error of a handler that is the server's fault.
    package internal(set) var isFailure = false

    /// A response with a body of bytes.
    public nonisolated init(_ status: HTTPStatus = .ok, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A response with a body of text.
    public nonisolated init(_ status: HTTPStatus = .ok, headers: HTTPHeaders = [:], body: String) {
        self.init(status, headers: headers, body: Array(body.utf8))
    }
}

/// Header fields in order. Names are case-insensitive; fields that would break the message are refused.
public nonisolated struct HTTPHeaders: Sendable, ExpressibleByDictionaryLiteral {
    package private(set) var fields: [(name: String, value: String)] = []

    public init(dictionaryLiteral elements: (String, String)...) {
        fields.reserveCapacity(elements.count)
        for (name, value) in elements { add(name, value) }
    }

    /// The first value of the field; setting replaces all of them, nil removes them.
    public subscript(name: String) -> String? {
        get { fields.first { Self.same($0.name, name) }?.value }
        set {
            fields.removeAll { Self.same($0.name, name) }
            if let newValue { add(name, newValue) }
        }
    }

    /// Adds a field beside those of the same name. False, and nothing is added, when the name is no token or the value
    /// holds a control character (RFC 9110 §5.1, §5.5).
    @discardableResult
    public mutating func add(_ name: String, _ value: String) -> Bool {
        guard Self.isToken(name), Self.isFieldValue(value) else { return false }
        fields.append((name, value))
        return true
    }

    static func same(_ a: String, _ b: String) -> Bool {
        a.utf8.count == b.utf8.count && zip(a.utf8, b.utf8).allSatisfy { lowercase($0) == lowercase($1) }
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

    package static func isToken(_ text: String) -> Bool { !text.isEmpty && all(text) { capus_is_token($0) != 0 } }

    private static func isFieldValue(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            var position = 0
            while position &+ 8 <= bytes.count {
                let word = UnsafeRawPointer(bytes.baseAddress! + position).loadUnaligned(as: UInt64.self)
                if hasControl(word) { break }
                position &+= 8
            }
            while position < bytes.count {
                let byte = bytes[position]
                if byte == 0x7F || byte < 0x20 && byte != 0x09 { return false }
                position &+= 1
            }
            return true
        }
    }

    /// Whether one of eight bytes is less than 0x20, or 0x7F. For all at once: the highest bit of a byte is set by a
    /// subtraction that it is too small for.
    @inline(__always)
    private static func hasControl(_ word: UInt64) -> Bool {
        let highest: UInt64 = 0x8080_8080_8080_8080
        let small = (word &- 0x2020_2020_2020_2020) & ~word & highest
        let delete = word ^ 0x7F7F_7F7F_7F7F_7F7F
        return (small | ((delete &- 0x0101_0101_0101_0101) & ~delete & highest)) != 0
    }

    /// Whether each byte of a text is one that `fits`.
    @inline(__always)
    private static func all(_ text: String, _ fits: (UInt8) -> Bool) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            var position = 0
            while position < bytes.count {
                if !fits(bytes[position]) { return false }
                position &+= 1
            }
            return true
        }
    }
}
