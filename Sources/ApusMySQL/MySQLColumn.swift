import CMariaDB

/// One column of a result.
public nonisolated struct MySQLColumn: Sendable, Hashable {
    /// The name, or what the statement calls it.
    public let name: String
    /// The table it comes from, or what the statement calls that; "" for what is computed.
    public let table: String
    /// Whether NULL can stand in it.
    public let isNullable: Bool
    let kind: Kind

    /// How its values are read.
    enum Kind: Sendable, Hashable {
        case signed, unsigned, float, double, decimal, text, bytes, date, dateTime, time
    }

    init(_ field: MYSQL_FIELD) {
        name = Self.text(field.name, field.name_length)
        table = Self.text(field.table, field.table_length)
        isNullable = field.flags & UInt32(NOT_NULL_FLAG) == 0
        kind = Self.kind(field)
    }

    private static func text(_ start: UnsafeMutablePointer<CChar>?, _ count: UInt32) -> String {
        guard let start else { return "" }
        return String(decoding: UnsafeRawBufferPointer(start: start, count: Int(count)), as: UTF8.self)
    }

    /// Character set 63 stands for bytes.
    private static let binary: UInt32 = 63

    private static func kind(_ field: MYSQL_FIELD) -> Kind {
        switch field.type {
        case MYSQL_TYPE_TINY, MYSQL_TYPE_SHORT, MYSQL_TYPE_LONG, MYSQL_TYPE_LONGLONG, MYSQL_TYPE_INT24:
            field.flags & UInt32(UNSIGNED_FLAG) != 0 ? .unsigned : .signed
        case MYSQL_TYPE_YEAR: .signed
        case MYSQL_TYPE_FLOAT: .float
        case MYSQL_TYPE_DOUBLE: .double
        case MYSQL_TYPE_DECIMAL, MYSQL_TYPE_NEWDECIMAL: .decimal
        case MYSQL_TYPE_DATE, MYSQL_TYPE_NEWDATE: .date
        case MYSQL_TYPE_DATETIME, MYSQL_TYPE_TIMESTAMP: .dateTime
        case MYSQL_TYPE_TIME: .time
        case MYSQL_TYPE_BIT, MYSQL_TYPE_GEOMETRY: .bytes
        case MYSQL_TYPE_JSON, MYSQL_TYPE_NULL: .text
        default: field.charsetnr == binary ? .bytes : .text
        }
    }

    /// Reads a value as the text protocol has it.
    func value(ofText bytes: UnsafeRawBufferPointer) -> MySQLValue {
        if kind == .bytes { return .bytes(Array(bytes)) }
        let text = String(decoding: bytes, as: UTF8.self)
        let value: MySQLValue? =
            switch kind {
            case .signed: Int(text).map { .integer($0) }
            case .unsigned: UInt(text).map { .unsigned($0) }
            case .float, .double: Double(text).map { .double($0) }
            case .decimal: .decimal(text)
            case .date: MySQLDate(text).map { .date($0) }
            case .dateTime: MySQLDateTime(text).map { .dateTime($0) }
            case .time: MySQLTime(text).map { .time($0) }
            case .text, .bytes: .text(text)
            }
        // What is not what the column says is not lost.
        return value ?? .text(text)
    }
}

/// The columns of a result, shared by its rows.
nonisolated final class MySQLColumns: Sendable {
    let all: [MySQLColumn]
    private let indices: [String: Int]

    init(_ columns: [MySQLColumn]) {
        all = columns
        // Of several with one name the last one counts, as in a dictionary that is filled from left to right.
        indices = Dictionary(columns.enumerated().map { ($1.name, $0) }) { $1 }
    }

    func index(_ name: String) -> Int? { indices[name] }
}
