/// A reply of Redis, or a part of one, in either version of its protocol.
public enum RedisValue: Sendable, Hashable {
    /// What is not there: a missing key, a transaction that was not carried out.
    case null
    /// A word such as "OK".
    case status(String)
    /// What Redis refused, such as "WRONGTYPE Operation against a key …". `RedisClient` throws it; inside of an array
    /// it is a value like the others.
    case error(String)
    /// A whole number.
    case integer(Int)
    /// Any bytes: what most keys hold.
    case bytes([UInt8])
    /// Values in order.
    case array([RedisValue])
    /// A fraction; from servers that speak version 3 only, as all that follows.
    case double(Double)
    /// True or false.
    case boolean(Bool)
    /// A whole number of any size, in decimal digits.
    case bigNumber(String)
    /// Text for people, in a format of three letters: "txt", "mkd".
    case verbatim(format: String, [UInt8])
    /// Keys with their values, in the order they were sent.
    case map([Entry])
    /// Values without an order.
    case set([RedisValue])
    /// News that answer no command.
    case push([RedisValue])

    /// A key of a map with its value.
    public struct Entry: Sendable, Hashable {
        /// The key.
        public let key: RedisValue
        /// What it stands for.
        public let value: RedisValue

        /// An entry of a map.
        public init(key: RedisValue, value: RedisValue) {
            self.key = key
            self.value = value
        }
    }

    /// The value as bytes, when it is a string of some kind.
    public var bytes: [UInt8]? {
        switch self {
        case .bytes(let bytes), .verbatim(_, let bytes): bytes
        case .status(let text), .bigNumber(let text): Array(text.utf8)
        default: nil
        }
    }

    /// The value as text, when it is a string of some kind. What is no UTF-8 in it is replaced.
    public var string: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

    /// The value as a whole number: an integer, a truth as 0 or 1, or a string of decimal digits.
    public var integer: Int? {
        switch self {
        case .integer(let number): number
        case .boolean(let isTrue): isTrue ? 1 : 0
        default: string.flatMap { Int($0) }
        }
    }

    /// The value as a list, when it is one: an array, a set, or what was pushed.
    public var elements: [RedisValue]? {
        switch self {
        case .array(let values), .set(let values), .push(let values): values
        default: nil
        }
    }

    /// Whether nothing is there.
    public var isNull: Bool { self == .null }
}
