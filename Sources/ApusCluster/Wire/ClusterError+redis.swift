import ApusRedis

extension ClusterError {
    /// What has gone wrong at a Redis that is waited for so many seconds.
    init(_ error: RedisError, _ timeout: Double) {
        self =
            switch error {
            case .unavailable(let reason), .loginFailed(let reason): .unavailable(reason)
            case .connectionLost(let reason): .connectionLost(reason)
            case .timedOut: .timedOut(timeout)
            case .tooManyCommands(let count): .tooManyRequests(count)
            case .closed: .closed
            case .invalidAddress: .invalidAddress("\(error)")
            case .unexpectedReply: .invalidAnswer("\(error)")
            default: .refused("\(error)")
            }
    }
}

/// Addresses of Redis servers: `redis://…`, `rediss://…`, and `redis+unix:/path`.
nonisolated enum RedisAddress {
    /// As the Redis client takes it; nil for what names no Redis server.
    static func address(in text: String) -> String? {
        if text.hasPrefix("redis+unix:") { return String(text.dropFirst(6)) }
        return text.hasPrefix("redis://") || text.hasPrefix("rediss://") ? text : nil
    }
}
