extension RedisClient {
    /// Sends the commands that `body` collects in one piece, and returns their replies. Errors among them are values
    /// (`RedisValue.error`): the other commands were carried out all the same.
    public func pipeline(_ body: (RedisBatch) throws -> Void) async throws -> [RedisValue] {
        let batch = RedisBatch()
        try body(batch)
        try batch.check()
        guard batch.count > 0 else { return [] }
        return try await link.replies(batch.count, batch.buffer)
    }

    /// Carries out the commands that `body` collects, all or none, with no command of others in between: `MULTI` and
    /// `EXEC`, in one piece over the shared connection. Returns their replies; what a command failed with is a value
    /// (`RedisValue.error`), and does not undo the others. Throws `RedisError.transactionRefused` when Redis did not
    /// take one of the commands, and none was carried out.
    public func transaction(_ body: (RedisBatch) throws -> Void) async throws -> [RedisValue] {
        let batch = RedisBatch()
        try body(batch)
        try batch.check()
        let replies = try await link.replies(batch.count + 2, batch.transaction)
        guard let results = try RedisBatch.results(replies) else { throw RedisError.unexpectedReply(.null) }
        return results
    }

    /// Changes keys only if nobody else has changed them since they were read. `body` reads over a connection of its
    /// own, and collects what is to be done, which then is done as one transaction. Returns the replies, or nil when a
    /// key was changed meanwhile and nothing was done: begin again.
    ///
    ///     let results = try await redis.watch("balance") { connection, batch in
    ///         let balance = try await connection.get("balance", as: Int.self) ?? 0
    ///         batch.set("balance", balance / 2)
    ///     }
    public func watch(
        _ keys: String..., body: (RedisConnection, RedisBatch) async throws -> Void
    ) async throws -> [RedisValue]? {
        try await withConnection { connection in
            try await connection.watch(keys)
            let batch = RedisBatch()
            try await body(connection, batch)
            guard batch.count > 0 else { return [] }
            return try await connection.execute(batch)
        }
    }
}
