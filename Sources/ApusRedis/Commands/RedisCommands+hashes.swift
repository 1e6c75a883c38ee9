import ApusProtocols

extension RedisCommands {
    /// Sets fields of a hash; returns how many are new.
    @discardableResult
    public func hSet(_ key: String, _ fields: [String: any RedisArgument]) async throws -> Int {
        fields.isEmpty ? 0 : try await count("HSET", [key] + words(fields))
    }

    /// Sets one field of a hash; says whether it is new.
    @discardableResult
    public func hSet(_ key: String, _ field: String, _ value: any RedisArgument) async throws -> Bool {
        try await isTrue("HSET", [key, field, value])
    }

    /// Sets one field of a hash if it has no value; says whether that was done.
    @discardableResult
    public func hSetNX(_ key: String, _ field: String, _ value: any RedisArgument) async throws -> Bool {
        try await isTrue("HSETNX", [key, field, value])
    }

    /// A field of a hash; nil when it has no value.
    public func hGet<Value: RedisReadable>(
        _ key: String, _ field: String, as type: Value.Type = [UInt8].self
    ) async throws -> Value? {
        try await readOptional("HGET", [key, field])
    }

    /// The fields that have a value, of those that are named.
    public func hMGet<Value: RedisReadable>(
        _ key: String, _ fields: [String], as type: Value.Type = [UInt8].self
    ) async throws -> [String: Value] {
        if fields.isEmpty { return [:] }
        let reply = try await command("HMGET", arguments: [key] + fields)
        let values = try reply.list()
        guard values.count == fields.count else { throw RedisError.unexpectedReply(reply) }
        var found: [String: Value] = [:]
        for (field, value) in zip(fields, values) where !value.isNull { found[field] = try value.read() }
        return found
    }

    /// All fields of a hash; none when there is no such key.
    public func hGetAll<Value: RedisReadable>(
        _ key: String, as type: Value.Type = [UInt8].self
    ) async throws -> [String: Value] {
        try await command("HGETALL", key).dictionary()
    }

    /// Takes fields their values; returns how many had one.
    @discardableResult
    public func hDel(_ key: String, _ fields: String...) async throws -> Int {
        fields.isEmpty ? 0 : try await count("HDEL", [key] + fields)
    }

    /// Whether a field has a value.
    public func hExists(_ key: String, _ field: String) async throws -> Bool {
        try await isTrue("HEXISTS", [key, field])
    }

    /// Adds to a number; a field without a value counts as 0. Returns the sum.
    @discardableResult
    public func hIncrBy(_ key: String, _ field: String, _ amount: Int) async throws -> Int {
        try await count("HINCRBY", [key, field, amount])
    }

    /// Adds a fraction to a number. Returns the sum.
    @discardableResult
    public func hIncrByFloat(_ key: String, _ field: String, _ amount: Double) async throws -> Double {
        try await read("HINCRBYFLOAT", [key, field, amount])
    }

    /// The names of all fields.
    public func hKeys(_ key: String) async throws -> [String] { try await readList("HKEYS", [key]) }

    /// The values of all fields.
    public func hVals<Value: RedisReadable>(
        _ key: String, as type: Value.Type = [UInt8].self
    ) async throws -> [Value] {
        try await readList("HVALS", [key])
    }

    /// How many fields there are.
    public func hLen(_ key: String) async throws -> Int { try await count("HLEN", [key]) }

    /// The length of a field's value in bytes.
    public func hStrLen(_ key: String, _ field: String) async throws -> Int {
        try await count("HSTRLEN", [key, field])
    }

    /// Some fields by chance, none of them twice.
    public func hRandField(_ key: String, count: Int = 1) async throws -> [String] {
        try await readList("HRANDFIELD", [key, max(0, count)])
    }
}
