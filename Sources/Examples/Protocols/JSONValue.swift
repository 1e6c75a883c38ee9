import FoundationEssentials

/// Any JSON value, for programs that do not know beforehand what they get. Those that do decode a `Codable` type of
/// their own, as `TextTransfer` does.
nonisolated enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// How many values may stand within each other. Each attempt below that fails costs the square of the depth, in
    /// which a small text could keep a process busy for seconds.
    static let maxDepth = 16

    /// Reads a JSON text.
    init(json: some Collection<UInt8>) throws {
        do {
            self = try JSONDecoder().decode(JSONValue.self, from: Data(json))
        } catch {
            throw InvalidJSON()
        }
    }

    /// The value as JSON on one line, keys in order.
    func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }
}

/// What a peer sent is no JSON that can be used. Says no more: nothing that a peer made up belongs into a log.
nonisolated struct InvalidJSON: Error, CustomStringConvertible {
    var description: String { "the message is not valid JSON, or nested too deeply" }
}

nonisolated extension JSONValue: Codable {
    init(from decoder: any Decoder) throws {
        guard decoder.codingPath.count <= JSONValue.maxDepth else { throw InvalidJSON() }
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let integer = try? value.decode(Int.self) {
            self = .integer(integer)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let string = try? value.decode(String.self) {
            self = .string(string)
        } else if let array = try? value.decode([JSONValue].self) {
            self = .array(array)
        } else {
            self = .object(try value.decode([String: JSONValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let bool): try container.encode(bool)
        case .integer(let integer): try container.encode(integer)
        case .number(let number): try container.encode(number)
        case .string(let string): try container.encode(string)
        case .array(let array): try container.encode(array)
        case .object(let object): try container.encode(object)
        }
    }
}

nonisolated extension JSONValue: ExpressibleByDictionaryLiteral, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral
{
    init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements) { $1 })
    }
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .integer(value) }
}
