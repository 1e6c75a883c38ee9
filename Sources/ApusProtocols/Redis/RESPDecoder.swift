/// Why bytes are no Redis reply.
package struct RESPError: Error, Equatable, CustomStringConvertible {
    package let description: String
}

/// Makes a value of one complete reply, whose end `RESPFraming` has found.
package struct RESPDecoder {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    /// The value of a reply.
    package static func decode(_ reply: UnsafeRawBufferPointer) throws(RESPError) -> RedisValue {
        var decoder = RESPDecoder(bytes: reply)
        let value = try decoder.value(depth: 0)
        guard decoder.position == reply.count else { throw RESPError(description: "bytes behind a reply") }
        return value
    }

    private init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private mutating func value(depth: Int) throws(RESPError) -> RedisValue {
        guard depth <= RESPFraming.maxDepth else { throw RESPError(description: "values nest too deep") }
        while true {
            guard position < bytes.count, let type = RESPType(rawValue: bytes[position]) else {
                throw RESPError(description: "no type of value")
            }
            position += 1
            switch type {
            // What is said about a value is not passed on.
            case .attribute: _ = try list(try length() * 2, depth)
            case .array:
                let count = try length()
                return count < 0 ? .null : .array(try list(count, depth))
            case .set: return .set(try list(try length(), depth))
            case .push: return .push(try list(try length(), depth))
            case .map: return .map(try entries(try length(), depth))
            case .bytes:
                let count = try length()
                return count < 0 ? .null : .bytes(Array(try blob(count)))
            case .blobError: return .error(String(decoding: try blob(try length()), as: UTF8.self))
            case .verbatim: return try verbatim()
            default: return try scalar(type, String(decoding: try line(), as: UTF8.self))
            }
        }
    }

    private func scalar(_ type: RESPType, _ text: String) throws(RESPError) -> RedisValue {
        switch type {
        case .status: return .status(text)
        case .error: return .error(text)
        case .integer: if let number = Int(text) { return .integer(number) }
        case .double: if let number = Double(text) { return .double(number) }
        case .boolean: if text == "t" || text == "f" { return .boolean(text == "t") }
        case .null: if text.isEmpty { return .null }
        case .bigNumber:
            let digits = text.utf8.first == 0x2D || text.utf8.first == 0x2B ? text.utf8.dropFirst() : text.utf8[...]
            if !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) { return .bigNumber(text) }
        default: break
        }
        throw RESPError(description: "«\(text.prefix(40))» is no \(type)")
    }

    private mutating func verbatim() throws(RESPError) -> RedisValue {
        let content = try blob(try length())
        guard content.count >= 4, content[content.startIndex + 3] == UInt8(ascii: ":") else {
            throw RESPError(description: "a text has no format")
        }
        return .verbatim(format: String(decoding: content.prefix(3), as: UTF8.self), Array(content.dropFirst(4)))
    }

    private mutating func list(_ count: Int, _ depth: Int) throws(RESPError) -> [RedisValue] {
        guard count >= 0 else { throw RESPError(description: "a list has no length") }
        var values: [RedisValue] = []
        // Three bytes at least for each: what is claimed may be more than what is there.
        values.reserveCapacity(min(count, (bytes.count - position) / 3))
        for _ in 0..<count { values.append(try value(depth: depth + 1)) }
        return values
    }

    private mutating func entries(_ count: Int, _ depth: Int) throws(RESPError) -> [RedisValue.Entry] {
        guard count >= 0 else { throw RESPError(description: "a list has no length") }
        var entries: [RedisValue.Entry] = []
        entries.reserveCapacity(min(count, (bytes.count - position) / 6))
        for _ in 0..<count {
            let key = try value(depth: depth + 1)
            entries.append(RedisValue.Entry(key: key, value: try value(depth: depth + 1)))
        }
        return entries
    }

    private mutating func line() throws(RESPError) -> Slice<UnsafeRawBufferPointer> {
        guard case .line(let range) = RESPLine.find(in: bytes, from: position) else {
            throw RESPError(description: "a line has no end")
        }
        position = range.upperBound + 2
        return bytes[range]
    }

    private mutating func length() throws(RESPError) -> Int {
        let line = try line()
        guard let count = RESPLine.count(bytes, line.startIndex..<line.endIndex) else {
            throw RESPError(description: "no length")
        }
        return count
    }

    private mutating func blob(_ count: Int) throws(RESPError) -> Slice<UnsafeRawBufferPointer> {
        let end = position + count
        guard count >= 0, end + 2 <= bytes.count, bytes[end] == 0x0D, bytes[end + 1] == 0x0A else {
            throw RESPError(description: "a string is not ended")
        }
        defer { position = end + 2 }
        return bytes[position..<end]
    }
}
