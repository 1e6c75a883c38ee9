import ApusProtocols

/// A member of a sorted set.
public nonisolated struct RedisScored: Sendable, Hashable {
    /// The member.
    public let member: [UInt8]
    /// What it is sorted by.
    public let score: Double

    /// The member as text. What is no UTF-8 in it is replaced.
    public var string: String { String(decoding: member, as: UTF8.self) }

    /// A member with its score.
    public init(member: [UInt8], score: Double) {
        self.member = member
        self.score = score
    }
}

/// Which members `zAdd` adds or changes.
public nonisolated enum RedisScoreCondition: String, Sendable {
    /// New ones alone.
    case isNew = "NX"
    /// Those that are there alone.
    case exists = "XX"
    /// New ones, and others that get a higher score.
    case isHigher = "GT"
    /// New ones, and others that get a lower score.
    case isLower = "LT"
}

/// Members of a sorted set, in order.
public nonisolated enum RedisRange: Sendable, Hashable {
    /// By place; negative ones count from the end, and the last one is included.
    case places(Int, Int)
    /// By score, both ends included.
    case scores(ClosedRange<Double>)
    /// By score in Redis' own words: "(1.5" leaves 1.5 out, "-inf" and "+inf" are the ends.
    case scoresBetween(String, String)
    /// By bytes, among members of the same score: "[a" includes "a", "(a" does not, "-" and "+" are the ends.
    case lexical(String, String)

    /// The ends, and what they are.
    var words: (low: any RedisArgument, high: any RedisArgument, by: [any RedisArgument]) {
        switch self {
        case .places(let start, let end): (start, end, [])
        case .scores(let range): (range.lowerBound, range.upperBound, ["BYSCORE"])
        case .scoresBetween(let low, let high): (low, high, ["BYSCORE"])
        case .lexical(let low, let high): (low, high, ["BYLEX"])
        }
    }
}

/// How the scores of a member that is in several sorted sets become one.
public nonisolated enum RedisAggregate: String, Sendable {
    /// Their sum.
    case sum = "SUM"
    /// The lowest.
    case min = "MIN"
    /// The highest.
    case max = "MAX"
}

extension RedisCommands {
    /// Adds members or changes their scores; returns how many are new, or with `countsChanged` also changed.
    @discardableResult
    public func zAdd(
        _ key: String, _ members: [(any RedisArgument, score: Double)], ifMember condition: RedisScoreCondition? = nil,
        countsChanged: Bool = false
    ) async throws -> Int {
        if members.isEmpty { return 0 }
        var words: [any RedisArgument] = [key]
        if let condition { words.append(condition.rawValue) }
        if countsChanged { words.append("CH") }
        return try await count("ZADD", words + members.flatMap { [$0.score, $0.0] as [any RedisArgument] })
    }

    /// Adds a member or changes its score; says whether it is new.
    @discardableResult
    public func zAdd(_ key: String, _ member: any RedisArgument, score: Double) async throws -> Bool {
        try await isTrue("ZADD", [key, score, member])
    }

    /// Adds to the score of a member; one that is not there has 0. Returns the sum.
    @discardableResult
    public func zIncrBy(_ key: String, _ member: any RedisArgument, _ amount: Double) async throws -> Double {
        try await read("ZINCRBY", [key, amount, member])
    }

    /// Takes members out; returns how many there were.
    @discardableResult
    public func zRem(_ key: String, _ members: any RedisArgument...) async throws -> Int {
        members.isEmpty ? 0 : try await count("ZREM", [key] + members)
    }

    /// Takes out the members of a range; returns how many there were.
    @discardableResult
    public func zRemRange(_ key: String, _ range: RedisRange) async throws -> Int {
        let (low, high, _) = range.words
        let name =
            switch range {
            case .places: "ZREMRANGEBYRANK"
            case .scores, .scoresBetween: "ZREMRANGEBYSCORE"
            case .lexical: "ZREMRANGEBYLEX"
            }
        return try await count(name, [key, low, high])
    }

    /// How many members there are.
    public func zCard(_ key: String) async throws -> Int { try await count("ZCARD", [key]) }

    /// How many members are in a range of scores, or of bytes; places are counted by `zCard`.
    public func zCount(_ key: String, _ range: RedisRange) async throws -> Int {
        let (low, high, by) = range.words
        guard !by.isEmpty else { return try await zRange(key, range).count }
        return try await count(by[0] as? String == "BYLEX" ? "ZLEXCOUNT" : "ZCOUNT", [key, low, high])
    }

    /// The score of a member; nil when it is not there.
    public func zScore(_ key: String, _ member: any RedisArgument) async throws -> Double? {
        try await readOptional("ZSCORE", [key, member])
    }

    /// The scores of members; nil for those that are not there.
    public func zMScore(_ key: String, _ members: any RedisArgument...) async throws -> [Double?] {
        try await command("ZMSCORE", arguments: [key] + members).list().map { $0.isNull ? nil : try $0.read() }
    }

    /// How many members have a lower score than this one; nil when it is not there.
    public func zRank(_ key: String, _ member: any RedisArgument) async throws -> Int? {
        try await readOptional("ZRANK", [key, member])
    }

