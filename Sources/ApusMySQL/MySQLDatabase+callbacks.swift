import Apus

extension MySQLDatabase {
    /// Executes a statement and calls `completion` with its result, for code that is not asynchronous.
    public func query(
        _ sql: String, _ parameters: any MySQLParameter...,
        completion: @escaping @MainActor (Result<MySQLResult, any Error>) -> Void
    ) {
        finish(completion) { try await self.query(MySQLStatement(sql, parameters)) }
    }

    /// Executes `body` in a transaction, see `transaction(_:)`, and calls `completion` with what it returned.
    public func transaction<Value>(
        _ body: @escaping @MainActor (MySQLTransaction) async throws -> Value,
        completion: @escaping @MainActor (Result<Value, any Error>) -> Void
    ) {
        finish(completion) { try await self.transaction(body) }
    }

    private func finish<Value>(
        _ completion: @escaping @MainActor (Result<Value, any Error>) -> Void,
        _ body: @escaping @MainActor () async throws -> Value
    ) {
        Task(executorPreference: EventLoop.current.taskExecutor) { await settle(completion, body) }
    }
}

private func settle<Value>(
    _ completion: @MainActor (Result<Value, any Error>) -> Void, _ body: @MainActor () async throws -> Value
) async {
    let result: Result<Value, any Error>
    do {
        result = .success(try await body())
    } catch {
        result = .failure(error)
    }
    completion(result)
}
