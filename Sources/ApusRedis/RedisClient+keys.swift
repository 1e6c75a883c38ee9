import ApusProtocols

/// When `set` stores a value.
public nonisolated enum RedisSetCondition: String, Sendable {
    /// Only when the key has no value.
    case isMissing = "NX"
    /// Only when the key has a value.
    case exists = "XX"
}

extension RedisClient {
    /// The value of a key; nil when it has none.
    public func get(_ key: String) async throws -> [UInt8]? {
        let reply = try await command("GET", key)
        guard let bytes = reply.bytes else {
            guard reply.isNull else { throw RedisError.unexpectedReply(reply) }
            return nil
        }
        return bytes
    }

    /// Gives a key a value, which is gone after `seconds` if they are given. False when the condition does not hold.
    @discardableResult
    public func set(
        _ key: String, _ value: any RedisArgument, expiresIn seconds: Int? = nil,
        ifKey condition: RedisSetCondition? = nil
    ) async throws -> Bool {
        var arguments: [any RedisArgument] = [key, value]
        if let seconds { arguments += ["EX", seconds] as [any RedisArgument] }
        if let condition { arguments.append(condition.rawValue) }
        return try await !command("SET", arguments: arguments).isNull
    }

    /// Sets how long a key keeps its value from now on. False when it has none.
    @discardableResult
    public func expire(_ key: String, in seconds: Int) async throws -> Bool {
        try await number("EXPIRE", [key, seconds]) == 1
    }

    /// Takes keys their values; returns how many had one.
    @discardableResult
    public func delete(_ keys: String...) async throws -> Int {
        keys.isEmpty ? 0 : try await number("DEL", keys)
    }

    /// Asks whether the server is there.
    public func ping() async throws { try await command("PING") }

    private func number(_ name: String, _ arguments: [any RedisArgument]) async throws -> Int {
        let reply = try await command(name, arguments: arguments)
        guard let number = reply.integer else { throw RedisError.unexpectedReply(reply) }
        return number
    }
}
