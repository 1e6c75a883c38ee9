/// What can stand for a placeholder of a statement.
public protocol MySQLParameter: Sendable {
    /// What is sent.
    nonisolated var mysqlValue: MySQLValue { get }
}

extension MySQLValue: MySQLParameter {
    /// The value itself.
    public nonisolated var mysqlValue: MySQLValue { self }
}

extension String: MySQLParameter {
    /// The text.
    public nonisolated var mysqlValue: MySQLValue { .text(self) }
}

extension Substring: MySQLParameter {
    /// The text.
    public nonisolated var mysqlValue: MySQLValue { .text(String(self)) }
}

extension Bool: MySQLParameter {
    /// 1 or 0.
    public nonisolated var mysqlValue: MySQLValue { .integer(self ? 1 : 0) }
}

extension Double: MySQLParameter {
    /// The number. Infinities and what is no number are refused by the server.
    public nonisolated var mysqlValue: MySQLValue { .double(self) }
}

extension Float: MySQLParameter {
    /// The shortest decimal number that stands for it.
    public nonisolated var mysqlValue: MySQLValue { .double(Double(description) ?? Double(self)) }
}

extension Int: MySQLParameter {
    /// The number.
    public nonisolated var mysqlValue: MySQLValue { .integer(self) }
}

extension Int8: MySQLParameter {
    /// The number.
    public nonisolated var mysqlValue: MySQLValue { .integer(Int(self)) }
}

extension Int16: MySQLParameter {
    /// The number.
    public nonisolated var mysqlValue: MySQLValue { .integer(Int(self)) }
}

extension Int32: MySQLParameter {
    /// The number.
    public nonisolated var mysqlValue: MySQLValue { .integer(Int(self)) }
}

extension Int64: MySQLParameter {
    /// The number.
    public nonisolated var mysqlValue: MySQLValue { .integer(Int(self)) }
}

extension UInt: MySQLParameter {
    /// The number.
    public nonisolated var mysqlValue: MySQLValue { .unsigned(self) }
}

extension UInt8: MySQLParameter {
    /// The number.
    public nonisolated var mysqlValue: MySQLValue { .unsigned(UInt(self)) }
}

extension UInt16: MySQLParameter {
    /// The number.
    public nonisolated var mysqlValue: MySQLValue { .unsigned(UInt(self)) }
}

extension UInt32: MySQLParameter {
    /// The number.
    public nonisolated var mysqlValue: MySQLValue { .unsigned(UInt(self)) }
}

extension UInt64: MySQLParameter {
    /// The number.
    public nonisolated var mysqlValue: MySQLValue { .unsigned(UInt(self)) }
}

extension [UInt8]: MySQLParameter {
    /// The bytes.
    public nonisolated var mysqlValue: MySQLValue { .bytes(self) }
}

extension MySQLDate: MySQLParameter {
    /// The day.
    public nonisolated var mysqlValue: MySQLValue { .date(self) }
}

extension MySQLDateTime: MySQLParameter {
    /// The moment.
    public nonisolated var mysqlValue: MySQLValue { .dateTime(self) }
}

extension MySQLTime: MySQLParameter {
    /// The span of time.
    public nonisolated var mysqlValue: MySQLValue { .time(self) }
}

extension Optional: MySQLParameter where Wrapped: MySQLParameter {
    /// NULL where there is nothing.
    public nonisolated var mysqlValue: MySQLValue { self?.mysqlValue ?? .null }
}
