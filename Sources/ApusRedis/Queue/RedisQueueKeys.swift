/// The keys of redis-queue. Their common part in braces keeps them together in a cluster.
nonisolated struct RedisQueueKeys: Sendable {
    private let start: String

    init(prefix: String) { start = prefix + "{redis-queue}" }

    /// A list: messages are put in at the left, and taken from the right.
    func waiting(_ queue: String) -> String { waitingStart + queue }
    var waitingStart: String { "\(start)-waiting" }
    /// A sorted set: scores are when messages are due, in seconds since 1970.
    var delayed: String { "\(start)-delayed" }
    /// A list.
    var failed: String { "\(start)-failed" }
    /// A hash: what consumers are handling, by the list that holds it, and the list that it came from.
    var consumers: String { "\(start)-consumers" }
    /// A list: what a consumer is handling.
    func processing(_ consumer: String) -> String { "\(start)-processing:\(consumer)" }
    /// There as long as the consumer lives.
    func alive(processing: String) -> String { "\(processing):alive" }
}

/// What has to happen as a whole.
enum RedisQueueScripts {
    /// Moves messages that are due, so many at most, to the lists they wait in; returns how many.
    /// KEYS: delayed, failed. ARGV: now, limit, start of the names of lists.
    static let moveDue = RedisScript(
        """
        local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
        for _, message in ipairs(due) do
          if redis.call('ZREM', KEYS[1], message) == 1 then
            local isRead, package = pcall(cjson.decode, message)
            if isRead and type(package) == 'table' and type(package.queue) == 'string' then
              redis.call('LPUSH', ARGV[3] .. package.queue, message)
            else
              redis.call('LPUSH', KEYS[2], message)
            end
          end
        end
        return #due
        """)

    /// Ends the handling of a message, and puts what became of it where it goes; 0 when somebody else has taken it
    /// over. KEYS: processing, destination. ARGV: message, "" or what it became, "" or when that is due.
    static let settle = RedisScript(
        """
        if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
        if ARGV[2] ~= '' then
          if ARGV[3] ~= '' then
            redis.call('ZADD', KEYS[2], ARGV[3], ARGV[2])
          else
            redis.call('LPUSH', KEYS[2], ARGV[2])
          end
        end
        return 1
        """)

    /// Gives back what a consumer was handling, if it is dead: as the next that are taken. Returns how many.
    /// KEYS: processing, alive, consumers, waiting.
    static let recover = RedisScript(
        """
        if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
        local count = 0
        while redis.call('LMOVE', KEYS[1], KEYS[4], 'LEFT', 'RIGHT') do count = count + 1 end
        redis.call('HDEL', KEYS[3], KEYS[1])
        return count
        """)
}
