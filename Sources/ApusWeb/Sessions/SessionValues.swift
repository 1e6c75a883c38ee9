import FoundationEssentials

/// The values of a session, as the JSON that they are stored as: an object whose members are cut apart, and decoded
/// when somebody asks for them.
struct SessionValues {
    /// By name, each the text of one JSON value.
    private(set) var texts: [String: [UInt8]] = [:]

    var isEmpty: Bool { texts.isEmpty }

    init() {}

    /// Nil when the bytes are no JSON object.
    init?(_ bytes: [UInt8]) {
        var scanner = ObjectScanner(bytes)
        guard let members = scanner.members() else { return nil }
        for (name, value) in members {
            guard let name = try? JSONDecoder().decode(String.self, from: Data(bytes[name])) else { return nil }
            texts[name] = Array(bytes[value])
        }
    }

    /// The JSON object, the same for the same values.
    func encoded() throws -> [UInt8] {
        var bytes: [UInt8] = [UInt8(ascii: "{")]
        for (name, text) in texts.sorted(by: { $0.key < $1.key }) {
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            bytes += try JSONEncoder().encode(name)
            bytes.append(UInt8(ascii: ":"))
            bytes += text
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    func value<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value? {
        guard let text = texts[name] else { return nil }
        return try JSONDecoder().decode(type, from: Data(text))
    }

    /// False when nothing has changed.
    mutating func set(_ name: String, _ value: some Encodable) throws -> Bool {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = Array(try encoder.encode(value))
        // What is nil inside of an optional is nothing to keep.
        if text == Array("null".utf8) { return remove(name) }
        return texts.updateValue(text, forKey: name) != text
    }

    /// False when there was nothing.
    mutating func remove(_ name: String) -> Bool { texts.removeValue(forKey: name) != nil }

    mutating func removeAll() { texts = [:] }
}

/// Cuts a JSON object (RFC 8259 §4) into names and values. What is in a value is looked at as far as its end requires;
/// the decoder looks at the rest.
private struct ObjectScanner {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func members() -> [(Range<Int>, Range<Int>)]? {
        guard take(UInt8(ascii: "{")) else { return nil }
        var members: [(Range<Int>, Range<Int>)] = []
        if take(UInt8(ascii: "}")) { return isAtEnd ? members : nil }
        repeat {
            skipBlanks()
            guard let name = string(), take(UInt8(ascii: ":")), let value = value() else { return nil }
            members.append((name, value))
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "}")) && isAtEnd ? members : nil
    }

    private var isAtEnd: Bool {
        mutating get {
            skipBlanks()
            return position == bytes.count
        }
    }

    private mutating func skipBlanks() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func string() -> Range<Int>? {
        let start = position
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { return nil }
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            position += byte == UInt8(ascii: "\\") ? 2 : 1
            if byte == UInt8(ascii: "\"") { return start..<position }
        }
        return nil
    }

    private mutating func value() -> Range<Int>? {
        skipBlanks()
        let start = position
        var depth = 0
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""): guard string() != nil else { return nil }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ","):
                if depth == 0 { return start < position ? start..<position : nil }
                if bytes[position] != UInt8(ascii: ",") { depth -= 1 }
                position += 1
            default: position += 1
            }
        }
        return nil
    }
}
