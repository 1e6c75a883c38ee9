import ApusProtocols

/// What takes commands: a `RedisClient`, or a `RedisConnection` that one task has for itself.
///
/// Commands are methods under their names; those without one are sent with `command`. A value that is read is bytes
/// unless its type is named: `try await redis.lRange("jobs", as: String.self)`.
public protocol RedisCommands: AnyObject {
    /// Sends a command and returns its reply. Throws `RedisError`, also for an error that Redis replies, and
    /// `CancellationError` at once when the task is cancelled: what was sent may be carried out all the same.
    @discardableResult
    func command(_ name: String, arguments: [any RedisArgument]) async throws -> RedisValue
}

extension RedisCommands {
    /// Sends a command and returns its reply: see `command(_:arguments:)`.
    @discardableResult
    public func command(_ name: String, _ arguments: any RedisArgument...) async throws -> RedisValue {
        try await command(name, arguments: arguments)
    }

    /// The reply as a value of a type; throws `RedisError.unexpectedReply` where it is none.
    func read<Value: RedisReadable>(
        _ name: String, _ arguments: [any RedisArgument], as type: Value.Type = Value.self
    ) async throws -> Value {
        try await command(name, arguments: arguments).read()
    }

    func readOptional<Value: RedisReadable>(
        _ name: String, _ arguments: [any RedisArgument], as type: Value.Type = Value.self
    ) async throws -> Value? {
        let reply = try await command(name, arguments: arguments)
        return reply.isNull ? nil : try reply.read()
    }

    func readList<Value: RedisReadable>(
        _ name: String, _ arguments: [any RedisArgument], as type: Value.Type = Value.self
    ) async throws -> [Value] {
        try await command(name, arguments: arguments).list().map { try $0.read() }
    }

    func count(_ name: String, _ arguments: [any RedisArgument]) async throws -> Int {
        try await read(name, arguments, as: Int.self)
    }

    func isTrue(_ name: String, _ arguments: [any RedisArgument]) async throws -> Bool {
        try await read(name, arguments, as: Int.self) == 1
    }
}

/// What a reply of Redis can be read as.
public protocol RedisReadable {
    /// Nil where the reply is none.
    nonisolated init?(_ value: RedisValue)
}

extension [UInt8]: RedisReadable {
    /// The bytes of a string of any kind, and the digits of a number.
    public nonisolated init?(_ value: RedisValue) {
        switch value {
        case .integer(let number): self = Array(String(number).utf8)
        case .double(let number): self = Array(number.description.utf8)
        default:
            guard let bytes = value.bytes else { return nil }
            self = bytes
        }
    }
}

extension String: RedisReadable {
    /// The text of a string of any kind, and the digits of a number. What is no UTF-8 in it is replaced.
    public nonisolated init?(_ value: RedisValue) {
        guard let bytes = [UInt8](value) else { return nil }
        self = String(decoding: bytes, as: UTF8.self)
    }
}

extension Int: RedisReadable {
    /// A whole number, or a string of decimal digits.
    public nonisolated init?(_ value: RedisValue) {
        guard let number = value.integer else { return nil }
        self = number
    }
}

extension Double: RedisReadable {
    /// A number, or a string that is one.
    public nonisolated init?(_ value: RedisValue) {
        switch value {
        case .double(let number): self = number
        case .integer(let number): self = Double(number)
        default:
            guard let text = value.string, let number = Double(text) else { return nil }
            self = number
        }
    }
}

extension RedisValue: RedisReadable {
    /// The reply itself.
    public nonisolated init?(_ value: RedisValue) { self = value }
}

extension RedisValue {
    nonisolated func read<Value: RedisReadable>(as type: Value.Type = Value.self) throws(RedisError) -> Value {
        guard let value = Value(self) else { throw RedisError.unexpectedReply(self) }
        return value
    }

    /// Its parts; none of what is not there.
    nonisolated func list() throws(RedisError) -> [RedisValue] {
        if isNull { return [] }
        guard let elements else { throw RedisError.unexpectedReply(self) }
        return elements
    }

    /// Keys and values, which version 2 of the protocol sends in turn.
    nonisolated func pairs() throws(RedisError) -> [(RedisValue, RedisValue)] {
        if case .map(let entries) = self { return entries.map { ($0.key, $0.value) } }
        let values = try list()
        // Version 3 sends a list of pairs in some places.
        if case .array? = values.first {
            return try values.map { (pair) throws(RedisError) in
                let parts = try pair.list()
                guard parts.count == 2 else { throw RedisError.unexpectedReply(self) }
                return (parts[0], parts[1])
            }
        }
        guard values.count % 2 == 0 else { throw RedisError.unexpectedReply(self) }
        return stride(from: 0, to: values.count, by: 2).map { (values[$0], values[$0 + 1]) }
    }

    nonisolated func dictionary<Value: RedisReadable>(
        of type: Value.Type = Value.self
    ) throws(RedisError) -> [String: Value] {
        var dictionary: [String: Value] = [:]
        for (key, value) in try pairs() { dictionary[try key.read(as: String.self)] = try value.read() }
        return dictionary
    }
}
