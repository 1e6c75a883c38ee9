import CApus

/// Header fields in order. Names are case-insensitive; fields that would break the message are refused.
public nonisolated struct HTTPHeaders: Sendable, ExpressibleByDictionaryLiteral {
    /// The fields as they are sent, so that sending them is copying them.
    private(set) var lines = ShortBytes()
    /// What there is among them.
    private(set) var kinds: FieldKinds = []

    public init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { add(name, value) }
    }

    /// The first value of the field; setting replaces all of them, nil removes them.
    public subscript(name: String) -> String? {
        get {
            name.withBytes { name in
                lines.withBytes { bytes in
                    FieldLines(bytes).first { $0.isNamed(name) }.map { String(decoding: $0.value, as: UTF8.self) }
                }
            }
        }
        set {
            name.withBytes { remove($0) }
            if let newValue { add(name, newValue) }
        }
    }

    /// Adds a field beside those of the same name. False, and nothing is added, when the name is no token or the value
    /// holds a control character (RFC 9110 §5.1, §5.5).
    @discardableResult
    public mutating func add(_ name: String, _ value: String) -> Bool {
        name.withBytes { name in value.withBytes { add(name, $0) } }
    }

    @inline(never)
    @discardableResult
    mutating func add(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let start = name.baseAddress, name.count > 0 else { return false }
        let added = lines.append(upTo: name.count &+ value.count &+ 4) { target in
            var writer = ByteWriter(target)
            writer.append(start, name.count)
            writer.append(": ")
            if let start = value.baseAddress { writer.append(start, value.count) }
            let valueEnd = target + writer.count
            writer.append("\r\n")
            // Looked at where it was written to, since whole vectors are read, which may go beyond its end.
            let isValid =
                capus_scan_token(target) == target + name.count
                && capus_scan_value(target + name.count + 2, valueEnd) >= UnsafePointer(valueEnd)
            return isValid ? writer.count : 0
        }
        guard added > 0 else { return false }
        kinds.formUnion(FieldKinds(of: name))
        return true
    }

    /// There is no field.
    package var isEmpty: Bool { lines.count == 0 }

    /// The fields as they are sent: a line for each, with its end.
    package func appendLines(to bytes: inout [UInt8]) { lines.withBytes { bytes.append(contentsOf: $0) } }

    /// Adds all fields of `other` behind these.
    public mutating func add(contentsOf other: HTTPHeaders) {
        other.lines.withBytes { append($0) }
        kinds.formUnion(other.kinds)
    }

    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress else { return }
        lines.append(upTo: bytes.count) {
            $0.update(from: start, count: bytes.count)
            return bytes.count
        }
    }

    private mutating func remove(_ name: UnsafeBufferPointer<UInt8>) {
        let old = lines
        old.withBytes { bytes in
            guard FieldLines(bytes).contains(where: { $0.isNamed(name) }) else { return }
            self = [:]
            for line in FieldLines(bytes) where !line.isNamed(name) {
                append(line.bytes)
                kinds.formUnion(FieldKinds(of: line.name))
            }
        }
    }

    package static func isToken(_ text: String) -> Bool {
        text.withBytes { bytes in !bytes.isEmpty && bytes.allSatisfy { capus_is_token($0) != 0 } }
    }
}

extension HTTPHeaders {
    /// Names and values, in order.
    public nonisolated var fields: [(name: String, value: String)] {
        lines.withBytes { bytes in
            FieldLines(bytes).map {
                (String(decoding: $0.name, as: UTF8.self), String(decoding: $0.value, as: UTF8.self))
            }
        }
    }

    /// There is a `Content-Type`.
    package nonisolated var hasContentType: Bool { kinds.contains(.contentType) }

    /// The first `Connection` asks for the end of the connection.
    nonisolated var asksForClose: Bool {
        kinds.contains(.connection) && (self["connection"]?.lowercased().contains("close") ?? false)
    }

    /// The values of all fields of one name, in order.
    public nonisolated func values(_ name: String) -> [String] {
        name.withBytes { name in
            lines.withBytes { bytes in
                FieldLines(bytes).filter { $0.isNamed(name) }.map { String(decoding: $0.value, as: UTF8.self) }
            }
        }
    }

    /// The members of all fields of one name, as one list (RFC 9110 §5.3); nil when there is none.
    package nonisolated func list(_ name: String) -> String? {
        let values = values(name)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }
}
