import CApus

extension EventLoop {
    /// Runs `body` on this process' event loop and returns what it returns or throws: for programs that are clients,
    /// and for tests. Servers call `Worker.runAll()`. On the main thread only, and not from within the loop.
    ///
    ///     let answer = try EventLoop.run {
    ///         let connection = try await Connection.connect(.text, to: "127.0.0.1:5000")
    ///         try await connection.write("hello")
    ///         for try await line in connection.messages { return line }
    ///         return "closed"
    ///     }
    public static func run<Result>(
        backend: Backend = .libevent, _ body: @escaping @MainActor () async throws -> Result
    ) throws -> Result {
        let loop = try current ?? EventLoop(backend: backend)
        let outcome = Outcome<Result>()
        let work: @MainActor @Sendable () async -> Void = {
            await outcome.take(body)
            loop.stop()
        }
        Task(executorPreference: loop.executor) { await work() }
        loop.run()
        return try outcome.result!.get()
    }
}

/// What the body of `EventLoop.run` has come to.
private final class Outcome<Value> {
    private(set) var result: Result<Value, any Error>?

    func take(_ body: @MainActor () async throws -> Value) async {
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
    }
}
