/// What a column of a row holds, or what a placeholder stands for.
public nonisolated enum MySQLValue: Sendable, Hashable {
    case null
    /// The integer types, BOOLEAN and YEAR among them.
    case integer(Int)
    /// The integer types that are UNSIGNED.
    case unsigned(UInt)
    /// FLOAT and DOUBLE. A FLOAT becomes the shortest decimal number that stands for it.
    case double(Double)
    /// DECIMAL: its digits, since `Double` does not keep them all.
    case decimal(String)
    /// CHAR, VARCHAR, TEXT, ENUM, SET, JSON.
    case text(String)
    /// BINARY, VARBINARY, BLOB, BIT, geometries.
    case bytes([UInt8])
    case date(MySQLDate)
    /// DATETIME and TIMESTAMP.
    case dateTime(MySQLDateTime)
    case time(MySQLTime)

    /// Whether there is no value.
    public var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// The number if it is a whole one that fits; also from digits. BIT counts as a number too.
    public var int: Int? { whole() }

    /// The number if it is a whole one that fits and is not negative; also from digits.
    public var uint: UInt? { whole() }

    /// The number, possibly rounded; also from digits.
    public var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .unsigned(let value): Double(value)
        case .double(let value): value
        case .decimal(let text), .text(let text): Double(text)
        default: nil
        }
    }

    /// Whether a number is other than 0.
    public var bool: Bool? { int.map { $0 != 0 } }

    /// The text; of all but bytes and NULL, how MySQL writes it.
    public var string: String? {
        switch self {
        case .null: nil
        case .integer(let value): String(value)
        case .unsigned(let value): String(value)
        case .double(let value): value.description
        case .decimal(let text), .text(let text): text
        case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
        case .date(let date): date.description
        case .dateTime(let moment): moment.description
        case .time(let time): time.description
        }
    }

    /// The bytes; of text those in UTF-8.
    public var bytes: [UInt8]? {
        switch self {
        case .bytes(let bytes): bytes
        case .text(let text), .decimal(let text): Array(text.utf8)
        default: nil
        }
    }

    /// The day.
    public var date: MySQLDate? {
        switch self {
        case .date(let date): date
        case .dateTime(let moment): moment.date
        case .text(let text): MySQLDate(text)
        default: nil
        }
    }

    /// The moment; a day is its midnight.
    public var dateTime: MySQLDateTime? {
        switch self {
        case .date(let date): MySQLDateTime(year: date.year, month: date.month, day: date.day)
        case .dateTime(let moment): moment
        case .text(let text): MySQLDateTime(text)
        default: nil
        }
    }

    /// The span of time.
    public var time: MySQLTime? {
        switch self {
        case .time(let time): time
        case .text(let text): MySQLTime(text)
        default: nil
        }
    }

    /// What it takes on its way to the server, about.
    var byteCount: Int {
        switch self {
        case .text(let text), .decimal(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        default: 8
        }
    }

    func whole<Number: FixedWidthInteger>() -> Number? {
        switch self {
        case .integer(let value): Number(exactly: value)
        case .unsigned(let value): Number(exactly: value)
        case .double(let value): Number(exactly: value)
        case .decimal(let text), .text(let text): Number(text) ?? Double(text).flatMap { Number(exactly: $0) }
        case .bytes(let bytes) where bytes.count <= 8:
            Number(exactly: bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        default: nil
        }
    }
}
