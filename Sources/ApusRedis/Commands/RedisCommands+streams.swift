import ApusProtocols

/// An entry of a stream.
public nonisolated struct RedisStreamEntry: Sendable, Hashable {
    /// Milliseconds and a number: "1526919030474-55".
    public let id: String
    /// Its fields; none for one that was deleted since it was delivered.
    public let fields: [String: [UInt8]]

    /// A field as text; nil when there is none.
    public subscript(_ field: String) -> String? { fields[field].map { String(decoding: $0, as: UTF8.self) } }

    init(_ value: RedisValue) throws(RedisError) {
        let parts = try value.list()
        guard parts.count == 2 else { throw RedisError.unexpectedReply(value) }
        id = try parts[0].read()
        fields = try parts[1].isNull ? [:] : parts[1].dictionary()
    }
}

/// How long a stream may become.
public nonisolated enum RedisStreamLimit: Sendable, Hashable {
    /// So many entries, or a few more where Redis can drop whole blocks only.
    case about(entries: Int)
    /// So many entries.
    case exactly(entries: Int)
    /// Entries from this id on.
    case from(id: String)

    var words: [any RedisArgument] {
        switch self {
        case .about(let count): ["MAXLEN", "~", count]
        case .exactly(let count): ["MAXLEN", "=", count]
        case .from(let id): ["MINID", "=", id]
        }
    }
}

/// An entry that a consumer of a group has not acknowledged.
public nonisolated struct RedisPendingEntry: Sendable, Hashable {
    /// The entry's id.
    public let id: String
    /// Who got it.
    public let consumer: String
    /// Milliseconds since it was delivered last.
    public let idleMilliseconds: Int
    /// How often it was delivered.
    public let deliveries: Int
}

/// A consumer of a group.
public nonisolated struct RedisStreamConsumer: Sendable, Hashable {
    /// What it calls itself.
    public let name: String
    /// Entries that it has not acknowledged.
    public let pending: Int
    /// Milliseconds since it asked for entries.
    public let idleMilliseconds: Int
}

/// What `xAutoClaim` has taken over.
public nonisolated struct RedisClaimed: Sendable, Hashable {
    /// Where to begin the next time; "0-0" when all were looked at.
    public let next: String
    /// The entries, which are this consumer's now.
    public let entries: [RedisStreamEntry]
}

extension RedisCommands {
    /// Appends an entry and returns its id, which is chosen by Redis unless given.
    @discardableResult
    public func xAdd(
        _ key: String, _ fields: [String: any RedisArgument], id: String = "*", limit: RedisStreamLimit? = nil
    ) async throws -> String {
        try await read("XADD", [key] + (limit?.words ?? []) + [id] + words(fields))
    }

    /// How many entries there are.
    public func xLen(_ key: String) async throws -> Int { try await count("XLEN", [key]) }

    /// Entries from one id to another, both included, in order; so many at most. "-" and "+" are the ends, "(" before
    /// an id leaves it out.
    public func xRange(
        _ key: String, _ start: String = "-", _ end: String = "+", limit: Int? = nil
    ) async throws -> [RedisStreamEntry] {
        try await entries("XRANGE", [key, start, end] + (limit.map { ["COUNT", $0] } ?? [] as [any RedisArgument]))
    }

    /// As `xRange`, the last entry first.
    public func xRevRange(
        _ key: String, _ end: String = "+", _ start: String = "-", limit: Int? = nil
    ) async throws -> [RedisStreamEntry] {
        try await entries("XREVRANGE", [key, end, start] + (limit.map { ["COUNT", $0] } ?? [] as [any RedisArgument]))
    }

    private func entries(_ name: String, _ words: [any RedisArgument]) async throws -> [RedisStreamEntry] {
        try await command(name, arguments: words).list().map { (entry) throws(RedisError) in
            try RedisStreamEntry(entry)
        }
    }

    /// Deletes entries; returns how many there were.
    @discardableResult
    public func xDel(_ key: String, _ ids: String...) async throws -> Int { try await count("XDEL", [key] + ids) }

    /// Drops the oldest entries; returns how many.
    @discardableResult
    public func xTrim(_ key: String, to limit: RedisStreamLimit) async throws -> Int {
        try await count("XTRIM", [key] + limit.words)
    }

    /// Entries behind the given ids, by key; so many of each at most. `RedisConnection.xRead` waits for some.
    public func xRead(_ ids: [String: String], limit: Int? = nil) async throws -> [String: [RedisStreamEntry]] {
        try streams(await command("XREAD", arguments: readWords(ids, limit)))
    }

    /// Entries that no consumer of the group has got yet (">"), or those this one has not acknowledged behind an id.
    public func xReadGroup(
        _ group: String, _ consumer: String, _ ids: [String: String], limit: Int? = nil, acknowledges: Bool = false
    ) async throws -> [String: [RedisStreamEntry]] {
        let words: [any RedisArgument] = ["GROUP", group, consumer] + (acknowledges ? ["NOACK"] : [])
        return try streams(await command("XREADGROUP", arguments: words + readWords(ids, limit)))
    }

    func readWords(
        _ ids: [String: String], _ limit: Int?, milliseconds: Int? = nil
    ) -> [any RedisArgument] {
        var words: [any RedisArgument] = limit.map { ["COUNT", $0] } ?? []
        if let milliseconds { words += ["BLOCK", milliseconds] as [any RedisArgument] }
        return words + ["STREAMS"] + ids.keys.map { $0 } + ids.values.map { $0 }
    }

