import ApusProtocols

/// When `set` stores a value.
public nonisolated enum RedisSetCondition: String, Sendable {
    /// Only when the key has no value.
    case isMissing = "NX"
    /// Only when the key has a value.
    case exists = "XX"
}

/// How long a key keeps its value.
public nonisolated enum RedisExpiry: Sendable, Hashable {
    /// Seconds from now.
    case seconds(Int)
    /// Milliseconds from now.
    case milliseconds(Int)
    /// A moment, in seconds since 1970.
    case at(unixSeconds: Int)
    /// A moment, in milliseconds since 1970.
    case atMilliseconds(Int)
    /// For ever.
    case never

    /// As `SET` and `GETEX` name it.
    func words(never: String) -> [any RedisArgument] {
        switch self {
        case .seconds(let count): ["EX", count]
        case .milliseconds(let count): ["PX", count]
        case .at(let moment): ["EXAT", moment]
        case .atMilliseconds(let moment): ["PXAT", moment]
        case .never: never.isEmpty ? [] : [never]
        }
    }
}

/// What `BITOP` does with its keys.
public nonisolated enum RedisBitOperation: String, Sendable {
    /// A bit is set where it is in all.
    case and = "AND"
    /// A bit is set where it is in one of them.
    case or = "OR"
    /// A bit is set where it is in an odd number of them.
    case xor = "XOR"
    /// A bit is set where it is not; of one key.
    case not = "NOT"
}

extension RedisCommands {
    /// The value of a key; nil when it has none.
    public func get(_ key: String) async throws -> [UInt8]? { try await readOptional("GET", [key]) }

    /// The value of a key as text or as a number; nil when it has none.
    public func get<Value: RedisReadable>(_ key: String, as type: Value.Type) async throws -> Value? {
        try await readOptional("GET", [key])
    }

    /// Gives a key a value, which is gone after `seconds` if they are given. False when the condition does not hold.
    @discardableResult
    public func set(
        _ key: String, _ value: any RedisArgument, expiresIn seconds: Int? = nil,
        ifKey condition: RedisSetCondition? = nil
    ) async throws -> Bool {
        try await set(key, value, expiry: seconds.map { .seconds($0) } ?? .never, ifKey: condition)
    }

    /// Gives a key a value; one that it had expires as `expiry` says. False when the condition does not hold.
    @discardableResult
    public func set(
        _ key: String, _ value: any RedisArgument, expiry: RedisExpiry, ifKey condition: RedisSetCondition? = nil
    ) async throws -> Bool {
        let words = expiry.words(never: "") + (condition.map { [$0.rawValue] } ?? [])
        return try await !command("SET", arguments: [key, value] + words).isNull
    }

    /// Gives a key another value, and leaves alone when it expires. False when the condition does not hold.
    @discardableResult
    public func setKeepingExpiry(
        _ key: String, _ value: any RedisArgument, ifKey condition: RedisSetCondition? = nil
    ) async throws -> Bool {
        let words: [any RedisArgument] = [key, value, "KEEPTTL"] + (condition.map { [$0.rawValue] } ?? [])
        return try await !command("SET", arguments: words).isNull
    }

    /// Gives a key a value and returns the one that it had.
    public func getSet(
        _ key: String, _ value: any RedisArgument, expiry: RedisExpiry = .never
    ) async throws -> [UInt8]? {
        try await readOptional("SET", [key, value, "GET"] + expiry.words(never: ""))
    }

    /// The values of keys, in their order; nil for those that have none.
    public func mGet<Value: RedisReadable>(
        _ keys: [String], as type: Value.Type = [UInt8].self
    ) async throws -> [Value?] {
        if keys.isEmpty { return [] }
        return try await command("MGET", arguments: keys).list().map { $0.isNull ? nil : try $0.read() }
    }

    /// Gives each key its value.
    public func mSet(_ values: [String: any RedisArgument]) async throws {
        if !values.isEmpty { try await command("MSET", arguments: words(values)) }
    }

