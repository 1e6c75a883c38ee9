import Apus
import ApusProtocols

/// A client of one Redis server, with one connection on the event loop of this process.
///
///     let redis = try RedisClient("redis://:secret@10.0.0.5/2")
///     try await redis.set("greeting", "hello", expiresIn: 60)
///     let visits = try await redis.incr("visits")
///     redis.send("GET", "greeting") { result in print(result) }
///
/// It may be made before the workers run, and connects with the first command. All tasks share it: commands are sent as
/// they come, those of one turn of the loop together, without waiting for the replies of earlier ones. When the
/// connection breaks it is made again, with login and database, after pauses that grow to two seconds; commands that
/// were not sent wait for that until `RedisOptions.timeout`. Those that were sent fail with
/// `RedisError.connectionLost`, since nobody knows whether they were carried out. A command that holds up the
/// connection (`BLPOP`), or changes it for all (`WATCH`), takes a connection of its own: see `withConnection`. Channels
/// are subscribed to with `subscribe`.
@MainActor public final class RedisClient: RedisCommands {
    let link: RedisLink
    let options: RedisOptions
    private var subscriber: RedisSubscriber?
    private(set) lazy var leases = ConnectionLeases(options.maxConnections)

    /// A client of the server at `redis://[[user]:password@]host[:port][/database]`, `rediss://…` over TLS, or
    /// `unix:/path`. User, password and database that the options name are used where the address has none.
    public init(_ address: String, options: RedisOptions = RedisOptions()) throws(RedisError) {
        var target = try RedisTarget(address)
        target.username = target.username ?? options.username
        target.password = target.password ?? options.password
        target.database = target.database ?? options.database
        self.options = options
        link = RedisLink(target, options)
    }

    isolated deinit {
        link.close()
        subscriber?.close()
    }

    /// Whether a command would be sent at once.
    public var isConnected: Bool { link.isReady }

    /// Called whenever the connection is there, login and database included.
    public var onConnect: (@MainActor () -> Void)? {
        get { link.onReady }
        set { link.onReady = newValue }
    }

    /// Called with the reason whenever the connection is lost. It is made again without anybody asking for it.
    public var onDisconnect: (@MainActor (String) -> Void)? {
        get { link.onEnd }
        set { link.onEnd = newValue }
    }

    // MARK: Commands

    /// Sends a command with arguments that are in an array already, and returns its reply. Throws `RedisError`, also
    /// for an error that Redis replies, and `CancellationError` at once when the task is cancelled: what was sent may
    /// be carried out all the same.
    @discardableResult
    public func command(_ name: String, arguments: [any RedisArgument]) async throws -> RedisValue {
        if !Self.isShareable(name, arguments.first) {
            throw link.phase == .closed ? RedisError.closed : RedisError.notShareable(name)
        }
        return try await link.reply { Self.encode(name, arguments, to: $0) }
    }

    /// Sends a command and calls `completion` with its reply, without a task: the quickest way. The completions of one
    /// client are called in the order of their commands, from the event loop and never before `send` returns. Those of
    /// commands that are refused before they are queued (`RedisError.closed`, `.notShareable`, `.tooManyCommands`)
    /// are called at the end of the loop's turn.
    public func send(
        _ name: String, _ arguments: any RedisArgument...,
        completion: @escaping @MainActor (Result<RedisValue, RedisError>) -> Void
    ) {
        send(name, arguments: arguments, completion: completion)
    }

    /// Sends a command with arguments that are in an array already, and calls `completion` with its reply.
    public func send(
        _ name: String, arguments: [any RedisArgument],
        completion: @escaping @MainActor (Result<RedisValue, RedisError>) -> Void
    ) {
        let error = Self.isShareable(name, arguments.first) ? link.refusal : .notShareable(name)
        if let error { return EventLoop.current.execute { completion(.failure(error)) } }
        link.append(.callback(completion)) { Self.encode(name, arguments, to: $0) }
    }

    /// The value of a key; nil when it has none.
    public func get(_ key: String) async throws -> [UInt8]? {
        let reply = try await link.reply { $0.append(head: "*2\r\n$3\r\nGET\r\n", key) }
        if case .bytes(let bytes) = reply { return bytes }
        guard reply.isNull else { throw RedisError.unexpectedReply(reply) }
        return nil
    }

    /// Calls `completion` with the value of a key, nil when it has none: `get` without a task.
    public func get(_ key: String, completion: @escaping @MainActor (Result<[UInt8]?, RedisError>) -> Void) {
        if let error = link.refusal { return EventLoop.current.execute { completion(.failure(error)) } }
        let waiter = CommandWaiter.callback { result in
            switch result {
            case .success(.bytes(let bytes)): completion(.success(bytes))
            case .success(.null): completion(.success(nil))
            case .success(let other): completion(.failure(.unexpectedReply(other)))
            case .failure(let error): completion(.failure(error))
            }
        }
        link.append(waiter) { $0.append(head: "*2\r\n$3\r\nGET\r\n", key) }
    }

    static func encode(_ name: String, _ arguments: [any RedisArgument], to buffer: RESPCommandBuffer) {
        buffer.begin(1 + arguments.count)
        buffer.append(name)
        for argument in arguments { argument.withRedisBytes { buffer.append($0) } }
    }

    /// Changes the user for all who use this client; said again whenever the connection is made anew.
    public func authenticate(user: String? = nil, password: String) async throws {
        _ = try await link.reply {
            Self.encode("AUTH", (user.map { [$0] } ?? []) + [password], to: $0)
        }
        link.target.username = user
        link.target.password = password
    }

    /// Changes the database for all who use this client; said again whenever the connection is made anew.
    public func select(_ database: Int) async throws {
        _ = try await link.reply { Self.encode("SELECT", [database], to: $0) }
        link.target.database = database
    }

    /// Closes the connection for good, and those of subscriptions. Commands that have no reply fail.
    public func close() {
        link.close()
        subscriber?.close()
        leases.close()
    }

    // MARK: What is shared and what is not

    /// The connection that all subscriptions of this client share.
    var sharedSubscriber: RedisSubscriber {
        if let subscriber { return subscriber }
        let made = RedisSubscriber(link.target, options)
        if link.phase == .closed { made.close() }
        subscriber = made
        return made
    }

    private static let unshareable: Set<String> = [
        "AUTH", "DISCARD", "EXEC", "HELLO", "MONITOR", "MULTI", "PSUBSCRIBE", "PSYNC", "PUNSUBSCRIBE", "QUIT", "RESET",
        "SELECT", "SSUBSCRIBE", "SUBSCRIBE", "SUNSUBSCRIBE", "SYNC", "UNSUBSCRIBE", "UNWATCH", "WATCH",
    ]
    private static let longestUnshareable = 12

    static func isShareable(_ name: String, _ first: (any RedisArgument)?) -> Bool {
        // The most frequent commands are known by their first byte: none of those above begins with it.
        switch name.utf8.first {
        case UInt8(ascii: "G"), UInt8(ascii: "I"), UInt8(ascii: "L"), UInt8(ascii: "Z"), UInt8(ascii: "X"): return true
        default: break
        }
        guard name.utf8.count <= longestUnshareable else { return true }
        let name = name.uppercased()
        if name == "CLIENT", let first {
            return String(decoding: first.redisBytes, as: UTF8.self).uppercased() != "REPLY"
        }
        return !unshareable.contains(name)
    }
}
