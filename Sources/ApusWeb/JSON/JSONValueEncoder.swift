/// Where one value is written: what `Encodable` types see of a `JSONWriter`.
nonisolated struct JSONValueEncoder: Encoder {
    let writer: JSONWriter
    /// How many containers are around the value.
    let depth: Int

    // Only read for errors, which JSONEncoder describes.
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(JSONObjectWriter(writer: writer, place: writer.container(at: depth, isObject: true)))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        JSONArrayWriter(writer: writer, place: writer.container(at: depth, isObject: false))
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { JSONScalarWriter(writer: writer) }
}

/// The members of an object.
private nonisolated struct JSONObjectWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let writer: JSONWriter
    let place: JSONWriter.Place

    var codingPath: [any CodingKey] { [] }

    mutating func encodeNil(forKey key: Key) throws {
        if enter(key) { writer.writeNull() }
    }
    mutating func encode(_ value: Bool, forKey key: Key) throws {
        if enter(key) { writer.write(value) }
    }
    mutating func encode(_ value: String, forKey key: Key) throws {
        if enter(key) { writer.write(value) }
    }
    mutating func encode(_ value: Double, forKey key: Key) throws {
        if enter(key) { writer.write(value) }
    }
    mutating func encode(_ value: Float, forKey key: Key) throws {
        if enter(key) { writer.write(value) }
    }
    mutating func encode(_ value: Int, forKey key: Key) throws {
        if enter(key) { writer.write(value) }
    }
    mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        if enter(key) { try writer.encode(value) }
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        _ = enter(key)
        return KeyedEncodingContainer(
            JSONObjectWriter<Nested>(writer: writer, place: writer.begin(isObject: true)))
    }

    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        _ = enter(key)
        return JSONArrayWriter(writer: writer, place: writer.begin(isObject: false))
    }

    mutating func superEncoder() -> any Encoder { superEncoder("super") }
    mutating func superEncoder(forKey key: Key) -> any Encoder { superEncoder(key.stringValue) }

    private func superEncoder(_ key: String) -> any Encoder {
        _ = writer.enter(place, key: key)
        return JSONValueEncoder(writer: writer, depth: writer.depth)
    }

    private func enter(_ key: Key) -> Bool { writer.enter(place, key: key.stringValue) }
}

/// The elements of an array.
private nonisolated struct JSONArrayWriter: UnkeyedEncodingContainer {
    let writer: JSONWriter
    let place: JSONWriter.Place
    private(set) var count = 0

    init(writer: JSONWriter, place: JSONWriter.Place) {
        self.writer = writer
        self.place = place
    }

    var codingPath: [any CodingKey] { [] }

    mutating func encodeNil() throws {
        if enter() { writer.writeNull() }
    }
    mutating func encode(_ value: Bool) throws {
        if enter() { writer.write(value) }
    }
    mutating func encode(_ value: String) throws {
        if enter() { writer.write(value) }
    }
    mutating func encode(_ value: Double) throws {
        if enter() { writer.write(value) }
    }
    mutating func encode(_ value: Float) throws {
        if enter() { writer.write(value) }
    }
    mutating func encode(_ value: Int) throws {
        if enter() { writer.write(value) }
    }
    mutating func encode<T: Encodable>(_ value: T) throws {
        if enter() { try writer.encode(value) }
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        _ = enter()
        return KeyedEncodingContainer(
            JSONObjectWriter<Nested>(writer: writer, place: writer.begin(isObject: true)))
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        _ = enter()
        return JSONArrayWriter(writer: writer, place: writer.begin(isObject: false))
    }

    mutating func superEncoder() -> any Encoder {
        _ = enter()
        return JSONValueEncoder(writer: writer, depth: writer.depth)
    }

    private mutating func enter() -> Bool {
        count += 1
        return writer.enter(place)
    }
}

/// A value that is no container.
private nonisolated struct JSONScalarWriter: SingleValueEncodingContainer {
    let writer: JSONWriter

    var codingPath: [any CodingKey] { [] }

    mutating func encodeNil() throws { writer.writeNull() }
    mutating func encode(_ value: Bool) throws { writer.write(value) }
    mutating func encode(_ value: String) throws { writer.write(value) }
    mutating func encode(_ value: Double) throws { writer.write(value) }
    mutating func encode(_ value: Float) throws { writer.write(value) }
    mutating func encode(_ value: Int) throws { writer.write(value) }
    mutating func encode(_ value: Int8) throws { writer.write(value) }
    mutating func encode(_ value: Int16) throws { writer.write(value) }
    mutating func encode(_ value: Int32) throws { writer.write(value) }
    mutating func encode(_ value: Int64) throws { writer.write(value) }
    mutating func encode(_ value: UInt) throws { writer.write(value) }
    mutating func encode(_ value: UInt8) throws { writer.write(value) }
    mutating func encode(_ value: UInt16) throws { writer.write(value) }
    mutating func encode(_ value: UInt32) throws { writer.write(value) }
    mutating func encode(_ value: UInt64) throws { writer.write(value) }
    mutating func encode<T: Encodable>(_ value: T) throws { try writer.encode(value) }
}
