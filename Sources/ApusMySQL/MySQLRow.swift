/// One row of a result.
public nonisolated struct MySQLRow: Sendable {
    let shape: MySQLColumns
    /// The values from left to right.
    public let values: [MySQLValue]

    /// The columns from left to right.
    public var columns: [MySQLColumn] { shape.all }

    /// The value of the column of that name; nil when there is none. Of several with one name, the last one's.
    public subscript(name: String) -> MySQLValue? { shape.index(name).map { values[$0] } }

    /// The value at a place, counted from 0.
    public subscript(index: Int) -> MySQLValue { values[index] }

    /// The values by the names of their columns.
    public var dictionary: [String: MySQLValue] {
        Dictionary(zip(shape.all, values).map { ($0.name, $1) }) { $1 }
    }

    /// Makes a value of the row: a `Codable` structure takes its properties from the columns of their names, anything
    /// else is made of the only column. Throws `DecodingError`.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        try MySQLRowDecoder(row: self, codingPath: []).decode(type)
    }

    /// Makes a value of one column. Throws `DecodingError`.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self, column name: String) throws -> Value {
        guard let value = self[name] else {
            throw DecodingError.keyNotFound(
                ColumnKey(name), .init(codingPath: [], debugDescription: "the result has no column \"\(name)\""))
        }
        return try MySQLValueDecoder(value: value, codingPath: [ColumnKey(name)]).decode(type)
    }
}

/// What a statement yields: rows, or what it changed.
public nonisolated struct MySQLResult: Sendable, RandomAccessCollection {
    let shape: MySQLColumns
    var rows: [MySQLRow] = []
    /// Rows that the statement changed, inserted or deleted; of a SELECT, those it found. MySQL does not count rows
    /// that an UPDATE leaves as they were.
    public internal(set) var affectedRows = 0
    /// What AUTO_INCREMENT gave the first row that was inserted; nil when it gave nothing.
    public internal(set) var lastInsertID: UInt?
    /// What `SHOW WARNINGS` would tell.
    public internal(set) var warningCount = 0

    init(_ columns: [MySQLColumn] = []) { shape = MySQLColumns(columns) }

    /// The columns from left to right; none for a statement that yields no rows.
    public var columns: [MySQLColumn] { shape.all }

    public var startIndex: Int { 0 }
    public var endIndex: Int { rows.count }
    public subscript(index: Int) -> MySQLRow { rows[index] }

    /// Makes a value of each row, see `MySQLRow.decode`.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> [Value] {
        try rows.map { try $0.decode(type) }
    }
}
