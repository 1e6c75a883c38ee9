import ApusProtocols

/// Commands that are collected, to be sent together: the body of `RedisClient.transaction` and `.pipeline`.
///
///     let results = try await redis.transaction { batch in
///         batch.incr("visits")
///         batch.lPush("log", "somebody was here")
///     }
public final class RedisBatch {
    /// How many there are.
    public private(set) var count = 0
    let buffer = RESPCommandBuffer()
    private var unshareable: String?

    init() {}
    nonisolated deinit {}

    /// Adds any command that has one reply and does not change the connection.
    public func command(_ name: String, _ arguments: any RedisArgument...) { command(name, arguments: arguments) }

    /// Adds a command with arguments that are in an array already.
    public func command(_ name: String, arguments: [any RedisArgument]) {
        if !RedisClient.isShareable(name, arguments.first) { unshareable = unshareable ?? name }
        RedisClient.encode(name, arguments, to: buffer)
        count += 1
    }

    func check() throws(RedisError) {
        if let unshareable { throw .notShareable(unshareable) }
    }

    /// The commands between `MULTI` and `EXEC`.
    var transaction: RESPCommandBuffer {
        let all = RESPCommandBuffer(capacity: 64 + buffer.count)
        all.append(encoded: "*1\r\n$5\r\nMULTI\r\n")
        all.append(buffer)
        all.append(encoded: "*1\r\n$4\r\nEXEC\r\n")
        return all
    }

    /// What the replies to `transaction` say; nil when a watched key has changed.
    static func results(_ replies: [RedisValue]) throws(RedisError) -> [RedisValue]? {
        switch replies.last {
        case .array(let results)?: return results
        case .null?: return nil
        case .error(let text)?:
            for case .error(let reason) in replies { throw .transactionRefused(reason) }
            throw .transactionRefused(text)
        default: throw .unexpectedReply(.array(replies))
        }
    }
}

extension RedisBatch {
    /// Adds `SET`.
    public func set(_ key: String, _ value: any RedisArgument, expiresIn seconds: Int? = nil) {
        command("SET", arguments: [key, value] + (seconds.map { ["EX", $0] } ?? [] as [any RedisArgument]))
    }

    /// Adds `GET`.
    public func get(_ key: String) { command("GET", key) }

    /// Adds `INCRBY`.
    public func incr(_ key: String, by amount: Int = 1) { command("INCRBY", key, amount) }

    /// Adds `DECRBY`.
    public func decr(_ key: String, by amount: Int = 1) { command("DECRBY", key, amount) }

    /// Adds `DEL`.
    public func delete(_ keys: String...) { command("DEL", arguments: keys) }

    /// Adds `EXPIRE`.
    public func expire(_ key: String, in seconds: Int) { command("EXPIRE", key, seconds) }

    /// Adds `HSET`.
    public func hSet(_ key: String, _ fields: [String: any RedisArgument]) {
        command("HSET", arguments: [key] + fields.flatMap { [$0, $1] as [any RedisArgument] })
    }

    /// Adds `HDEL`.
    public func hDel(_ key: String, _ fields: String...) { command("HDEL", arguments: [key] + fields) }

    /// Adds `HINCRBY`.
    public func hIncrBy(_ key: String, _ field: String, _ amount: Int) { command("HINCRBY", key, field, amount) }

    /// Adds `LPUSH`.
    public func lPush(_ key: String, _ values: any RedisArgument...) { command("LPUSH", arguments: [key] + values) }

    /// Adds `RPUSH`.
    public func rPush(_ key: String, _ values: any RedisArgument...) { command("RPUSH", arguments: [key] + values) }

    /// Adds `LREM`.
    public func lRem(_ key: String, _ value: any RedisArgument, count: Int = 0) { command("LREM", key, count, value) }

    /// Adds `SADD`.
    public func sAdd(_ key: String, _ members: any RedisArgument...) { command("SADD", arguments: [key] + members) }

    /// Adds `SREM`.
    public func sRem(_ key: String, _ members: any RedisArgument...) { command("SREM", arguments: [key] + members) }

    /// Adds `ZADD`.
    public func zAdd(_ key: String, _ member: any RedisArgument, score: Double) { command("ZADD", key, score, member) }

    /// Adds `ZREM`.
    public func zRem(_ key: String, _ members: any RedisArgument...) { command("ZREM", arguments: [key] + members) }

    /// Adds `PUBLISH`.
    public func publish(_ channel: String, _ message: any RedisArgument) { command("PUBLISH", channel, message) }
}
