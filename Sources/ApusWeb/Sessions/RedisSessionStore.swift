public import ApusRedis

/// Sessions in Redis, for any number of machines. Redis itself removes those whose time has passed.
public final class RedisSessionStore: SessionStore {
    private let redis: RedisClient
    private let prefix: String

    /// Sessions under keys that begin with `prefix`.
    public init(_ redis: RedisClient, prefix: String = "session:") {
        self.redis = redis
        self.prefix = prefix
    }

    nonisolated deinit {}

    public func read(_ id: String) async throws -> [UInt8]? { try await redis.get(prefix + id) }

    public func write(_ id: String, _ data: [UInt8], lifetime: Int, isNew: Bool) async throws -> Bool {
        try await redis.set(prefix + id, data, expiresIn: lifetime, ifKey: isNew ? nil : .exists)
    }

    public func touch(_ id: String, lifetime: Int) async throws -> Bool {
        try await redis.expire(prefix + id, in: lifetime)
    }

    public func remove(_ id: String) async throws { try await redis.delete(prefix + id) }
}
