/// The name of a column as `Codable` has it.
nonisolated struct ColumnKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { return nil }
}

/// Makes values of a row through `Codable`.
nonisolated struct MySQLRowDecoder: Decoder {
    let row: MySQLRow
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if MySQLValueDecoder.isScalar(type) { return try single().decode(type) }
        return try Value(from: self)
    }

    private func single() throws -> MySQLValueDecoder {
        guard row.values.count == 1 else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: codingPath, debugDescription: "one column was expected, not \(row.values.count)"))
        }
        return MySQLValueDecoder(value: row.values[0], codingPath: codingPath + [ColumnKey(row.columns[0].name)])
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Columns(row: row, codingPath: codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        throw DecodingError.typeMismatch(
            [Any].self, .init(codingPath: codingPath, debugDescription: "a row is no array: take its values"))
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { try single() }

    /// The columns of a row by the names of properties.
    private struct Columns<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let row: MySQLRow
        let codingPath: [any CodingKey]
        var allKeys: [Key] { row.columns.compactMap { Key(stringValue: $0.name) } }

        func contains(_ key: Key) -> Bool { row[key.stringValue] != nil }

        func decodeNil(forKey key: Key) throws -> Bool { try value(key).value.isNull }

        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            try value(key).decode(type)
        }

        private func value(_ key: Key) throws -> MySQLValueDecoder {
            guard let value = row[key.stringValue] else {
                let names = row.columns.map(\.name).joined(separator: ", ")
                throw DecodingError.keyNotFound(
                    key,
                    .init(codingPath: codingPath, debugDescription: "the result has the columns \(names) only"))
            }
            return MySQLValueDecoder(value: value, codingPath: codingPath + [key])
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> { try value(key).container(keyedBy: type) }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try value(key).unkeyedContainer()
        }

        func superDecoder() throws -> any Decoder { MySQLRowDecoder(row: row, codingPath: codingPath) }
        func superDecoder(forKey key: Key) throws -> any Decoder { try value(key) }
    }
}

/// Makes a value of one column through `Codable`.
nonisolated struct MySQLValueDecoder: Decoder, SingleValueDecodingContainer {
    let value: MySQLValue
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// Types that are made of a value without asking them.
    private static let scalars: [any Any.Type] = [
        MySQLDate.self, MySQLDateTime.self, MySQLTime.self, [UInt8].self, String.self, Bool.self,
        Double.self, Float.self, Int.self, Int8.self, Int16.self, Int32.self, Int64.self, UInt.self, UInt8.self,
        UInt16.self, UInt32.self, UInt64.self,
    ]

    static func isScalar(_ type: any Any.Type) -> Bool { scalars.contains { $0 == type } }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        guard Self.isScalar(type) else { return try Value(from: self) }
        guard let scalar = scalar(type) as? Value else { throw mismatch(type) }
        return scalar
    }

    private func scalar(_ type: any Any.Type) -> Any? {
        switch type {
        case is String.Type: value.string
        case is Bool.Type: value.bool
        case is Double.Type: value.double
        case is Float.Type: value.double.map { Float($0) }
        case is Int.Type: value.int
        case is [UInt8].Type: value.bytes
        case is MySQLDate.Type: value.date
        case is MySQLDateTime.Type: value.dateTime
        case is MySQLTime.Type: value.time
        case let number as any FixedWidthInteger.Type: whole(number)
        default: nil
        }
    }

    private func whole<Number: FixedWidthInteger>(_ type: Number.Type) -> Any? {
        let number: Number? = value.whole()
        return number
    }

    private func mismatch(_ type: any Any.Type) -> DecodingError {
        if value.isNull {
            return .valueNotFound(type, .init(codingPath: codingPath, debugDescription: "the column is NULL"))
        }
        let shown = String(describing: value).prefix(60)
        return .typeMismatch(type, .init(codingPath: codingPath, debugDescription: "\(shown) is no \(type)"))
    }

    func decodeNil() -> Bool { value.isNull }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        throw DecodingError.typeMismatch(
            [String: Any].self, .init(codingPath: codingPath, debugDescription: "a column holds one value"))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        throw DecodingError.typeMismatch(
            [Any].self, .init(codingPath: codingPath, debugDescription: "a column holds one value"))
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }
}
