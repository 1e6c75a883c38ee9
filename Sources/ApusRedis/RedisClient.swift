import Apus
import ApusProtocols

/// A client of one Redis server, with one connection on the event loop of this process.
///
///     let redis = try RedisClient("redis://:secret@10.0.0.5/2")
///     try await redis.set("greeting", "hello", expiresIn: 60)
///     let visits = try await redis.command("INCR", "visits").integer
///
/// It may be made before the workers run, and connects with the first command. All tasks share it: commands are sent as
/// they come, those of one turn of the loop together, without waiting for the replies of earlier ones. When the
/// connection breaks it is made again, with login and database, after pauses that grow to two seconds; commands that
/// were not sent wait for that until `RedisOptions.timeout`. Those that were sent fail with
/// `RedisError.connectionLost`, since nobody knows whether they were carried out. A command that holds up the
/// connection (`BLPOP`) holds up the others: give it a client of its own.
public final class RedisClient {
    /// Unsent bytes above which commands wait here rather than in the connection.
    private static let mostUnsentBytes = 256 * 1024
    /// Seconds between two attempts to connect.
    private static let longestPause = 2.0
    /// Seconds after which a connection was one that works, also when nobody has used it.
    private static let longLife = 5.0

    private let target: RedisTarget
    private let options: RedisOptions
    private var connection: Connection<RESP>?
    private var phase = Phase.idle
    /// Commands that were not sent.
    private var waiting = PendingQueue()
    /// Commands that were sent and have no reply.
    private var sent = PendingQueue()
    /// Replies that the greeting still gets, and when they have to be there, in monotonic nanoseconds.
    private var greetings = 0
    private var greetingDeadline: Int64 = 0
    /// Why there is no connection.
    private var failure = "the connection was not made yet"
    /// Why the connection ends, as far as that is known.
    private var endReason: String?
    private var loginFailure: String?
    /// Attempts since the last connection that was of use.
    private var attempts = 0
    /// Monotonic nanoseconds.
    private var readySince: Int64 = 0
    /// Monotonic nanoseconds before which no attempt is made.
    private var earliestAttempt: Int64 = 0
    private var isFlushDue = false
    private var timer: WorkerTimer?

    private enum Phase {
        /// No connection, and none is being made.
        case idle
        /// It is being made, or will be after a pause.
        case connecting
        /// Redis has not answered yet who it is.
        case greeting
        case ready
        case closed
    }

    /// A client of the server at `redis://[[user]:password@]host[:port][/database]`, `rediss://…` over TLS, or
    /// `unix:/path`. User, password and database that the options name are used where the address has none.
    public init(_ address: String, options: RedisOptions = RedisOptions()) throws(RedisError) {
        var target = try RedisTarget(address)
        target.username = target.username ?? options.username
        target.password = target.password ?? options.password
        target.database = target.database ?? options.database
        self.target = target
        self.options = options
    }

    isolated deinit {
        connection?.cancelReconnect()
        connection?.destroy()
    }

    /// Whether a command would be sent at once.
    public var isConnected: Bool { phase == .ready }

    // MARK: Commands

    /// Sends a command and returns its reply. Throws `RedisError`, also for an error that Redis replies, and
    /// `CancellationError` at once when the task is cancelled: what was sent may be carried out all the same.
    @discardableResult
    public func command(_ name: String, _ arguments: any RedisArgument...) async throws -> RedisValue {
        try await command(name, arguments: arguments)
    }

