import ApusProtocols

/// An end of a list.
public nonisolated enum RedisListEnd: String, Sendable {
    /// Where the first element is.
    case left = "LEFT"
    /// Where the last element is.
    case right = "RIGHT"
}

/// What was taken from one of several keys.
public nonisolated struct RedisPopped<Value: Sendable>: Sendable {
    /// The key.
    public let key: String
    /// What it held.
    public let value: Value
}

extension RedisCommands {
    /// Puts values before the first element, one after the other; returns the length of the list.
    @discardableResult
    public func lPush(_ key: String, _ values: any RedisArgument...) async throws -> Int {
        try await count("LPUSH", [key] + values)
    }

    /// Puts values behind the last element; returns the length of the list.
    @discardableResult
    public func rPush(_ key: String, _ values: any RedisArgument...) async throws -> Int {
        try await count("RPUSH", [key] + values)
    }

    /// As `lPush`, if there is a list already; 0 when there is none.
    @discardableResult
    public func lPushX(_ key: String, _ values: any RedisArgument...) async throws -> Int {
        try await count("LPUSHX", [key] + values)
    }

    /// As `rPush`, if there is a list already; 0 when there is none.
    @discardableResult
    public func rPushX(_ key: String, _ values: any RedisArgument...) async throws -> Int {
        try await count("RPUSHX", [key] + values)
    }

    /// Takes the first element; nil when there is none.
    public func lPop<Value: RedisReadable>(
        _ key: String, as type: Value.Type = [UInt8].self
    ) async throws -> Value? {
        try await readOptional("LPOP", [key])
    }

    /// Takes so many elements from the front at most.
    public func lPop<Value: RedisReadable>(
        _ key: String, count: Int, as type: Value.Type = [UInt8].self
    ) async throws -> [Value] {
        try await readList("LPOP", [key, count])
    }

    /// Takes the last element; nil when there is none.
    public func rPop<Value: RedisReadable>(
        _ key: String, as type: Value.Type = [UInt8].self
    ) async throws -> Value? {
        try await readOptional("RPOP", [key])
    }

    /// Takes so many elements from the end at most, the last one first.
    public func rPop<Value: RedisReadable>(
        _ key: String, count: Int, as type: Value.Type = [UInt8].self
    ) async throws -> [Value] {
        try await readList("RPOP", [key, count])
    }

    /// How many elements there are.
    public func lLen(_ key: String) async throws -> Int { try await count("LLEN", [key]) }

    /// The elements from `start` to `end`, which is included; negative ones count from the end.
    public func lRange<Value: RedisReadable>(
        _ key: String, _ start: Int = 0, _ end: Int = -1, as type: Value.Type = [UInt8].self
    ) async throws -> [Value] {
        try await readList("LRANGE", [key, start, end])
    }

    /// The element at a place; nil when there is none.
    public func lIndex<Value: RedisReadable>(
        _ key: String, _ index: Int, as type: Value.Type = [UInt8].self
    ) async throws -> Value? {
        try await readOptional("LINDEX", [key, index])
    }

    /// Replaces the element at a place.
    public func lSet(_ key: String, _ index: Int, _ value: any RedisArgument) async throws {
        try await command("LSET", key, index, value)
    }

    /// Puts a value before the first element that equals `pivot`, or behind it. Returns the length of the list; nil
    /// when there is no such element.
    @discardableResult
    public func lInsert(
        _ key: String, _ value: any RedisArgument, before: Bool, pivot: any RedisArgument
    ) async throws -> Int? {
        let length = try await count("LINSERT", [key, before ? "BEFORE" : "AFTER", pivot, value])
        return length > 0 ? length : nil
    }

    /// Takes out elements that equal a value: so many from the front, from the end if negative, all if 0. Returns how
    /// many there were.
    @discardableResult
    public func lRem(_ key: String, _ value: any RedisArgument, count limit: Int = 0) async throws -> Int {
        try await count("LREM", [key, limit, value])
    }

    /// Keeps the elements from `start` to `end` alone.
    public func lTrim(_ key: String, _ start: Int, _ end: Int) async throws {
        try await command("LTRIM", key, start, end)
    }

    /// Where elements are that equal a value, so many at most, 0 for all.
    public func lPos(_ key: String, _ value: any RedisArgument, count: Int = 1) async throws -> [Int] {
        try await readList("LPOS", [key, value, "COUNT", count])
    }

    /// Moves an element from one list to another, or within one; nil when there is none.
    public func lMove<Value: RedisReadable>(
        _ source: String, _ from: RedisListEnd, to destination: String, _ end: RedisListEnd,
        as type: Value.Type = [UInt8].self
    ) async throws -> Value? {
        try await readOptional("LMOVE", [source, destination, from.rawValue, end.rawValue])
    }
}

/// Commands that wait hold up their connection.
extension RedisConnection {
    /// Takes the first element of the first list that has one, and waits for one so many seconds, 0 for ever; nil when
    /// none has come.
    public func blPop<Value: RedisReadable & Sendable>(
        _ keys: String..., timeout seconds: Double, as type: Value.Type = [UInt8].self
    ) async throws -> RedisPopped<Value>? {
        try await popped(blocking("BLPOP", keys + [seconds] as [any RedisArgument], seconds))
    }

    /// As `blPop`, the last element.
    public func brPop<Value: RedisReadable & Sendable>(
        _ keys: String..., timeout seconds: Double, as type: Value.Type = [UInt8].self
    ) async throws -> RedisPopped<Value>? {
        try await popped(blocking("BRPOP", keys + [seconds] as [any RedisArgument], seconds))
    }

    /// Moves an element from one list to another, and waits for one so many seconds, 0 for ever.
    public func blMove<Value: RedisReadable>(
        _ source: String, _ from: RedisListEnd, to destination: String, _ end: RedisListEnd, timeout seconds: Double,
        as type: Value.Type = [UInt8].self
    ) async throws -> Value? {
        let words: [any RedisArgument] = [source, destination, from.rawValue, end.rawValue, seconds]
        let reply = try await blocking("BLMOVE", words, seconds)
        return reply.isNull ? nil : try reply.read()
    }

    private func popped<Value: RedisReadable & Sendable>(_ reply: RedisValue) throws -> RedisPopped<Value>? {
        if reply.isNull { return nil }
        let parts = try reply.list()
        guard parts.count == 2 else { throw RedisError.unexpectedReply(reply) }
        return RedisPopped(key: try parts[0].read(), value: try parts[1].read())
    }

    /// Takes a member with the lowest score from the first sorted set that has one, and waits for one so many seconds,
    /// 0 for ever.
    public func bzPopMin(_ keys: String..., timeout seconds: Double) async throws -> RedisPopped<RedisScored>? {
        try await scored(blocking("BZPOPMIN", keys + [seconds] as [any RedisArgument], seconds))
    }

    /// As `bzPopMin`, with the highest score.
    public func bzPopMax(_ keys: String..., timeout seconds: Double) async throws -> RedisPopped<RedisScored>? {
        try await scored(blocking("BZPOPMAX", keys + [seconds] as [any RedisArgument], seconds))
    }

    private func scored(_ reply: RedisValue) throws -> RedisPopped<RedisScored>? {
        if reply.isNull { return nil }
        let parts = try reply.list()
        guard parts.count == 3 else { throw RedisError.unexpectedReply(reply) }
        let value = RedisScored(member: try parts[1].read(), score: try parts[2].read())
        return RedisPopped(key: try parts[0].read(), value: value)
    }
}