    /// Gives each key its value if none of them has one; says whether that was done.
    public func mSetNX(_ values: [String: any RedisArgument]) async throws -> Bool {
        try await isTrue("MSETNX", words(values))
    }

    func words(_ values: [String: any RedisArgument]) -> [any RedisArgument] {
        values.flatMap { [$0, $1] as [any RedisArgument] }
    }

    /// Adds to a number; a key without a value counts as 0. Returns the sum.
    @discardableResult
    public func incr(_ key: String, by amount: Int = 1) async throws -> Int {
        try await count("INCRBY", [key, amount])
    }

    /// Takes from a number; a key without a value counts as 0. Returns the difference.
    @discardableResult
    public func decr(_ key: String, by amount: Int = 1) async throws -> Int {
        try await count("DECRBY", [key, amount])
    }

    /// Adds a fraction to a number. Returns the sum.
    @discardableResult
    public func incrByFloat(_ key: String, _ amount: Double) async throws -> Double {
        try await read("INCRBYFLOAT", [key, amount])
    }

    /// Appends to a value; returns its length in bytes.
    @discardableResult
    public func append(_ key: String, _ value: any RedisArgument) async throws -> Int {
        try await count("APPEND", [key, value])
    }

    /// Bytes of a value from `start` to `end`, which is included; negative ones count from the end.
    public func getRange(_ key: String, _ start: Int, _ end: Int) async throws -> [UInt8] {
        try await read("GETRANGE", [key, start, end])
    }

    /// Overwrites a value from an offset in bytes on; returns its length.
    @discardableResult
    public func setRange(_ key: String, _ offset: Int, _ value: any RedisArgument) async throws -> Int {
        try await count("SETRANGE", [key, offset, value])
    }

    /// The length of a value in bytes; 0 when there is none.
    public func strLen(_ key: String) async throws -> Int { try await count("STRLEN", [key]) }

    /// Takes a key its value, and returns that.
    public func getDel(_ key: String) async throws -> [UInt8]? { try await readOptional("GETDEL", [key]) }

    /// The value of a key, which from now on expires as `expiry` says.
    public func getEx(_ key: String, expiry: RedisExpiry) async throws -> [UInt8]? {
        try await readOptional("GETEX", [key] + expiry.words(never: "PERSIST"))
    }

    // MARK: Bits

    /// A bit of a value, counted from the most significant one of the first byte.
    public func getBit(_ key: String, _ offset: Int) async throws -> Bool { try await isTrue("GETBIT", [key, offset]) }

    /// Sets a bit of a value; returns what it was.
    @discardableResult
    public func setBit(_ key: String, _ offset: Int, _ isSet: Bool) async throws -> Bool {
        try await isTrue("SETBIT", [key, offset, isSet ? 1 : 0])
    }

    /// How many bits are set, in all bytes or in those from the first to the last of `range`.
    public func bitCount(_ key: String, in range: ClosedRange<Int>? = nil) async throws -> Int {
        try await count("BITCOUNT", [key] + (range.map { [$0.lowerBound, $0.upperBound] } ?? []))
    }

    /// Where the first bit is that is set, or not; nil when there is none.
    public func bitPos(_ key: String, _ isSet: Bool) async throws -> Int? {
        let position = try await count("BITPOS", [key, isSet ? 1 : 0])
        return position < 0 ? nil : position
    }

    /// Combines the bits of keys into another one; returns its length in bytes.
    @discardableResult
    public func bitOp(
        _ operation: RedisBitOperation, into destination: String, _ keys: String...
    ) async throws -> Int {
        try await count("BITOP", [operation.rawValue, destination] + keys)
    }

    /// Reads and changes numbers of any width among the bits: the words behind the key of `BITFIELD`. Nil for what
    /// would not fit.
    @discardableResult
    public func bitField(_ key: String, _ operations: any RedisArgument...) async throws -> [Int?] {
        try await command("BITFIELD", arguments: [key] + operations).list().map { $0.isNull ? nil : try $0.read() }
    }
}
