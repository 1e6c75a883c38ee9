/// The headers of a NATS message (ADR-4): fields in order, whose names are compared as they are, and for answers of the
/// server itself a status.
public struct NATSHeaders: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    /// One header.
    public struct Field: Sendable, Hashable {
        /// Its name.
        public let name: String
        /// Its value, without blanks around it.
        public let value: String
    }

    /// All of them, in order.
    public private(set) var fields: [Field] = []
    /// What the server says instead of a message: 503 when nobody listens, 404 and 408 when there is no message.
    public private(set) var status: Int?
    /// The status in words.
    public private(set) var statusText = ""

    /// The first words of a block of headers.
    static let version = "NATS/1.0"

    /// No headers.
    public init() {}

    /// Headers in the order given.
    public init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { append(name, value) }
    }

    /// Whether there is neither a field nor a status.
    public var isEmpty: Bool { fields.isEmpty && status == nil }

    /// The first header of that name. Setting it takes the place of all of them; nil takes them away.
    public subscript(name: String) -> String? {
        get { fields.first { $0.name == name }?.value }
        set {
            fields.removeAll { $0.name == name }
            if let newValue { append(name, newValue) }
        }
    }

    /// Adds a header, beside those of the same name.
    public mutating func append(_ name: String, _ value: String) { fields.append(Field(name: name, value: value)) }

    /// A block of headers that somebody has kept, its empty line included; nil for what is none.
    package init?(block: [UInt8]) {
        guard let headers = block.withUnsafeBytes({ try? NATSHeaders($0) }) else { return nil }
        self = headers
    }

    /// A block of headers as it came, its empty line included.
    init(_ block: UnsafeRawBufferPointer) throws(NATSSyntaxError) {
        var rest = UnsafeRawBufferPointer(rebasing: block[...])
        guard let first = Self.takeLine(&rest), let status = Self.status(first) else {
            throw NATSSyntaxError("the headers of a message do not begin with \(Self.version)")
        }
        (self.status, statusText) = status
        while let line = Self.takeLine(&rest) {
            if line.isEmpty {
                guard rest.isEmpty else { break }
                return
            }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else {
                throw NATSSyntaxError("a header of a message has no name")
            }
            append(
                String(decoding: line[..<colon], as: UTF8.self), Self.trimmed(line[(colon + 1)...]))
        }
        throw NATSSyntaxError("the headers of a message have no end, or go on behind it")
    }

    /// A line that ends with CR and LF; nil when there is none.
    private static func takeLine(_ bytes: inout UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")), end > 0, bytes[end - 1] == UInt8(ascii: "\r") else {
            return nil
        }
        defer { bytes = UnsafeRawBufferPointer(rebasing: bytes[(end + 1)...]) }
        return UnsafeRawBufferPointer(rebasing: bytes[..<(end - 1)])
    }

    /// `NATS/1.0`, with a status of three digits behind it or not; nil for anything else.
    private static func status(_ line: UnsafeRawBufferPointer) -> (Int?, String)? {
        guard line.starts(with: version.utf8) else { return nil }
        let rest = trimmed(line[version.utf8.count...])
        if rest.isEmpty { return (nil, "") }
        let digits = rest.utf8.prefix(3)
        guard digits.count == 3, let status = UInt16(Substring(digits)) else { return nil }
        let text = rest.utf8.dropFirst(3)
        return (Int(status), String(Substring(text.drop { $0 == UInt8(ascii: " ") })))
    }

    private static func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        guard let start = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(decoding: bytes[start...last], as: UTF8.self)
    }

    /// The block as it is sent. Throws for what would be another header, or none.
    func append(to bytes: inout [UInt8]) throws(NATSSyntaxError) {
        bytes += Self.version.utf8
        bytes += [0x0D, 0x0A]
        for field in fields {
            guard !field.name.isEmpty, field.name.utf8.allSatisfy({ 0x21...0x7E ~= $0 && $0 != UInt8(ascii: ":") })
            else { throw NATSSyntaxError("«\(field.name)» is no name of a header") }
            guard field.value.utf8.allSatisfy({ $0 != 0x0D && $0 != 0x0A }) else {
                throw NATSSyntaxError("the header \(field.name) has more than one line")
            }
            bytes += field.name.utf8
            bytes += [UInt8(ascii: ":"), UInt8(ascii: " ")]
            bytes += field.value.utf8
            bytes += [0x0D, 0x0A]
        }
        bytes += [0x0D, 0x0A]
    }
}
