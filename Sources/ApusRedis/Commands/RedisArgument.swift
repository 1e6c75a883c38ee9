/// What can stand behind the name of a command. Redis knows bytes only; numbers are sent in decimal.
public protocol RedisArgument {
    /// The bytes that are sent.
    nonisolated var redisBytes: [UInt8] { get }
    /// Calls `body` with the bytes that are sent. Calls it with `redisBytes` unless implemented.
    nonisolated func withRedisBytes(_ body: (UnsafeRawBufferPointer) -> Void)
}

extension RedisArgument {
    /// The bytes in an array.
    public nonisolated func withRedisBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        redisBytes.withUnsafeBytes(body)
    }
}

extension String: RedisArgument {
    /// The text in UTF-8.
    public nonisolated var redisBytes: [UInt8] { Array(utf8) }

    /// The text in UTF-8, where it is.
    public nonisolated func withRedisBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        var text = self
        text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }
}

extension Substring: RedisArgument {
    /// The text in UTF-8.
    public nonisolated var redisBytes: [UInt8] { Array(utf8) }
}

extension Int: RedisArgument {
    /// The decimal digits.
    public nonisolated var redisBytes: [UInt8] { Array(String(self).utf8) }

    /// The decimal digits.
    public nonisolated func withRedisBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        String(self).withRedisBytes(body)
    }
}

extension Double: RedisArgument {
    /// The shortest decimal form that reads back as the same number; `+inf` and `-inf` beyond all numbers.
    public nonisolated var redisBytes: [UInt8] { Array((isInfinite ? (self > 0 ? "+inf" : "-inf") : description).utf8) }
}

extension [UInt8]: RedisArgument {
    /// The bytes themselves.
    public nonisolated var redisBytes: [UInt8] { self }
}

extension ArraySlice<UInt8>: RedisArgument {
    /// The bytes themselves.
    public nonisolated var redisBytes: [UInt8] { Array(self) }
}
