/// What can stand behind the name of a command. Redis knows bytes only; numbers are sent in decimal.
public protocol RedisArgument {
    /// The bytes that are sent.
    nonisolated var redisBytes: [UInt8] { get }
}

extension String: RedisArgument {
    /// The text in UTF-8.
    public nonisolated var redisBytes: [UInt8] { Array(utf8) }
}

extension Int: RedisArgument {
    /// The decimal digits.
    public nonisolated var redisBytes: [UInt8] { Array(String(self).utf8) }
}

extension Double: RedisArgument {
    /// The shortest decimal form that reads back as the same number.
    public nonisolated var redisBytes: [UInt8] { Array(description.utf8) }
}

extension [UInt8]: RedisArgument {
    /// The bytes themselves.
    public nonisolated var redisBytes: [UInt8] { self }
}