    /// How many members have a higher score than this one; nil when it is not there.
    public func zRevRank(_ key: String, _ member: any RedisArgument) async throws -> Int? {
        try await readOptional("ZREVRANK", [key, member])
    }

    private func rangeWords(
        _ key: String, _ range: RedisRange, _ isReversed: Bool, _ limit: (offset: Int, count: Int)?
    ) -> [any RedisArgument] {
        let (low, high, by) = range.words
        // The ends of a range of places are those of the order that is asked for.
        let turns = isReversed && !by.isEmpty
        var words: [any RedisArgument] = [key, turns ? high : low, turns ? low : high] + by
        if isReversed { words.append("REV") }
        if let limit { words += ["LIMIT", limit.offset, limit.count] as [any RedisArgument] }
        return words
    }

    /// Members in order, from the last to the first if `isReversed`. `limit` is not for places.
    public func zRange<Value: RedisReadable>(
        _ key: String, _ range: RedisRange = .places(0, -1), isReversed: Bool = false,
        limit: (offset: Int, count: Int)? = nil, as type: Value.Type = [UInt8].self
    ) async throws -> [Value] {
        try await readList("ZRANGE", rangeWords(key, range, isReversed, limit))
    }

    /// Members in order, with their scores. Not for ranges of bytes.
    public func zRangeWithScores(
        _ key: String, _ range: RedisRange = .places(0, -1), isReversed: Bool = false,
        limit: (offset: Int, count: Int)? = nil
    ) async throws -> [RedisScored] {
        try await scored("ZRANGE", rangeWords(key, range, isReversed, limit) + ["WITHSCORES"])
    }

    private func scored(_ name: String, _ words: [any RedisArgument]) async throws -> [RedisScored] {
        try await command(name, arguments: words).pairs().map {
            RedisScored(member: try $0.0.read(), score: try $0.1.read())
        }
    }

    /// Takes out members with the lowest scores, so many at most.
    public func zPopMin(_ key: String, count: Int = 1) async throws -> [RedisScored] {
        try await scored("ZPOPMIN", [key, count])
    }

    /// Takes out members with the highest scores, so many at most.
    public func zPopMax(_ key: String, count: Int = 1) async throws -> [RedisScored] {
        try await scored("ZPOPMAX", [key, count])
    }

    /// Any members, so many at most.
    public func zRandMember(_ key: String, count: Int = 1) async throws -> [RedisScored] {
        try await scored("ZRANDMEMBER", [key, count, "WITHSCORES"])
    }

    /// Stores what is in one of the sets; returns how many there are. `weights` multiply the scores of each.
    @discardableResult
    public func zUnionStore(
        _ destination: String, _ keys: [String], weights: [Double]? = nil, aggregate: RedisAggregate = .sum
    ) async throws -> Int {
        try await count("ZUNIONSTORE", [destination] + combined(keys, weights, aggregate))
    }

    /// Stores what is in all of the sets; returns how many there are.
    @discardableResult
    public func zInterStore(
        _ destination: String, _ keys: [String], weights: [Double]? = nil, aggregate: RedisAggregate = .sum
    ) async throws -> Int {
        try await count("ZINTERSTORE", [destination] + combined(keys, weights, aggregate))
    }

    /// What is in one of the sets, with scores.
    public func zUnion(
        _ keys: [String], weights: [Double]? = nil, aggregate: RedisAggregate = .sum
    ) async throws -> [RedisScored] {
        try await scored("ZUNION", combined(keys, weights, aggregate) + ["WITHSCORES"])
    }

    /// What is in all of the sets, with scores.
    public func zInter(
        _ keys: [String], weights: [Double]? = nil, aggregate: RedisAggregate = .sum
    ) async throws -> [RedisScored] {
        try await scored("ZINTER", combined(keys, weights, aggregate) + ["WITHSCORES"])
    }

    /// What is in the first of the sets alone, with scores.
    public func zDiff(_ keys: [String]) async throws -> [RedisScored] {
        try await scored("ZDIFF", [keys.count] + keys + ["WITHSCORES"])
    }

    private func combined(
        _ keys: [String], _ weights: [Double]?, _ aggregate: RedisAggregate
    ) -> [any RedisArgument] {
        var words: [any RedisArgument] = [keys.count] + keys
        if let weights { words += ["WEIGHTS"] + weights as [any RedisArgument] }
        return words + ["AGGREGATE", aggregate.rawValue]
    }

    // MARK: HyperLogLog

    /// Notes elements; says whether the estimate has changed.
    @discardableResult
    public func pfAdd(_ key: String, _ elements: any RedisArgument...) async throws -> Bool {
        try await isTrue("PFADD", [key] + elements)
    }

    /// About how many different elements were noted, in all keys together; within 0.81 %.
    public func pfCount(_ keys: String...) async throws -> Int { try await count("PFCOUNT", keys) }

    /// Notes in one key what was noted in others.
    public func pfMerge(_ destination: String, _ keys: String...) async throws {
        try await command("PFMERGE", arguments: [destination] + keys)
    }
}
