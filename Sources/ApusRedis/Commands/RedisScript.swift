import ApusProtocols

/// A script that Redis runs, with nothing of others in between. It is sent by its hash, and in whole only where the
/// server does not know it yet:
///
///     let take = RedisScript("if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end")
///     try await redis.run(take, keys: ["lock"], ["me"])
public nonisolated struct RedisScript: Sendable, Hashable {
    /// The text, in Lua.
    public let source: String
    /// What the server knows it by: its SHA-1 hash in hexadecimal digits.
    public let hash: String

    /// A script of this text.
    public init(_ source: String) {
        self.source = source
        hash = Array(source.utf8).withUnsafeBytes { SHA1.digest(of: $0) }.reduce(into: "") { text, byte in
            text += byte < 16 ? "0\(String(byte, radix: 16))" : String(byte, radix: 16)
        }
    }
}

extension RedisCommands {
    /// Runs a script on some keys and returns what it returns.
    @discardableResult
    public func run(
        _ script: RedisScript, keys: [String] = [], _ arguments: [any RedisArgument] = []
    ) async throws -> RedisValue {
        let rest: [any RedisArgument] = [keys.count] + keys + arguments
        do {
            return try await command("EVALSHA", arguments: [script.hash] + rest)
        } catch RedisError.refused("NOSCRIPT", _) {
            return try await command("EVAL", arguments: [script.source] + rest)
        }
    }

    /// Tells the server a script before it is run.
    public func load(_ script: RedisScript) async throws { try await command("SCRIPT", "LOAD", script.source) }

    /// Whether the server knows a script.
    public func knows(_ script: RedisScript) async throws -> Bool {
        try await readList("SCRIPT", ["EXISTS", script.hash], as: Int.self).first == 1
    }

    /// The server forgets all scripts.
    public func scriptFlush() async throws { try await command("SCRIPT", "FLUSH") }

    /// Loads a library of functions; returns its name. It takes Redis 7.
    @discardableResult
    public func functionLoad(_ source: String, replaces: Bool = false) async throws -> String {
        try await read("FUNCTION", ["LOAD"] + (replaces ? ["REPLACE"] : []) + [source])
    }

    /// Calls a function of a library on some keys and returns what it returns. It takes Redis 7.
    @discardableResult
    public func fCall(
        _ function: String, keys: [String] = [], _ arguments: [any RedisArgument] = [], isReadOnly: Bool = false
    ) async throws -> RedisValue {
        let words: [any RedisArgument] = [function, keys.count] + keys + arguments
        return try await command(isReadOnly ? "FCALL_RO" : "FCALL", arguments: words)
    }
}