    /// Sends a command with arguments that are in an array already.
    @discardableResult
    public func command(_ name: String, arguments: [any RedisArgument]) async throws -> RedisValue {
        try Task.checkCancellation()
        guard phase != .closed else { throw RedisError.closed }
        guard Self.isShareable(name, arguments.first) else { throw RedisError.notShareable(name) }
        guard waiting.count + sent.count < options.maxOutstandingCommands else {
            throw RedisError.tooManyCommands(options.maxOutstandingCommands)
        }
        var bytes: [UInt8] = []
        RESPCommand.append([Array(name.utf8)] + arguments.map(\.redisBytes), to: &bytes)
        let pending = PendingCommand(bytes, deadline: deadline)
        waiting.append(pending)
        flushSoon()
        setTimer()
        let reply = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { pending.wait($0) }
        } onCancel: {
            // Its reply is still to come, so it stays in its queue.
            Task { @MainActor in pending.finish(.failure(CancellationError())) }
        }
        if case .error(let text) = reply { throw RedisError(reply: text) }
        return reply
    }

    /// Closes the connection for good. Commands that have no reply fail.
    public func close() {
        phase = .closed
        timer?.cancel()
        connection?.cancelReconnect()
        connection?.destroy()
        connection = nil
        fail(&sent, RedisError.connectionLost("the client was closed"))
        fail(&waiting, RedisError.closed)
    }

    private static let unshareable: Set<String> = [
        "AUTH", "DISCARD", "EXEC", "HELLO", "MONITOR", "MULTI", "PSUBSCRIBE", "PSYNC", "PUNSUBSCRIBE", "QUIT", "RESET",
        "SELECT", "SSUBSCRIBE", "SUBSCRIBE", "SUNSUBSCRIBE", "SYNC", "UNSUBSCRIBE", "UNWATCH", "WATCH",
    ]

    private static func isShareable(_ name: String, _ first: (any RedisArgument)?) -> Bool {
        let name = name.uppercased()
        if name == "CLIENT", let first {
            return String(decoding: first.redisBytes, as: UTF8.self).uppercased() != "REPLY"
        }
        return !unshareable.contains(name)
    }

    private func fail(_ queue: inout PendingQueue, _ error: RedisError) {
        for command in queue.takeAll() { command.finish(.failure(error)) }
    }

    // MARK: Sending

    /// What this turn of the loop asks for leaves together, at its end.
    private func flushSoon() {
        if phase == .idle { connect() }
        guard phase == .ready, !isFlushDue else { return }
        isFlushDue = true
        EventLoop.current.execute { [weak self] in self?.flush() }
    }

    private func flush() {
        isFlushDue = false
        guard phase == .ready, let connection else { return }
        var bytes: [UInt8] = []
        while connection.pendingSendBytes + bytes.count < Self.mostUnsentBytes, let command = waiting.popFirst() {
            if command.isOver { continue }
            bytes += command.bytes
            command.bytes = []
            sent.append(command)
        }
        // One that fails ends the connection, and with it what was sent.
        if !bytes.isEmpty { connection.sendRaw(bytes) }
    }

    // MARK: The connection

    private func connect() {
        phase = .connecting
        let pause = Double(earliestAttempt - EventLoop.current.now) / 1e9
        do throws(AddressError) {
            if connection == nil { connection = try makeConnection() }
            connection?.reconnect(after: max(0, pause))
        } catch {
            phase = .idle
            fail(&waiting, .invalidAddress(error.text, reason: error.reason))
        }
    }

    private func makeConnection() throws(AddressError) -> Connection<RESP> {
        var connect = options.connect
        if target.isSecured, connect.tls == nil { connect.tls = TLSClientOptions() }
        connect.limits.maxPackageSize = options.maxReplyBytes
        // Bounded by what is sent.
        connect.limits.maxSendBufferSize = .max
        let connection = try Connection(RESP(), to: target.address, options: connect)
        connection.onConnect = { [weak self] in self?.greet($0) }
        connection.onMessage = { [weak self] in self?.received($1, $0) }
        connection.onBufferDrain = { [weak self] _ in self?.flush() }
        connection.onError = { [weak self] in self?.endReason = $2 }
        connection.onClose = { [weak self] _ in self?.ended() }
        return connection
    }

    private func greet(_ connection: Connection<RESP>) {
        let commands = target.greeting(speaksRESP3: options.speaksRESP3)
        phase = .greeting
        greetings = commands.count
        greetingDeadline = deadline
        endReason = nil
        var bytes: [UInt8] = []
        for command in commands { RESPCommand.append(command.map { Array($0.utf8) }, to: &bytes) }
        connection.sendRaw(bytes)
        setTimer()
    }

    private func received(_ reply: RedisValue, _ connection: Connection<RESP>) {
        if case .push = reply { return }  // Nobody has asked for news.
        guard phase == .ready else { return greeted(reply, connection) }
        guard let command = sent.popFirst() else {
            endReason = "Redis sent what nobody had asked for"
            return connection.destroy()
        }
        attempts = 0
        command.finish(.success(reply))
        if !waiting.isEmpty { flushSoon() }
    }

    /// What a server says that will be ready later, such as one that is still reading its data.
    private static let passingTroubles = ["LOADING", "MASTERDOWN", "BUSY", "ERR max number of clients"]

    private func greeted(_ reply: RedisValue, _ connection: Connection<RESP>) {
        if case .error(let text) = reply {
            endReason = text
            if !Self.passingTroubles.contains(where: text.hasPrefix) { loginFailure = text }
            return connection.destroy()
        }
        greetings -= 1
        guard greetings == 0 else { return }
        phase = .ready
        readySince = EventLoop.current.now
        flush()
    }

    /// The connection has closed, or could not be made.
    private func ended() {
        guard phase != .closed else { return }
        failure = endReason ?? "the connection was closed"
        endReason = nil
        let now = EventLoop.current.now
        if phase == .ready, Double(now - readySince) / 1e9 > Self.longLife { attempts = 0 }
        phase = .idle
        // At once the first time: most often Redis was started anew.
        let longest = attempts == 0 ? 0 : min(Self.longestPause, 0.025 * Double(1 << min(attempts, 10)))
        attempts += 1
        earliestAttempt = now + Int64(Double.random(in: longest / 2...longest) * 1e9)
        fail(&sent, .connectionLost(failure))
        if let loginFailure = loginFailure.take() {
            // Asking again does not help: the next command does. A connection that stays closed loses its callbacks.
            connection = nil
            fail(&waiting, .loginFailed(loginFailure))
        } else {
            connect()
        }
    }

    // MARK: Time-outs

    /// Of what is asked for now.
    private var deadline: Int64 { EventLoop.current.now + Int64(options.timeout * 1e9) }

    /// All commands may take the same time, so the first ones of both queues are due first.
    private func setTimer() {
        let greeting = phase == .greeting ? greetingDeadline : nil
        guard timer == nil,
            let due = [sent.first?.deadline, waiting.first?.deadline, greeting].compactMap(\.self).min()
        else { return }
        let seconds = Double(due - EventLoop.current.now) / 1e9
        timer = WorkerTimer.after(max(0, seconds)) { [weak self] _ in self?.timeOut() }
    }

    private func timeOut() {
        timer = nil
        let now = EventLoop.current.now
        if let first = sent.first, first.deadline <= now {
            // The replies of all others would stand behind this one.
            while let command = sent.first, command.deadline <= now {
                _ = sent.popFirst()
                command.finish(.failure(RedisError.timedOut))
            }
            endReason = "a command was not replied to within \(options.timeout) seconds"
            connection?.destroy()
        }
        if phase == .greeting, greetingDeadline <= now {
            endReason = "the server was not ready within \(options.timeout) seconds"
            connection?.destroy()
        }
        while let command = waiting.first, command.isOver || command.deadline <= now {
            _ = waiting.popFirst()
            command.finish(.failure(RedisError.unavailable(failure)))
        }
        setTimer()
    }
}
