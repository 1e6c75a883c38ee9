import ApusProtocols

extension RedisCommands {
    /// Adds members; returns how many are new.
    @discardableResult
    public func sAdd(_ key: String, _ members: any RedisArgument...) async throws -> Int {
        members.isEmpty ? 0 : try await count("SADD", [key] + members)
    }

    /// Takes members out; returns how many there were.
    @discardableResult
    public func sRem(_ key: String, _ members: any RedisArgument...) async throws -> Int {
        members.isEmpty ? 0 : try await count("SREM", [key] + members)
    }

    /// All members.
    public func sMembers<Value: RedisReadable>(
        _ key: String, as type: Value.Type = [UInt8].self
    ) async throws -> [Value] {
        try await readList("SMEMBERS", [key])
    }

    /// Whether a value is a member.
    public func sIsMember(_ key: String, _ member: any RedisArgument) async throws -> Bool {
        try await isTrue("SISMEMBER", [key, member])
    }

    /// Whether each of the values is a member.
    public func sMIsMember(_ key: String, _ members: any RedisArgument...) async throws -> [Bool] {
        try await readList("SMISMEMBER", [key] + members, as: Int.self).map { $0 == 1 }
    }

    /// How many members there are.
    public func sCard(_ key: String) async throws -> Int { try await count("SCARD", [key]) }

    /// Takes out any members, so many at most.
    public func sPop<Value: RedisReadable>(
        _ key: String, count: Int = 1, as type: Value.Type = [UInt8].self
    ) async throws -> [Value] {
        try await readList("SPOP", [key, count])
    }

    /// Any members, so many at most; if negative, so many, and one may come twice.
    public func sRandMember<Value: RedisReadable>(
        _ key: String, count: Int = 1, as type: Value.Type = [UInt8].self
    ) async throws -> [Value] {
        try await readList("SRANDMEMBER", [key, count])
    }

    /// Moves a member from one set to another; false when it was not there.
    @discardableResult
    public func sMove(_ key: String, to destination: String, _ member: any RedisArgument) async throws -> Bool {
        try await isTrue("SMOVE", [key, destination, member])
    }

    /// What is in one of the sets.
    public func sUnion<Value: RedisReadable>(
        _ keys: String..., as type: Value.Type = [UInt8].self
    ) async throws -> [Value] {
        try await readList("SUNION", keys)
    }

    /// What is in all of the sets.
    public func sInter<Value: RedisReadable>(
        _ keys: String..., as type: Value.Type = [UInt8].self
    ) async throws -> [Value] {
        try await readList("SINTER", keys)
    }

    /// What is in the first of the sets alone.
    public func sDiff<Value: RedisReadable>(
        _ keys: String..., as type: Value.Type = [UInt8].self
    ) async throws -> [Value] {
        try await readList("SDIFF", keys)
    }

    /// Stores what is in one of the sets; returns how many there are.
    @discardableResult
    public func sUnionStore(_ destination: String, _ keys: String...) async throws -> Int {
        try await count("SUNIONSTORE", [destination] + keys)
    }

    /// Stores what is in all of the sets; returns how many there are.
    @discardableResult
    public func sInterStore(_ destination: String, _ keys: String...) async throws -> Int {
        try await count("SINTERSTORE", [destination] + keys)
    }

    /// Stores what is in the first of the sets alone; returns how many there are.
    @discardableResult
    public func sDiffStore(_ destination: String, _ keys: String...) async throws -> Int {
        try await count("SDIFFSTORE", [destination] + keys)
    }
}
