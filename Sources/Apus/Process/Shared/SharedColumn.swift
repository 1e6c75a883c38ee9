/// A column of a `SharedTable`.
public nonisolated enum SharedColumn: Sendable, Hashable {
    /// Whole numbers of 64 bits.
    case integer(String)
    /// Up to `capacity` bytes, or text in UTF-8.
    case bytes(String, capacity: Int)

    /// What it is called.
    public var name: String {
        switch self {
        case .integer(let name), .bytes(let name, _): name
        }
    }

    /// Bytes of it in a row: those of bytes follow their number.
    var size: Int {
        switch self {
        case .integer: 8
        case .bytes(_, let capacity): 8 + (capacity + 7) / 8 * 8
        }
    }

    var layout: String {
        switch self {
        case .integer(let name): "\(name) integer"
        case .bytes(let name, let capacity): "\(name) bytes \(capacity)"
        }
    }
}

/// What stands in a column.
public nonisolated enum SharedValue: Sendable, Hashable, ExpressibleByIntegerLiteral, ExpressibleByStringInterpolation {
    case integer(Int64)
    case bytes([UInt8])

    /// The bytes of a text.
    public static func text(_ text: String) -> SharedValue { .bytes(Array(text.utf8)) }

    /// A number.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// The bytes of a text.
    public init(stringLiteral value: String) { self = .bytes(Array(value.utf8)) }
}

/// Why a `SharedTable` does not do what it was asked for. Nothing has changed then.
public nonisolated enum SharedTableError: Error, Sendable, Hashable, CustomStringConvertible {
    /// It has as many rows as it was made for.
    case full(table: String, rows: Int)
    /// The key is empty or has more bytes than keys may have.
    case unusableKey(table: String, key: String, limit: Int)
    /// It has no such column.
    case noColumn(table: String, column: String)
    /// The column holds the other kind of value.
    case wrongKind(table: String, column: String)
    /// The value has more bytes than there is room for.
    case valueTooLong(table: String, column: String, bytes: Int, capacity: Int)
    /// A process that was in the midst of a change has not gone on for a second: it was stopped, by a debugger perhaps.
    case busy(table: String)

    public var description: String {
        switch self {
        case .full(let table, let rows): "table \(table) is full: it was made for \(rows) rows"
        case .unusableKey(let table, let key, let limit):
            key.isEmpty
                ? "table \(table): a key cannot be empty"
                : "table \(table): the key \"\(key.prefix(40))\" has \(key.utf8.count) bytes, at most \(limit) fit"
        case .noColumn(let table, let column): "table \(table) has no column \(column)"
        case .wrongKind(let table, let column): "table \(table): column \(column) holds the other kind of value"
        case .valueTooLong(let table, let column, let bytes, let capacity):
            "table \(table): \(bytes) bytes for column \(column), which has room for \(capacity)"
        case .busy(let table): "table \(table): a process that changes it was stopped and holds it up"
        }
    }
}
