import ApusRedis

/// Keeps values in Redis, each at the key of its name.
final class RedisDataStore: GlobalDataStore {
    private static let replacing = RedisScript(
        """
        local value = redis.call('GET', KEYS[1]) or 'null'
        if value ~= ARGV[1] then return 0 end
        if ARGV[2] == 'null' then redis.call('DEL', KEYS[1])
        elseif ARGV[3] then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
        else redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL') end
        return 1
        """)
    /// What is no number counts as 0; numbers that do not fit are none.
    private static let adding = RedisScript(
        """
        local value = redis.call('GET', KEYS[1])
        if not value then return false end
        if not tonumber(value) then redis.call('SET', KEYS[1], '0', 'KEEPTTL') end
        local isWhole = not string.find(redis.call('GET', KEYS[1]) .. ARGV[1], '[.eE]')
        local result = redis.pcall(isWhole and 'INCRBY' or 'INCRBYFLOAT', KEYS[1], ARGV[1])
        if type(result) == 'table' then return false end
        return redis.call('GET', KEYS[1])
        """)

    private let redis: RedisClient
    private let timeout: Double

    init(_ address: String, _ options: GlobalDataClientOptions) throws(ClusterError) {
        timeout = options.timeout
        var redisOptions = RedisOptions(password: options.secret)
        redisOptions.timeout = options.timeout
        redisOptions.maxOutstandingCommands = options.maxRequests
        redisOptions.maxReplyBytes = options.maxMessageBytes
        do throws(RedisError) {
            redis = try RedisClient(address, options: redisOptions)
        } catch {
            throw ClusterError(error, timeout)
        }
    }

    nonisolated deinit {}

    private func ask<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as RedisError {
            throw ClusterError(error, timeout)
        }
    }

    func get(_ key: String) async throws -> [UInt8] {
        try await ask { try await redis.get(key) ?? GlobalDataValues.null }
    }

    func set(_ key: String, _ json: [UInt8], seconds: Double?, ifMissing: Bool) async throws -> Bool {
        try await ask {
            if json == GlobalDataValues.null {
                if ifMissing { return try await redis.get(key) == nil }
                try await redis.delete(key)
                return true
            }
            var words: [any RedisArgument] = [key, json]
            if let seconds { words += ["PX", Self.milliseconds(seconds)] as [any RedisArgument] }
            if ifMissing { words.append("NX") }
            return try await !redis.command("SET", arguments: words).isNull
        }
    }

    func remove(_ key: String) async throws { try await ask { _ = try await redis.delete(key) } }

    func replace(_ key: String, _ old: [UInt8], _ new: [UInt8], seconds: Double?) async throws -> Bool {
        try await ask {
            var words: [any RedisArgument] = [old, new]
            if let seconds { words.append(Self.milliseconds(seconds)) }
            return try await redis.run(Self.replacing, keys: [key], words).integer == 1
        }
    }

    private static func milliseconds(_ seconds: Double) -> Int { max(1, Int(min(seconds, 3e9) * 1000)) }

    func add(_ key: String, _ step: String) async throws -> String? {
        try await ask { try await redis.run(Self.adding, keys: [key], [step]).string }
    }

    func close() { redis.close() }
}
