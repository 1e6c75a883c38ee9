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
        guard Self.isToken(name), value.utf8.allSatisfy(Self.isFieldByte) else {
            return false
        }
        fields.append((name, value))
        return true
    }

    static func same(_ a: String, _ b: String) -> Bool {
        a.utf8.count == b.utf8.count && zip(a.utf8, b.utf8).allSatisfy { lowercase($0) == lowercase($1) }
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

    package static func isToken(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy(isToken) }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    private static func isFieldByte(_ byte: UInt8) -> Bool { byte == 0x09 || (byte >= 0x20 && byte != 0x7F) }
}
