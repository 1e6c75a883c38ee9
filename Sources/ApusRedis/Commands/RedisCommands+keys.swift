import ApusProtocols

/// What `sort` does.
public nonisolated struct RedisSortOptions: Sendable, Hashable {
    /// The pattern of keys by whose values is sorted; "nosort" for not at all.
    public var by: String?
    /// How many are left out, and how many returned at most.
    public var limit: (offset: Int, count: Int)? {
        get { offset.map { ($0, count) } }
        set {
            offset = newValue?.offset
            count = newValue?.count ?? 0
        }
    }
    private var offset: Int?
    private var count = 0
    /// Patterns of keys whose values are returned; "#" is the element itself.
    public var get: [String] = []
    /// From the last to the first.
    public var isDescending = false
    /// As text, not as numbers.
    public var isAlphabetical = false

    /// Numbers, the smallest first.
    public init() {}

    var words: [any RedisArgument] {
        var words: [any RedisArgument] = []
        if let by { words += ["BY", by] }
        if let limit { words += ["LIMIT", limit.offset, limit.count] as [any RedisArgument] }
        for pattern in get { words += ["GET", pattern] }
        if isDescending { words.append("DESC") }
        if isAlphabetical { words.append("ALPHA") }
        return words
    }
}

/// When a key expires.
public nonisolated enum RedisTimeToLive: Sendable, Hashable {
    /// There is no such key.
    case missing
    /// It has a value, for ever.
    case unlimited
    /// Seconds that are left.
    case seconds(Double)
}

extension RedisCommands {
    /// Sets how long a key keeps its value from now on. False when it has none.
    @discardableResult
    public func expire(_ key: String, in seconds: Int) async throws -> Bool {
        try await isTrue("EXPIRE", [key, seconds])
    }

    /// Sets how long a key keeps its value from now on, or until when. False when it has none, or had no limit
    /// already and `expiry` is `.never`.
    @discardableResult
    public func expire(_ key: String, _ expiry: RedisExpiry) async throws -> Bool {
        switch expiry {
        case .seconds(let count): try await isTrue("EXPIRE", [key, count])
        case .milliseconds(let count): try await isTrue("PEXPIRE", [key, count])
        case .at(let moment): try await isTrue("EXPIREAT", [key, moment])
        case .atMilliseconds(let moment): try await isTrue("PEXPIREAT", [key, moment])
        case .never: try await persist(key)
        }
    }

    /// A key keeps its value for ever. False when it has none, or would have kept it.
    @discardableResult
    public func persist(_ key: String) async throws -> Bool { try await isTrue("PERSIST", [key]) }

    /// How long a key keeps its value, to the millisecond.
    public func ttl(_ key: String) async throws -> RedisTimeToLive {
        switch try await count("PTTL", [key]) {
        case -2: .missing
        case -1: .unlimited
        case let milliseconds: .seconds(Double(milliseconds) / 1000)
        }
    }

    /// Takes keys their values; returns how many had one.
    @discardableResult
    public func delete(_ keys: String...) async throws -> Int { try await delete(keys) }

    /// Takes keys their values; returns how many had one.
    @discardableResult
    public func delete(_ keys: [String]) async throws -> Int { keys.isEmpty ? 0 : try await count("DEL", keys) }

    /// As `delete`; Redis frees the memory of large values behind our backs.
    @discardableResult
    public func unlink(_ keys: String...) async throws -> Int { keys.isEmpty ? 0 : try await count("UNLINK", keys) }

    /// How many of the keys have a value; a key that is named twice counts twice.
    public func exists(_ keys: String...) async throws -> Int { keys.isEmpty ? 0 : try await count("EXISTS", keys) }

    /// Notes that keys were used; returns how many have a value.
    @discardableResult
    public func touch(_ keys: String...) async throws -> Int { keys.isEmpty ? 0 : try await count("TOUCH", keys) }

    /// Gives a value another key; one that it had is lost.
    public func rename(_ key: String, to newKey: String) async throws { try await command("RENAME", key, newKey) }

    /// Gives a value another key if that has none; says whether that was done.
    public func renameNX(_ key: String, to newKey: String) async throws -> Bool {
        try await isTrue("RENAMENX", [key, newKey])
    }

    /// The kind of a value: "string", "list", "set", "zset", "hash", "stream"; nil when there is none.
    public func type(of key: String) async throws -> String? {
        let name = try await read("TYPE", [key], as: String.self)
        return name == "none" ? nil : name
    }

    /// Copies a value, also to another database; false when there is none, or `newKey` has one and is not replaced.
    @discardableResult
    public func copy(
        _ key: String, to newKey: String, database: Int? = nil, replaces: Bool = false
    ) async throws -> Bool {
        var words: [any RedisArgument] = [key, newKey]
        if let database { words += ["DB", database] as [any RedisArgument] }
        if replaces { words.append("REPLACE") }
        return try await isTrue("COPY", words)
    }

    /// Moves a value to the same key of another database; false when it cannot be.
    @discardableResult
    public func move(_ key: String, toDatabase database: Int) async throws -> Bool {
        try await isTrue("MOVE", [key, database])
    }

    /// Any key that has a value; nil when there is none.
    public func randomKey() async throws -> String? { try await readOptional("RANDOMKEY", []) }

    /// All keys that match a pattern. Redis does nothing else meanwhile: `scan` is better where there are many.
    public func keys(matching pattern: String) async throws -> [String] { try await readList("KEYS", [pattern]) }

    /// A value in the form that `restore` takes; nil when there is none.
    public func dump(_ key: String) async throws -> [UInt8]? { try await readOptional("DUMP", [key]) }

    /// Gives a key what `dump` returned; it expires after so many milliseconds, 0 for never.
    public func restore(
        _ key: String, _ dumped: [UInt8], milliseconds: Int = 0, replaces: Bool = false
    ) async throws {
        try await command("RESTORE", arguments: [key, milliseconds, dumped] + (replaces ? ["REPLACE"] : []))
    }

    /// The elements of a list, set or sorted set in order; nil for what a pattern of `get` has not found.
    public func sort<Value: RedisReadable>(
        _ key: String, _ options: RedisSortOptions = RedisSortOptions(), as type: Value.Type = [UInt8].self
    ) async throws -> [Value?] {
        try await command("SORT", arguments: [key] + options.words).list().map { $0.isNull ? nil : try $0.read() }
    }

    /// Stores what `sort` would return as a list; returns how many there are.
    @discardableResult
    public func sort(
        _ key: String, into destination: String, _ options: RedisSortOptions = RedisSortOptions()
    ) async throws -> Int {
        try await count("SORT", [key] + options.words + ["STORE", destination])
    }
}