    func streams(_ reply: RedisValue) throws(RedisError) -> [String: [RedisStreamEntry]] {
        var streams: [String: [RedisStreamEntry]] = [:]
        for (key, entries) in try reply.pairs() {
            streams[try key.read()] = try entries.list().map { (entry) throws(RedisError) in
                try RedisStreamEntry(entry)
            }
        }
        return streams
    }

    // MARK: Groups

    /// Makes a group that gets entries behind an id, "$" for those to come; and the stream if there is none.
    public func xGroupCreate(_ key: String, _ group: String, from id: String = "$") async throws {
        try await command("XGROUP", "CREATE", key, group, id, "MKSTREAM")
    }

    /// Removes a group; false when there is none.
    @discardableResult
    public func xGroupDestroy(_ key: String, _ group: String) async throws -> Bool {
        try await isTrue("XGROUP", ["DESTROY", key, group])
    }

    /// From now on the group gets entries behind another id.
    public func xGroupSetID(_ key: String, _ group: String, _ id: String) async throws {
        try await command("XGROUP", "SETID", key, group, id)
    }

    /// Removes a consumer with what it has not acknowledged; returns how much that was.
    @discardableResult
    public func xGroupDelConsumer(_ key: String, _ group: String, _ consumer: String) async throws -> Int {
        try await count("XGROUP", ["DELCONSUMER", key, group, consumer])
    }

    /// Entries are dealt with; returns how many were open.
    @discardableResult
    public func xAck(_ key: String, _ group: String, _ ids: String...) async throws -> Int {
        try await count("XACK", [key, group] + ids)
    }

    /// Entries that were delivered and are not acknowledged; so many at most.
    public func xPending(
        _ key: String, _ group: String, _ start: String = "-", _ end: String = "+", limit: Int = 100,
        consumer: String? = nil
    ) async throws -> [RedisPendingEntry] {
        let words: [any RedisArgument] = [key, group, start, end, limit] + (consumer.map { [$0] } ?? [])
        return try await command("XPENDING", arguments: words).list().map { entry in
            let parts = try entry.list()
            guard parts.count == 4 else { throw RedisError.unexpectedReply(entry) }
            return RedisPendingEntry(
                id: try parts[0].read(), consumer: try parts[1].read(), idleMilliseconds: try parts[2].read(),
                deliveries: try parts[3].read())
        }
    }

    /// Takes entries over that another consumer got so long ago that it may have died.
    public func xAutoClaim(
        _ key: String, _ group: String, _ consumer: String, idleMilliseconds: Int, from start: String = "0-0",
        limit: Int = 100
    ) async throws -> RedisClaimed {
        let reply = try await command("XAUTOCLAIM", key, group, consumer, idleMilliseconds, start, "COUNT", limit)
        let parts = try reply.list()
        guard parts.count >= 2 else { throw RedisError.unexpectedReply(reply) }
        // Redis 6.2 leaves nothing where an entry was deleted.
        let entries = try parts[1].list().filter { !$0.isNull }.map { (entry) throws(RedisError) in
            try RedisStreamEntry(entry)
        }
        return RedisClaimed(next: try parts[0].read(), entries: entries)
    }

    /// Takes over entries that were delivered at least so long ago.
    public func xClaim(
        _ key: String, _ group: String, _ consumer: String, idleMilliseconds: Int, _ ids: String...
    ) async throws -> [RedisStreamEntry] {
        try await entries("XCLAIM", [key, group, consumer, idleMilliseconds] + ids as [any RedisArgument])
    }

    /// The consumers of a group.
    public func xInfoConsumers(_ key: String, _ group: String) async throws -> [RedisStreamConsumer] {
        try await command("XINFO", "CONSUMERS", key, group).list().map { consumer in
            let facts: [String: RedisValue] = try consumer.dictionary()
            guard let name = facts["name"]?.string, let pending = facts["pending"]?.integer,
                let idle = facts["idle"]?.integer
            else { throw RedisError.unexpectedReply(consumer) }
            return RedisStreamConsumer(name: name, pending: pending, idleMilliseconds: idle)
        }
    }

    /// What Redis says of a stream.
    public func xInfo(_ key: String) async throws -> [String: RedisValue] {
        try await command("XINFO", "STREAM", key).dictionary()
    }
}

extension RedisConnection {
    /// As `RedisCommands.xRead`, and waits for entries so many seconds, 0 for ever; none when none have come.
    public func xRead(
        _ ids: [String: String], limit: Int? = nil, timeout seconds: Double
    ) async throws -> [String: [RedisStreamEntry]] {
        let words = readWords(ids, limit, milliseconds: Int(seconds * 1000))
        return try streams(await blocking("XREAD", words, seconds))
    }

    /// As `RedisCommands.xReadGroup`, and waits for entries so many seconds, 0 for ever; none when none have come.
    public func xReadGroup(
        _ group: String, _ consumer: String, _ ids: [String: String], limit: Int? = nil, timeout seconds: Double
    ) async throws -> [String: [RedisStreamEntry]] {
        let words: [any RedisArgument] = ["GROUP", group, consumer]
        let rest = readWords(ids, limit, milliseconds: Int(seconds * 1000))
        return try streams(await blocking("XREADGROUP", words + rest, seconds))
    }
}
